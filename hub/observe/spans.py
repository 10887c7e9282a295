"""The spans of the hub, by what they are about: a request, a merged batch, a call to a system.

Attribute names are those of the OpenTelemetry semantic conventions (HTTP and database: stable;
GraphQL: in development) and `opshub.*` for what they have no word for. No attribute holds a key,
an argument, a document or a URL with a query.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from opentelemetry.trace import Span

from hub.observe.tracing import Attributes, span


def request_span(method: str, route: str) -> AbstractContextManager[Span]:
    """An HTTP request to the hub. `name_operation` renames it once the document is known."""
    return span(
        f"{method} {route}",
        kind="server",
        attributes={"http.request.method": method, "http.route": route},
    )


def name_operation(of: Span, operation_type: str, operation_name: str | None) -> None:
    """Name a request's span by its operation's type; the name, a caller's word, is an attribute."""
    of.update_name(operation_type)
    of.set_attribute("graphql.operation.type", operation_type)
    if operation_name is not None:
        of.set_attribute("graphql.operation.name", operation_name)


def answered(of: Span, status: int, correlation_id: str) -> None:
    """What a request's span says at its end."""
    of.set_attribute("http.response.status_code", status)
    of.set_attribute("opshub.correlation_id", correlation_id)


def batch_span(
    system: str, relation: str, *, keys: int, requests: int
) -> AbstractContextManager[Span]:
    """One merged batch: `keys` keys asked of a system on behalf of `requests` requests."""
    attributes: Attributes = {
        "opshub.system": system,
        "opshub.relation": relation,
        "opshub.batch.keys": keys,
        "opshub.batch.requests": requests,
    }
    return span(f"batch {relation}", attributes=attributes)


def statement_span(
    system: str, dialect: str, *, noun: str, operation: str, keys: int
) -> AbstractContextManager[Span]:
    """One SQL statement to a connected system; `dialect` is SQLAlchemy's word."""
    attributes: dict[str, str | int] = {
        "db.system.name": dialect,
        "db.operation.name": "SELECT",
        "db.query.summary": f"SELECT {noun}",
        "opshub.system": system,
        "opshub.operation": operation,
    }
    if keys > 1:
        attributes["db.operation.batch.size"] = keys
    return span(f"SELECT {noun}", kind="client", attributes=attributes)


def http_call_span(
    system: str, method: str, *, template: str, host: str, operation: str
) -> AbstractContextManager[Span]:
    """One HTTP request to a connected system; `template` is the path of the systems file."""
    attributes: Attributes = {
        "http.request.method": method,
        "url.template": template,
        "server.address": host,
        "opshub.system": system,
        "opshub.operation": operation,
    }
    return span(f"{method} {template}", kind="client", attributes=attributes)
