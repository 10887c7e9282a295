"""What happens in the northern warehouse by itself, and how it says so: whole records over NATS."""

import sqlite3
from functools import partial

from hub.demo.collection import record_of
from hub.demo.database import Row
from hub.demo.floor.returns import return_moves
from hub.demo.floor.shipping import shipment_moves
from hub.demo.floor.words import Kinds, Words
from hub.demo.formats import in_utc, now
from hub.demo.life import Changed, Kind, Life, Move, Scene
from hub.demo.telling import Message, Voice
from hub.demo.wms_north.api import COLLECTIONS
from hub.demo.wms_north.seed import (
    CONDITIONS,
    DISPOSITIONS,
    SCANS,
    STATES,
    VERDICTS,
    WAYS,
    host_order,
)

KG_PER_UNIT = 2
kind = partial(Kind, write_stamp=in_utc)
KINDS = Kinds(
    shipment=kind("shipment", "shipments", ("id",), "changedAt", status="state", codes=STATES),
    stock=kind("stock", "stock", ("id",), "changedAt"),
    receipt=kind("receipt", "receipts", ("id",), "receivedAt"),
    inspection=kind("inspection", "inspections", ("id",), "inspectedAt"),
    disposition=kind("disposition", "dispositions", ("id",), "decidedAt"),
)
NAMES = {
    "shipments": "shipments", "s_key": "id", "order": "hostOrderNo", "rma": "hostRma",
    "way": "way", "s_status": "state", "created": "createdAt", "shipped": "shippedAt",
    "eta": "eta", "delivered": "deliveredAt", "carrier": "carrier", "service": "service",
    "tracking": "trackingNo", "parcels": "parcels",
    "lines": "shipment_lines", "l_shipment": "shipment", "l_number": "hostLine", "l_sku": "sku",
    "l_quantity": "qty", "l_unit": "uom", "l_serials": "sns",
    "stock": "stock", "k_key": "id", "k_sku": "sku", "on_hand": "onHand",
    "allocated": "allocated", "quality": "qcHold", "damaged": "damaged", "counted": "countedAt",
    "receipts": "receipts", "r_key": "id", "r_rma": "hostRma", "r_line": "hostLine",
    "r_sku": "sku", "r_quantity": "qty", "r_unit": "uom", "r_serials": "sns", "dock": "dock",
    "received_by": "receivedBy",
    "inspections": "inspections", "i_key": "id", "i_receipt": "receiptId", "verdict": "result",
    "condition": "grade", "variance": "diff", "serials_ok": "snOk", "notes": "notes",
    "inspector": "inspector",
    "dispositions": "dispositions", "d_key": "id", "d_inspection": "inspectionId",
    "action": "action", "to": "toLocation", "decided_by": "decidedBy",
}  # fmt: skip
LAST_NUMBER = "SELECT max(CAST(substr(id, 2) AS INTEGER)) AS n FROM shipments WHERE id LIKE 'N%'"


def _new_number(scene: Scene) -> str:
    last = scene.one(LAST_NUMBER)
    return f"N{(last['n'] if last else 0) + 1}"


def _new_shipment(note: Row, units: float) -> Row:
    return {"site": "HAM-1", "kg": units * KG_PER_UNIT}


def _scan(scene: Scene, shipment: Row, word: str) -> None:
    """The gate's own scan, which belongs to the shipment."""
    scene.add_parts("scans", [{
        "shipment": shipment["id"], "c": SCANS[word], "t": in_utc(scene.at), "loc": "Hamburg",
        "msg": "Scanned at the gate",
    }])  # fmt: skip


WORDS = Words(
    system="wms-north",
    kinds=KINDS,
    names=NAMES,
    conditions=CONDITIONS,
    verdicts=VERDICTS,
    dispositions=DISPOSITIONS,
    outbound=WAYS["OUTBOUND"],
    inbound=WAYS["RETURN"],
    write=in_utc,
    host_order=host_order,
    new_number=_new_number,
    new_shipment=_new_shipment,
    scan=_scan,
)
TROUBLES = (
    Move("trouble", KINDS.shipment, ("IN_TRANSIT",), "EXCEPTION", weight=1),
    Move("recover", KINDS.shipment, ("EXCEPTION",), "IN_TRANSIT", weight=3),
)
LIFE = Life((*shipment_moves(WORDS), *return_moves(WORDS), *TROUBLES), in_utc)

TYPES = {
    "shipment": ("shipment.changed", "/shipments"),
    "receipt": ("receipt.made", "/receipts"),
    "inspection": ("inspection.made", "/inspections"),
    "disposition": ("disposition.made", "/dispositions"),
}
BY_PATH = {each.path: each for each in COLLECTIONS}


def _say(connection: sqlite3.Connection, changed: Changed) -> Message | None:
    """The record as the API gives it; of a counted shelf only which one it was."""
    envelope = {"type": "stock.counted", "at": in_utc(now()), "body": {"id": changed.key}}
    if changed.kind != "stock":
        type_, path = TYPES[changed.kind]
        record = record_of(connection, BY_PATH[path], changed.key)
        envelope |= {"type": type_, "body": record}
    return Message(changed.kind, envelope, id_field="eventId", tells="body")


VOICE = Voice("nats", _say)
