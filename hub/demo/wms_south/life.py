"""What happens in the southern warehouse by itself. It tells nobody; one has to ask."""

from functools import partial

from hub.demo.database import Row
from hub.demo.floor.returns import return_moves
from hub.demo.floor.shipping import shipment_moves
from hub.demo.floor.words import Kinds, Words
from hub.demo.life import Kind, Life, Move, Scene
from hub.demo.wms_south.seed import CONDITIONS, DISPOSITIONS, STATUSES, VERDICTS, WAYS, wall

LBS_PER_UNIT = 4
kind = partial(Kind, write_stamp=wall)
KINDS = Kinds(
    shipment=kind("shipment", "shp", ("shp_no",), "ts_upd", status="st", codes=STATUSES),
    stock=kind("stock", "inv", ("inv_id",), "ts_upd"),
    receipt=kind("receipt", "rcv", ("rcv_no",), "ts"),
    inspection=kind("inspection", "qa", ("qa_no",), "ts"),
    disposition=kind("disposition", "dsp", ("dsp_no",), "ts"),
)
NAMES = {
    "shipments": "shp", "s_key": "shp_no", "order": "ord_no", "rma": "rma_no", "way": "dir",
    "s_status": "st", "created": "ts_crt", "shipped": "ts_shp", "eta": "ts_eta",
    "delivered": "ts_dlv", "carrier": "car", "service": "svc", "tracking": "trk",
    "parcels": "pkgs",
    "lines": "shp_dtl", "l_shipment": "shp_no", "l_number": "ln", "l_sku": "sk",
    "l_quantity": "q", "l_unit": "u", "l_serials": "ser",
    "stock": "inv", "k_key": "inv_id", "k_sku": "sk", "on_hand": "oh", "allocated": "al",
    "quality": "qh", "damaged": "dm", "counted": "ts_cnt",
    "receipts": "rcv", "r_key": "rcv_no", "r_rma": "rma_no", "r_line": "ln", "r_sku": "sk",
    "r_quantity": "q", "r_unit": "u", "r_serials": "ser", "dock": "dock", "received_by": "usr",
    "inspections": "qa", "i_key": "qa_no", "i_receipt": "rcv_no", "verdict": "vd",
    "condition": "cond", "variance": "var", "serials_ok": "ser_ok", "notes": "txt",
    "inspector": "usr",
    "dispositions": "dsp", "d_key": "dsp_no", "d_inspection": "qa_no", "action": "act",
    "to": "loc", "decided_by": "usr",
}  # fmt: skip
LAST_NUMBER = "SELECT max(CAST(shp_no AS INTEGER)) AS n FROM shp WHERE shp_no NOT GLOB '*[^0-9]*'"


def _new_number(scene: Scene) -> str:
    last = scene.one(LAST_NUMBER)
    return str((last["n"] if last else 0) + 1)


def _new_shipment(note: Row, units: float) -> Row:
    return {"whs": "MEM-1", "lbs": units * LBS_PER_UNIT}


def _no_scan(scene: Scene, shipment: Row, word: str) -> None:
    """This warehouse keeps no scans."""


WORDS = Words(
    system="wms-south",
    kinds=KINDS,
    names=NAMES,
    conditions=CONDITIONS,
    verdicts=VERDICTS,
    dispositions=DISPOSITIONS,
    outbound=WAYS["OUTBOUND"],
    inbound=WAYS["RETURN"],
    write=wall,
    host_order=str,
    new_number=_new_number,
    new_shipment=_new_shipment,
    scan=_no_scan,
    company="co",
)
HANDED_OVER = (
    Move("hand_over", KINDS.shipment, ("LABEL_CREATED",), "PRE_TRANSIT", weight=3),
    Move("fetch", KINDS.shipment, ("PRE_TRANSIT",), "IN_TRANSIT", ("ts_shp",)),
)
LIFE = Life((*shipment_moves(WORDS), *return_moves(WORDS), *HANDED_OVER), wall)
