"""Invoices of what was shipped, their payment, and the credit memos finance posts now and then."""

from datetime import timedelta
from decimal import Decimal

from hub.demo.database import Row
from hub.demo.formats import number
from hub.demo.life import Move, NotNow, Scene
from hub.demo.trade.words import Words

TERM_DAYS = 30
CENT = Decimal("0.01")

UNBILLED_LINES = (
    "SELECT l.*, l.{shipped} - (SELECT coalesce(sum(b.{b_quantity}), 0) FROM {bills} b"
    " JOIN {invoices} i ON i.{i_key} = b.{i_key} WHERE i.{i_order} = l.{l_order}"
    " AND {is_invoice} AND b.{b_line} = l.{l_number}) AS unbilled"
    " FROM {lines} l WHERE l.{l_order} = ? ORDER BY l.{l_number}"
)


def document_moves(words: Words) -> tuple[Move, ...]:
    """Invoices are paid or disputed, credit memos applied, customers looked at again."""
    invoice, memo, customer = words.kinds.invoice, words.kinds.memo, words.kinds.customer
    name, is_invoice = words.names, words.names["is_invoice"]
    is_memo, disputed, held = name["is_memo"], name["disputed"], name["credit_hold"]
    return (
        Move("pay_part", invoice, ("POSTED",), "PARTIALLY_PAID", when=is_invoice, weight=2),
        Move("pay", invoice, ("POSTED", "PARTIALLY_PAID"), "PAID", when=is_invoice, weight=4),
        Move("dispute", invoice, ("POSTED",), "DISPUTED", sets={disputed: words.yes},
             when=is_invoice, weight=1),
        Move("settle", invoice, ("DISPUTED",), "PAID", sets={disputed: words.no},
             when=is_invoice, weight=1),
        Move("apply_memo", memo, ("POSTED",), "APPLIED", sets=words.applied, when=is_memo,
             weight=1),
        Move("rate_credit", customer, then=lambda scene, row: _rate(words, scene, row), weight=2),
        Move("block_credit", customer, sets={held: words.yes},
             when=f"{held} = {words.no}", weight=1),
        Move("free_credit", customer, sets={held: words.no},
             when=f"{held} = {words.yes}", weight=1),
    )  # fmt: skip


def _rate(words: Words, scene: Scene, row: Row) -> None:
    exposure = scene.rng.randrange(0, 40_000)
    scene.change(words.kinds.customer, row, {words.names["exposure"]: exposure})


def write_invoice(words: Words, scene: Scene, order: Row) -> None:
    """What was shipped of the order and is on no invoice yet."""
    name = words.names
    rows = scene.rows(words.sql(UNBILLED_LINES), order[name["o_key"]])
    lines = [row for row in rows if row["unbilled"] > 0]
    identity = words.forms.identity(scene.connection, "invoice")
    bills = [_bill(words, row, identity | {name["b_number"]: place})
             for place, row in enumerate(lines, start=1)]  # fmt: skip
    net = _sum(bills, name["b_amount"])
    tax = _sum(bills, name["b_tax"])
    due = (scene.at + timedelta(days=TERM_DAYS)).date()
    scene.add(words.kinds.invoice, {
        **identity, **words.forms.posted(scene.at), **words.forms.invoice(),
        name["i_order"]: order[name["o_key"]], name["i_customer"]: order[name["o_customer"]],
        name["i_status"]: words.kinds.invoice.codes["POSTED"], name["due"]: words.forms.day(due),
        **words.forms.amounts(net, tax), name["credited"]: 0,
        name["i_currency"]: order[name["o_currency"]],
    })  # fmt: skip
    scene.add_parts(name["bills"], [words.forms.bill(each, order) for each in bills])


def _bill(words: Words, row: Row, identity: Row) -> Row:
    name = words.names
    quantity, price = row["unbilled"], Decimal(str(row[name["price"]]))
    tax = (
        Decimal(str(row[name["l_tax"]]))
        * Decimal(str(quantity))
        / Decimal(str(row[name["ordered"]]))
    )
    return {
        **{column: identity[column] for column in (name["i_key"], name["b_number"])},
        name["b_line"]: row[name["l_number"]], name["b_sku"]: row[name["sku"]],
        name["b_text"]: row[name["l_text"]], name["b_quantity"]: quantity,
        name["b_unit"]: row[name["unit"]], name["b_price"]: number(price),
        name["b_amount"]: number((price * Decimal(str(quantity))).quantize(CENT)),
        name["b_tax"]: number(tax.quantize(CENT)),
    }  # fmt: skip


def _sum(rows: list[Row], column: str) -> Decimal:
    return sum((Decimal(str(row[column])) for row in rows), Decimal(0))


def write_memo(words: Words, scene: Scene, rma: Row) -> None:
    """Credits what was accepted of the return, against the order's first invoice that can bear it.

    Raises NotNow where nothing was accepted or no invoice of the order is large enough.
    """
    name = words.names
    sql = words.sql("SELECT * FROM {rma_lines} WHERE {r_key} = ?")
    lines = scene.rows(sql, rma[name["r_key"]])
    amount = sum((_worth(words, row) for row in lines), Decimal(0))
    invoice = _bearing(words, scene, (rma[name["r_order"]], amount))
    identity = words.forms.identity(scene.connection, "memo")
    scene.add(words.kinds.memo, {
        **identity, **words.forms.posted(scene.at), **words.forms.memo(rma, invoice, amount),
        name["m_status"]: words.kinds.memo.codes["POSTED"],
    })  # fmt: skip
    credited = Decimal(str(invoice[name["credited"]] or 0)) + amount
    scene.change(words.kinds.invoice, invoice, {name["credited"]: number(credited)})
    for row in lines:
        sql = words.sql(
            "UPDATE {rma_lines} SET {r_credited} = {accepted} WHERE {r_key} = ? AND {r_line} = ?"
        )
        scene.connection.execute(sql, (row[name["r_key"]], row[name["r_line"]]))


def _worth(words: Words, row: Row) -> Decimal:
    accepted, price = (row[words.names[each]] or 0 for each in ("accepted", "credit_price"))
    return (Decimal(str(accepted)) * Decimal(str(price))).quantize(CENT)


def _bearing(words: Words, scene: Scene, claim: tuple[str, Decimal]) -> Row:
    order, amount = claim
    sql = words.sql("SELECT i.* FROM {invoices} i WHERE i.{i_order} = ? AND {is_invoice}")
    for invoice in scene.rows(sql, order):
        if 0 < amount <= _open(words, invoice):
            return invoice
    raise NotNow(f"post_credit: no invoice of order {order} can bear {amount}")


def _open(words: Words, invoice: Row) -> Decimal:
    total, credited = (invoice[words.names[each]] or 0 for each in ("i_total", "credited"))
    return Decimal(str(total)) - Decimal(str(credited))
