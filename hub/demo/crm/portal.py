"""The CRM's customer portal: takes notices by signed webhook, each once, as Standard Webhooks say.

It knows nothing of who sends them but the secret, and checks what any receiver should.
"""

import base64
import hashlib
import hmac
import os
import sqlite3
import time

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.demo.gate import NativeError, json_response

PATH = "/portal/webhooks"
SECRET_VARIABLE = "OPSHUB_DEMO_PORTAL_SECRET"
OLD_S = 300
"""Seconds by which the sender's clock may differ; what was signed earlier is no news."""
BODY_BYTES_MAX = 262_144

_KEEP = (
    "INSERT INTO notices (id, kind, subject, body, receivedAt) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET times = times + 1"
)


def webhook_route(connection: sqlite3.Connection) -> Route:
    """POST: 200 for what it takes or has taken, 401 for what nobody it knows has signed."""

    async def take(request: Request) -> Response:
        body = await request.body()
        if len(body) > BODY_BYTES_MAX:
            raise NativeError(413, f"a notice has at most {BODY_BYTES_MAX} bytes")
        id_ = request.headers.get("webhook-id", "")
        _check(request, body)
        kind, subject = _about(body)
        at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
        connection.execute(_KEEP, (id_, kind, subject, body.decode(), at))
        return json_response({"taken": id_})

    return Route(PATH, take, methods=["POST"])


def _about(body: bytes) -> tuple[str, str]:
    try:
        notice = orjson.loads(body)
        return str(notice["type"]), str(notice["subject"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise NativeError(400, "a notice is a CloudEvent in JSON with type and subject") from error


def _check(request: Request, body: bytes) -> None:
    id_ = request.headers.get("webhook-id", "")
    at = request.headers.get("webhook-timestamp", "")
    if not id_ or not at.isascii() or not at.isdigit() or abs(time.time() - int(at)) > OLD_S:
        raise NativeError(400, f"a webhook-id and a webhook-timestamp within {OLD_S} s are needed")
    secret = os.environ.get(SECRET_VARIABLE, "")
    signed = f"{id_}.{at}.".encode() + body
    digest = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    given = request.headers.get("webhook-signature", "").split(" ")
    if not secret or not any(hmac.compare_digest(each, f"v1,{digest}") for each in given):
        raise NativeError(401, "the signature is not ours")
