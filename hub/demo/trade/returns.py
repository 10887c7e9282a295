"""Moves of returns as the ERP keeps them: requested, authorized, received, inspected, closed."""

from datetime import timedelta

from hub.demo.database import Row
from hub.demo.life import Birth, Move, NotNow, Scene
from hub.demo.trade.documents import write_memo
from hub.demo.trade.words import Words, taking

EXPIRES_DAYS = 30
REJECT_CHANCE = 0.15
REASONS = ("DEFECTIVE", "DAMAGED_IN_TRANSIT", "WRONG_ITEM_SHIPPED", "WRONG_QUANTITY",
           "NOT_AS_DESCRIBED", "ORDERED_IN_ERROR", "NO_LONGER_NEEDED", "LATE_DELIVERY",
           "WARRANTY")  # fmt: skip
CHANNELS = ("PORTAL", "PHONE", "EMAIL")
LINES_MAX = 2
"""Lines of a return requested now."""

RETURNABLE = (
    "SELECT o.* FROM {orders} o WHERE o.{o_status} = @order.COMPLETED@"
    " AND NOT EXISTS (SELECT 1 FROM {rmas} r WHERE r.{r_order} = o.{o_key})"
    " AND EXISTS (SELECT 1 FROM {lines} l WHERE l.{l_order} = o.{o_key} AND l.{delivered} > 0)"
)
MANY_LINES = "(SELECT count(*) FROM {rma_lines} x WHERE x.{r_key} = {rmas}.{r_key}) > 1"


def return_moves(words: Words) -> tuple[Move | Birth, ...]:
    """The way of a return in the ERP; credit is posted by finance, and rarely."""
    rma, name, sql = words.kinds.rma, words.names, words.sql
    logistics, credit = words.codes["logistics"], words.codes["credit"]
    steps = {word: {name["logistics"]: f"'{code}'"} for word, code in logistics.items()}
    over = {name["credit"]: f"'{credit['NOT_APPLICABLE']}'"}
    return (
        Birth("request_return", rma, lambda scene, key: _request(words, scene, key), weight=2),
        Move("review", rma, ("REQUESTED",), "PENDING_REVIEW", weight=5),
        Move("authorize", rma, ("REQUESTED", "PENDING_REVIEW"), "AUTHORIZED",
             (name["authorized_at"],), sets=steps["LABEL_ISSUED"], then=taking(words, _authorize)),
        Move("decline", rma, ("PENDING_REVIEW",), "DECLINED", sets=over, weight=4),
        Move("cancel_return", rma, ("REQUESTED", "PENDING_REVIEW"), "CANCELLED", sets=over,
             weight=2),
        Move("lapse", rma, ("AUTHORIZED",), "EXPIRED", sets=steps["NOT_SHIPPED"] | over,
             when=sql("{expires_at} < :moment"), weight=1),
        Move("send_back", rma, ("AUTHORIZED",), "IN_TRANSIT", sets=steps["IN_TRANSIT"],
             when=sql("{expires_at} >= :moment")),
        Move("receive_part", rma, ("IN_TRANSIT",), "PARTIALLY_RECEIVED", when=sql(MANY_LINES),
             sets=steps["PARTIALLY_RECEIVED"], then=taking(words, _receive_first), weight=3),
        Move("receive", rma, ("IN_TRANSIT", "PARTIALLY_RECEIVED"), "RECEIVED",
             sets=steps["RECEIVED"], then=taking(words, _receive_all)),
        Move("inspect", rma, ("RECEIVED",), "INSPECTED", then=taking(words, _accept)),
        Move("dispose", rma, ("INSPECTED",), "DISPOSITIONED"),
        Move("ask_credit", rma, ("DISPOSITIONED",), "CREDIT_PENDING",
             sets={name["credit"]: f"'{credit['PENDING_APPROVAL']}'"}),
        Move("post_credit", rma, ("CREDIT_PENDING",), "CREDITED",
             sets={name["credit"]: f"'{credit['POSTED']}'"}, then=taking(words, write_memo),
             weight=1),
        Move("close_return", rma, ("CREDITED",), "CLOSED", (name["closed_at"],), weight=3),
    )  # fmt: skip


def _set_lines(words: Words, scene: Scene, rma: Row, sets: str) -> None:
    """Lines of a return have no stamp of their own: its header has just got one."""
    name = words.names
    sql = words.sql(f"UPDATE {{rma_lines}} SET {sets} WHERE {{r_key}} = ?")
    scene.connection.execute(sql, (rma[name["r_key"]],))


def _authorize(words: Words, scene: Scene, rma: Row) -> None:
    """Lines may come back; the warehouse is asked to expect them."""
    name = words.names
    expires = words.forms.wall(scene.at + timedelta(days=EXPIRES_DAYS))
    scene.change(words.kinds.rma, rma, {name["expires_at"]: expires})
    _set_lines(words, scene, rma, "{authorized} = {requested}")
    sql = words.sql("SELECT * FROM {rma_lines} WHERE {r_key} = ? ORDER BY {r_line}")
    lines = [
        {"line": row[name["r_order_line"]], "sku": row[name["r_sku"]],
         "quantity": row[name["requested"]], "unit": row[name["r_unit"]]}
        for row in scene.rows(sql, rma[name["r_key"]])
    ]  # fmt: skip
    warehouse = f"wms-{str(rma[name['r_warehouse']]).lower()}"
    scene.post.send(warehouse, "expect", {
        "company": words.company, "rma": rma[name["r_key"]], "order": rma[name["r_order"]],
        "lines": lines,
    })  # fmt: skip


def _receive_first(words: Words, scene: Scene, rma: Row) -> None:
    name = words.names
    sql = words.sql(
        "UPDATE {rma_lines} SET {received} = {authorized} WHERE {r_key} = ? AND {r_line} ="
        " (SELECT min(y.{r_line}) FROM {rma_lines} y WHERE y.{r_key} = ?)"
    )
    scene.connection.execute(sql, (rma[name["r_key"]], rma[name["r_key"]]))


def _receive_all(words: Words, scene: Scene, rma: Row) -> None:
    _set_lines(words, scene, rma, "{received} = {authorized}")


def _accept(words: Words, scene: Scene, rma: Row) -> None:
    """What came is accepted; now and then one piece of each line of several is not."""
    few = "CASE WHEN {received} > 1 THEN 1 ELSE 0 END"
    rejected = few if scene.rng.random() < REJECT_CHANCE else "0"
    _set_lines(words, scene, rma, f"{{rejected}} = {rejected}, {{accepted}} = {{received}}"
               f" - {rejected}")  # fmt: skip


def _request(words: Words, scene: Scene, key: str | None) -> None:
    """A customer wants to send back some of a completed order, of which nothing has come back."""
    name = words.names
    order = _returnable(words, scene, key)
    sql = words.sql("SELECT * FROM {lines} WHERE {l_order} = ? AND {delivered} > 0")
    lines = scene.rows(sql, order[name["o_key"]])[:LINES_MAX]
    identity = words.forms.identity(scene.connection, "rma")
    reason = words.codes["reason"][scene.rng.choice(REASONS)]
    warehouse = scene.rng.choice(words.warehouses).removeprefix("wms-").upper()
    scene.add(words.kinds.rma, {
        **identity, name["r_order"]: order[name["o_key"]],
        name["r_customer"]: order[name["o_customer"]],
        name["r_status"]: words.kinds.rma.codes["REQUESTED"],
        name["logistics"]: words.codes["logistics"]["NOT_SHIPPED"],
        name["credit"]: words.codes["credit"]["NOT_STARTED"],
        name["resolution"]: words.codes["resolution"]["CREDIT"], name["r_reason"]: reason,
        name["r_channel"]: scene.rng.choice(CHANNELS), name["requested_by"]: "purchasing",
        name["requested_at"]: words.forms.wall(scene.at), name["r_warehouse"]: warehouse,
    })  # fmt: skip
    scene.add_parts(name["rma_lines"], [
        _rma_line(words, scene, row, identity | {
            name["r_line"]: place, name["r_reason"]: reason,
            name["r_currency"]: order[name["o_currency"]],
        })
        for place, row in enumerate(lines, start=1)
    ])  # fmt: skip


def _returnable(words: Words, scene: Scene, key: str | None) -> Row:
    sql = words.sql(RETURNABLE)
    if key is None:
        found = scene.rows(f"{sql} ORDER BY o.rowid DESC LIMIT 20")
    else:
        found = scene.rows(sql + words.sql(" AND o.{o_key} = ?"), key)
    if not found:
        raise NotNow(f"request_return: {key or 'no order'} is delivered with nothing come back")
    return scene.rng.choice(found)


def _rma_line(words: Words, scene: Scene, line: Row, known: Row) -> Row:
    name = words.names
    return {
        **known, name["r_order_line"]: line[name["l_number"]], name["r_sku"]: line[name["sku"]],
        name["requested"]: scene.rng.randint(1, int(line[name["delivered"]])),
        **{name[each]: 0 for each in ("authorized", "received", "accepted", "rejected",
                                      "r_credited", "restocking_fee")},
        name["r_unit"]: line[name["unit"]], name["credit_price"]: line[name["price"]],
    }  # fmt: skip
