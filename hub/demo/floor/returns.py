"""What a warehouse does with a return: received at the dock, inspected, put somewhere."""

from hub.demo.database import Row
from hub.demo.floor.words import Words
from hub.demo.life import Birth, NotNow, Scene

OUTCOMES = (
    ("NEW_SEALED", "PASS", "RESTOCK"),
    ("OPENED_LIKE_NEW", "PASS", "RESTOCK"),
    ("DEFECTIVE", "FAIL", "VENDOR_CLAIM"),
    ("USED_FUNCTIONAL", "CONDITIONAL", "REFURBISH"),
    ("CARRIER_DAMAGED", "FAIL", "SCRAP"),
    ("INCOMPLETE", "INCONCLUSIVE", "QUALITY_REVIEW"),
)
"""Condition, verdict and where it goes then."""
PLACES = {
    "RESTOCK": "A-12", "SCRAP": "SCRAP", "QUALITY_REVIEW": "QC-1", "VENDOR_CLAIM": "VEND",
    "REFURBISH": "WORK-2", "MISSING": None,
}  # fmt: skip
INSPECTORS = ("hweber", "tnovak")
DOCKS = ("DOCK-1", "DOCK-2")

ARRIVED_LINES = (
    "SELECT * FROM (SELECT l.*, s.*, (SELECT count(*) FROM {lines} m"
    " WHERE m.{l_shipment} = l.{l_shipment} AND m.{l_number} <= l.{l_number}) AS place"
    " FROM {shipments} s JOIN {lines} l ON l.{l_shipment} = s.{s_key}"
    " WHERE s.{rma} IS NOT NULL AND s.{s_status} = ?) s"
    " WHERE NOT EXISTS (SELECT 1 FROM {receipts} r"
    " WHERE r.{r_rma} = s.{rma} AND r.{r_line} = s.place)"
)
UNSEEN = (
    "SELECT * FROM {receipts} r WHERE NOT EXISTS"
    " (SELECT 1 FROM {inspections} i WHERE i.{r_rma} = r.{r_rma} AND i.{i_receipt} = r.{r_key})"
)
UNDECIDED = (
    "SELECT * FROM {inspections} i WHERE NOT EXISTS"
    " (SELECT 1 FROM {dispositions} d WHERE d.{r_rma} = i.{r_rma}"
    " AND d.{d_inspection} = i.{i_key})"
)


def return_moves(words: Words) -> tuple[Birth, ...]:
    """One receipt, inspection and disposition for each line of a parcel that came back."""
    kinds = words.kinds
    return (
        Birth("receive", kinds.receipt, lambda scene, key: _receive(words, scene, key), 8),
        Birth("inspect", kinds.inspection, lambda scene, key: _inspect(words, scene, key), 8),
        Birth("dispose", kinds.disposition, lambda scene, key: _dispose(words, scene, key), 8),
    )


def _first(words: Words, scene: Scene, text: str, *values: object) -> Row:
    row = scene.one(f"{words.sql(text)} LIMIT 1", *values)
    if row is None:
        raise NotNow("nothing that came back waits for this")
    return row


def _only(column: str, key: str | None) -> tuple[str, list[str]]:
    """A condition on the return that was asked for, if one was."""
    return ("", []) if key is None else (f" AND {column} = ?", [key])


def _receive(words: Words, scene: Scene, key: str | None) -> None:
    name = words.names
    test, keys = _only("s.{rma}", key)
    arrived = words.kinds.shipment.codes["DELIVERED"]
    line = _first(words, scene, ARRIVED_LINES + test, arrived, *keys)
    rma, place = line[name["rma"]], line["place"]
    scene.add(words.kinds.receipt, {
        name["r_key"]: f"RC{rma.replace('-', '')}-{place}", **words.of_company(line),
        name["r_rma"]: rma, name["r_line"]: place, name["r_sku"]: line[name["l_sku"]],
        name["r_quantity"]: line[name["l_quantity"]], name["r_unit"]: line[name["l_unit"]],
        name["r_serials"]: "[]", name["dock"]: scene.rng.choice(DOCKS), name["received_by"]: "gate",
    })  # fmt: skip


def _inspect(words: Words, scene: Scene, key: str | None) -> None:
    name = words.names
    test, keys = _only("r.{r_rma}", key)
    receipt = _first(words, scene, UNSEEN + test, *keys)
    condition, verdict, _ = scene.rng.choice(OUTCOMES)
    scene.add(words.kinds.inspection, {
        name["i_key"]: f"IN{receipt[name['r_key']].removeprefix('RC')}-1",
        **_goods(words, receipt), name["i_receipt"]: receipt[name["r_key"]],
        name["verdict"]: words.verdicts[verdict], name["condition"]: words.conditions[condition],
        name["variance"]: 0, name["serials_ok"]: 1, name["notes"]: "Seen on the bench",
        name["inspector"]: scene.rng.choice(INSPECTORS),
    })  # fmt: skip


def _dispose(words: Words, scene: Scene, key: str | None) -> None:
    """By the condition found; what nobody knows a way for goes to quality review."""
    name = words.names
    test, keys = _only("i.{r_rma}", key)
    seen = _first(words, scene, UNDECIDED + test, *keys)
    code = _way(words, seen[name["condition"]])
    scene.add(words.kinds.disposition, {
        name["d_key"]: f"DP{seen[name['i_key']].removeprefix('IN')}", **_goods(words, seen),
        name["d_inspection"]: seen[name["i_key"]], name["action"]: words.dispositions[code],
        name["to"]: PLACES[code], name["decided_by"]: seen[name["inspector"]],
    })  # fmt: skip


def _way(words: Words, condition: object) -> str:
    for word, _, code in OUTCOMES:
        if words.conditions[word] == condition:
            return code
    return "MISSING" if condition == words.conditions["NOT_RECEIVED"] else "QUALITY_REVIEW"


def _goods(words: Words, row: Row) -> Row:
    """What, how much and of which return; the same columns in all three tables."""
    columns = ("r_rma", "r_line", "r_sku", "r_quantity", "r_unit")
    return words.of_company(row) | {words.names[each]: row[words.names[each]] for each in columns}
