"""Moves of orders and their lines: confirmed, held, released, picked, shipped, completed.

The ERP writes a line's way through the warehouse as the warehouse reports it. A changed line never
touches its order.
"""

from datetime import timedelta

from hub.demo.database import Row
from hub.demo.life import Birth, Move, NotNow, Scene
from hub.demo.trade.documents import write_invoice
from hub.demo.trade.words import Words, taking

HOLDS = ("CREDIT", "PRICE", "ADDRESS", "STOCK", "COMPLIANCE", "MANUAL")
BACKORDER_CHANCE = 0.1
LINES_MAX = 4
"""Lines of an order placed now."""
PROMISE_DAYS = (2, 15)

HAS_WORK = (
    "EXISTS (SELECT 1 FROM {lines} l WHERE l.{l_order} = {orders}.{o_key} AND l.{l_status}"
    " NOT IN (@line.PENDING@, @line.BACKORDERED@, @line.ON_HOLD@, @line.CANCELLED@))"
)
"""Something is allocated, or went to the warehouse already before the order was held."""
NOT_BEGUN = (
    "NOT EXISTS (SELECT 1 FROM {lines} l WHERE l.{l_order} = {orders}.{o_key} AND l.{l_status}"
    " NOT IN (@line.PENDING@, @line.BACKORDERED@, @line.ALLOCATED@, @line.ON_HOLD@,"
    " @line.CANCELLED@) OR l.{l_order} = {orders}.{o_key} AND l.{picked} > 0)"
)
ALL_DELIVERED = (
    "EXISTS (SELECT 1 FROM {lines} l WHERE l.{l_order} = {orders}.{o_key}"
    " AND l.{l_status} = @line.DELIVERED@) AND NOT EXISTS (SELECT 1 FROM {lines} l"
    " WHERE l.{l_order} = {orders}.{o_key}"
    " AND l.{l_status} NOT IN (@line.DELIVERED@, @line.CANCELLED@))"
)
UNBILLED = (
    "EXISTS (SELECT 1 FROM {lines} l WHERE l.{l_order} = {orders}.{o_key} AND l.{shipped} >"
    " (SELECT coalesce(sum(b.{b_quantity}), 0) FROM {bills} b JOIN {invoices} i"
    " ON i.{i_key} = b.{i_key} WHERE i.{i_order} = {orders}.{o_key} AND {is_invoice}"
    " AND b.{b_line} = l.{l_number}))"
)
IN_WAREHOUSE = (
    "EXISTS (SELECT 1 FROM {orders} o WHERE o.{o_key} = {lines}.{l_order}"
    " AND o.{o_status} = @order.IN_FULFILLMENT@)"
)
IN_HAND = (
    "EXISTS (SELECT 1 FROM {orders} o WHERE o.{o_key} = {lines}.{l_order}"
    " AND o.{o_status} IN (@order.CONFIRMED@, @order.IN_FULFILLMENT@))"
)
WANTED = "({ordered} - {cancelled})"
FOUND = "max({shipped}, ({ordered} - {cancelled}) / 2)"


def order_moves(words: Words) -> tuple[Move | Birth, ...]:
    """Moves of order headers; those that need it take their lines along."""
    order, name, sql = words.kinds.order, words.names, words.sql
    return (
        Birth("place", order, lambda scene, key: _place(words, scene, key), weight=4),
        Move("confirm", order, ("OPEN",), "CONFIRMED", (name["confirmed"],),
             when=sql("{o_number} IS NOT NULL"), then=taking(words, _promise)),
        Move("hold", order, ("OPEN", "CONFIRMED", "IN_FULFILLMENT"), "ON_HOLD",
             then=taking(words, _name_hold), weight=3),
        Move("unhold", order, ("ON_HOLD",), "CONFIRMED",
             sets={name["hold"]: "NULL"}, then=taking(words, _take_up), weight=6),
        Move("release", order, ("CONFIRMED",), "IN_FULFILLMENT", when=sql(HAS_WORK),
             then=taking(words, _release_lines), weight=15),
        Move("cancel", order, ("OPEN", "CONFIRMED"), "CANCELLED", (name["order_cancelled"],),
             when=sql(NOT_BEGUN), then=taking(words, _cancel_lines), weight=1),
        Move("invoice", order, ("IN_FULFILLMENT",), when=sql(UNBILLED), rests=True,
             then=taking(words, write_invoice), weight=15),
        Move("complete", order, ("IN_FULFILLMENT",), "COMPLETED", (name["completed"],),
             when=sql(f"{ALL_DELIVERED} AND NOT {UNBILLED}"), weight=15),
    )  # fmt: skip


def line_moves(words: Words) -> tuple[Move, ...]:
    """Moves of single order lines, as the warehouse reports them."""
    line, sql, name = words.kinds.line, words.sql, words.names
    wanted, found, here = sql(WANTED), sql(FOUND), sql(IN_WAREHOUSE)
    return (
        Move("allocate", line, ("PENDING", "BACKORDERED"), "ALLOCATED", when=sql(IN_HAND),
             sets={name["allocated"]: wanted, name["backordered"]: "0"}, weight=6),
        Move("release_line", line, ("ALLOCATED",), "RELEASED", when=here,
             then=taking(words, _release_line)),
        Move("start_pick", line, ("RELEASED",), "PICKING", when=here, weight=30),
        Move("pick", line, ("PICKING",), "PICKED", when=here,
             sets={name["picked"]: wanted, name["shorted"]: "0"}, weight=20),
        Move("short_pick", line, ("PICKING",), "SHORT_PICKED",
             sets={name["picked"]: found, name["shorted"]: f"{wanted} - {found}"},
             when=f"{here} AND {wanted} - {found} > 0", weight=2),
        Move("backorder_short", line, ("SHORT_PICKED",), "BACKORDERED", when=here,
             sets={name["backordered"]: name["shorted"], name["allocated"]: name["picked"]},
             weight=2),
        Move("pick_elsewhere", line, ("SHORT_PICKED",), "RELEASED", when=here, weight=2),
        Move("pack", line, ("PICKED",), "PACKED", when=here, sets={name["packed"]: name["picked"]},
             weight=20),
        Move("ship", line, ("PACKED",), "SHIPPED", when=here,
             sets={name["shipped"]: name["packed"]}, weight=20),
        Move("deliver", line, ("SHIPPED",), "DELIVERED", when=here,
             sets={name["delivered"]: name["shipped"]}, weight=20),
        Move("promise", line, ("PENDING", "BACKORDERED", "ALLOCATED"), then=taking(words, _again),
             weight=3),
    )  # fmt: skip


def _lines_in(words: Words, scene: Scene, order: Row, *statuses: str) -> list[Row]:
    codes = words.kinds.line.codes
    marks = ", ".join("?" * len(statuses))
    sql = words.sql("SELECT * FROM {lines} WHERE {l_order} = ? AND {l_status} IN (%s)") % marks
    return scene.rows(sql, order[words.names["o_key"]], *(codes[each] for each in statuses))


def _promise(words: Words, scene: Scene, order: Row) -> None:
    """What is in stock is allocated to the confirmed order, the rest goes on backorder."""
    name, line = words.names, words.kinds.line
    for row in _lines_in(words, scene, order, "PENDING"):
        wanted = row[name["ordered"]] - row[name["cancelled"]]
        is_short = scene.rng.random() < BACKORDER_CHANCE
        status = line.codes["BACKORDERED" if is_short else "ALLOCATED"]
        column = name["backordered" if is_short else "allocated"]
        scene.change(line, row, {line.status: status, column: wanted})


def _name_hold(words: Words, scene: Scene, order: Row) -> None:
    reason = words.codes["hold"][scene.rng.choice(HOLDS)]
    scene.change(words.kinds.order, order, {words.names["hold"]: reason})


def _take_up(words: Words, scene: Scene, order: Row) -> None:
    """Held lines wait for stock again; an order that never was is confirmed by this."""
    name, line = words.names, words.kinds.line
    if not order[name["confirmed"]]:
        scene.change(words.kinds.order, order, {name["confirmed"]: words.forms.wall(scene.at)})
    for row in _lines_in(words, scene, order, "ON_HOLD"):
        scene.change(line, row, {line.status: line.codes["PENDING"]})


def _release_lines(words: Words, scene: Scene, order: Row) -> None:
    line = words.kinds.line
    rows = _lines_in(words, scene, order, "ALLOCATED")
    for row in rows:
        scene.change(line, row, {line.status: line.codes["RELEASED"]})
    if rows:
        _ask_warehouse(words, scene, rows)


def _release_line(words: Words, scene: Scene, row: Row) -> None:
    _ask_warehouse(words, scene, [row])


def _ask_warehouse(words: Words, scene: Scene, rows: list[Row]) -> None:
    """The order to ship what has not gone yet, as paper for a warehouse.

    A line that was picked short is there already, and the warehouse sends the rest by itself.
    """
    name = words.names
    lines = [
        {"line": row[name["l_number"]], "sku": row[name["sku"]], "unit": row[name["unit"]],
         "quantity": row[name["ordered"]] - row[name["cancelled"]] - row[name["shipped"]]}
        for row in rows
        if not row[name["shorted"]]
    ]  # fmt: skip
    note = {"company": words.company, "order": rows[0][name["l_order"]], "lines": lines}
    if lines:
        scene.post.send(scene.rng.choice(words.warehouses), "ship", note)


def _cancel_lines(words: Words, scene: Scene, order: Row) -> None:
    name, line = words.names, words.kinds.line
    for row in _lines_in(
        words, scene, order, *(each for each in line.codes if each != "CANCELLED")
    ):
        scene.change(line, row, {
            line.status: line.codes["CANCELLED"], name["cancelled"]: row[name["ordered"]],
            name["allocated"]: 0, name["backordered"]: 0,
        })  # fmt: skip


def _again(words: Words, scene: Scene, row: Row) -> None:
    """The line is promised for another day."""
    day = (scene.at + timedelta(days=scene.rng.randrange(*PROMISE_DAYS))).date()
    scene.change(words.kinds.line, row, {words.names["promised"]: words.forms.day(day)})


def _place(words: Words, scene: Scene, key: str | None) -> None:
    """A customer orders again some of what they, or the order named, had before."""
    name, order = words.names, words.kinds.order
    model = _model(words, scene, key)
    identity = words.forms.identity(scene.connection, "order")
    rows = [
        _line_like(words, scene, line, (identity[name["o_key"]], place))
        for place, line in enumerate(_models_of_lines(words, scene, model), start=1)
    ]
    tax = sum(row[name["l_tax"]] for row in rows)
    scene.add(order, {
        **model, **identity, **words.forms.placed(scene.at), name["o_status"]: order.codes["OPEN"],
        name["hold"]: None, name["confirmed"]: None, name["completed"]: None,
        name["order_cancelled"]: None, name["freight"]: 0, name["o_tax"]: round(tax, 2),
        name["o_total"]: round(sum(row[name["l_amount"]] for row in rows) + tax, 2),
        name["po_number"]: f"PO-{scene.rng.randrange(10000, 99999)}",
        name["requested_on"]: words.forms.day((scene.at + timedelta(days=10)).date()),
    })  # fmt: skip
    for row in rows:
        scene.add(words.kinds.line, row)


def _model(words: Words, scene: Scene, key: str | None) -> Row:
    sql = words.sql("SELECT * FROM {orders} WHERE {o_key} = ?")
    if key is None:
        count = scene.one(words.sql("SELECT max(rowid) AS n FROM {orders}"))
        sql = words.sql("SELECT * FROM {orders} WHERE rowid >= ? ORDER BY rowid LIMIT 1")
        key = str(scene.rng.randint(1, count["n"] if count and count["n"] else 1))
    model = scene.one(sql, key)
    if model is None:
        raise NotNow(f"place: there is no order {key} to order again")
    return model


def _models_of_lines(words: Words, scene: Scene, model: Row) -> list[Row]:
    sql = words.sql("SELECT * FROM {lines} WHERE {l_order} = ? ORDER BY {l_number}")
    return scene.rows(sql, model[words.names["o_key"]])[:LINES_MAX]


def _line_like(words: Words, scene: Scene, line: Row, place: tuple[str, int]) -> Row:
    """Another line of the same article at the same price and tax rate, nothing done for it yet."""
    name = words.names
    quantity = scene.rng.randint(2, 12)
    old = line[name["ordered"]] or 1
    counters = ("cancelled", "allocated", "backordered", "picked", "shorted", "packed", "shipped",
                "delivered")  # fmt: skip
    key, number = place
    made = {
        **line, name["l_order"]: key, name["l_number"]: number, name["ordered"]: quantity,
        name["l_status"]: words.kinds.line.codes["PENDING"],
        name["l_amount"]: round(line[name["price"]] * quantity, 2),
        name["l_tax"]: round(line[name["l_tax"]] * quantity / old, 2),
        name["promised"]: words.forms.day((scene.at + timedelta(days=7)).date()),
        **{name[each]: 0 for each in counters},
    }  # fmt: skip
    if len(words.kinds.line.key) == 1:
        made[words.kinds.line.key[0]] = f"{key}-{number}"
    return made
