"""What the carriers scan, and how their tracking service says so: signed webhooks, one a scan."""

import sqlite3
from datetime import timedelta

from hub.demo.carrier.api import COLLECTIONS
from hub.demo.carrier.seed import CODES, stamp
from hub.demo.collection import record_of
from hub.demo.database import Row
from hub.demo.formats import now
from hub.demo.life import Birth, Changed, Kind, Life, Move, NotNow, Scene, Then
from hub.demo.telling import Message, Voice

PARCEL = Kind("parcel", "trackings", ("id",), "updated", stamp, "last", CODES)
SCANS_MAX = 200_000
"""Four days at two seconds a change; a parcel that moves every day is scanned a dozen times."""
SCAN = Kind("scan", "scans", ("id",), "at", stamp, rows_max=SCANS_MAX)
HUBS = ("Hannover", "Leipzig", "Rotterdam", "Louisville", "Memphis", "Chicago")
LATE = (timedelta(minutes=20), timedelta(hours=3), timedelta(hours=9))
LATE_AMONG = 50
"""Parcels scanned last, one of which turns out to have been seen elsewhere before."""
SCANS_PER_PARCEL_MAX = 30
SIGNATURE_HEADER = "X-Carrier-Signature"
FEW = f"(SELECT count(*) FROM scans s WHERE s.tracking = trackings.id) < {SCANS_PER_PARCEL_MAX}"
TEXTS = {
    "LABEL_CREATED": "Label printed", "PICKED_UP": "Collected from shipper",
    "IN_TRANSIT": "Sorted at hub", "DELAYED": "Held at hub",
    "OUT_FOR_DELIVERY": "On the delivery vehicle", "DELIVERY_ATTEMPTED": "Nobody at the ramp",
    "AVAILABLE_FOR_PICKUP": "Waiting in the parcel shop", "DELIVERED": "Delivered, signed for",
    "EXCEPTION": "Damaged, being repacked", "RETURN_TO_SENDER": "On the way back to the sender",
}  # fmt: skip


def _scanned(word: str) -> Then:
    return lambda scene, parcel: _scan(scene, parcel, word)


def _scan(scene: Scene, parcel: Row, word: str, *, earlier: timedelta = timedelta(0)) -> None:
    last = scene.one("SELECT max(seq) AS n FROM scans WHERE tracking = ?", parcel["id"])
    sequence = (last["n"] or 0) + 1 if last else 1
    code = CODES[word]
    made = scene.add(SCAN, {
        "tracking": parcel["id"], "seq": sequence, "code": code,
        "detail": f"{code[:2]}{sequence:02}", "text": TEXTS[word],
        "place": scene.rng.choice(HUBS),
    })  # fmt: skip
    if earlier:
        at = stamp(scene.at - earlier)
        scene.connection.execute("UPDATE scans SET at = ? WHERE id = ?", (at, made["id"]))


def _announced(scene: Scene, key: str | None) -> None:
    """A parcel that a warehouse labelled."""
    note = scene.post.take("carrier", "parcel")
    if note is None:
        raise NotNow("label: no parcel is announced")
    parcel = scene.add(PARCEL, {**note, "last": CODES["LABEL_CREATED"]})
    _scan(scene, parcel, "LABEL_CREATED")


def _late_scan(scene: Scene, key: str | None) -> None:
    """A scan of some hours ago arrives now, perhaps after the parcel did; its status stays."""
    if key is None:
        sql = f"SELECT * FROM trackings WHERE {FEW} ORDER BY updated DESC LIMIT {LATE_AMONG}"
        parcels = scene.rows(sql)
    else:
        parcels = scene.rows("SELECT * FROM trackings WHERE id = ?", key)
    if not parcels:
        raise NotNow(f"late_scan: there is no parcel {key or ''}")
    _scan(scene, scene.rng.choice(parcels), "IN_TRANSIT", earlier=scene.rng.choice(LATE))


def _to(name: str, begins: tuple[str, ...], word: str, weight: int = 10) -> Move:
    return Move(name, PARCEL, begins, word, then=_scanned(word), when=FEW, weight=weight)


MOVING = ("PICKED_UP", "IN_TRANSIT", "DELAYED", "EXCEPTION")
LIFE = Life(
    (
        Birth("label", PARCEL, _announced, weight=30),
        _to("pick_up", ("LABEL_CREATED",), "PICKED_UP"),
        _to("sort", MOVING, "IN_TRANSIT", weight=30),
        _to("delay", ("IN_TRANSIT",), "DELAYED", weight=1),
        _to("go_out", ("IN_TRANSIT", "DELIVERY_ATTEMPTED"), "OUT_FOR_DELIVERY"),
        _to("miss", ("OUT_FOR_DELIVERY",), "DELIVERY_ATTEMPTED", weight=1),
        _to("to_shop", ("DELIVERY_ATTEMPTED",), "AVAILABLE_FOR_PICKUP", weight=1),
        _to("damage", ("IN_TRANSIT",), "EXCEPTION", weight=1),
        _to("send_home", ("DELIVERY_ATTEMPTED",), "RETURN_TO_SENDER", weight=1),
        Move("deliver", PARCEL, ("OUT_FOR_DELIVERY", "AVAILABLE_FOR_PICKUP"), "DELIVERED",
             then=_scanned("DELIVERED")),
        Birth("late_scan", SCAN, _late_scan, weight=2),
    ),
    stamp,
)  # fmt: skip
SCANS = next(each for each in COLLECTIONS if each.path == "/scans")


def _say(connection: sqlite3.Connection, changed: Changed) -> Message | None:
    if changed.kind != "scan":
        return None
    scan = record_of(connection, SCANS, int(changed.key))
    body = {"event": "parcel.scanned", "sentAt": stamp(now()), "scan": scan}
    return Message("scan", body, "messageId", "scan")


VOICE = Voice("webhook", _say, SIGNATURE_HEADER)
