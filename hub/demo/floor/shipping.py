"""Moves of shipments and shelves: allocated, picked or short, packed, labelled, gone, counted."""

from datetime import timedelta

import orjson

from hub.demo.database import Row
from hub.demo.floor.words import Words
from hub.demo.life import Birth, Move, NotNow, Scene

CARRIERS = (("PXP", "GROUND"), ("PXP", "EXPRESS"), ("GLF", "STANDARD"), ("GLF", "FREIGHT"))
JOURNEY = timedelta(days=3)
UNITS_PER_PARCEL = 20


def shipment_moves(words: Words) -> tuple[Move | Birth, ...]:
    """From the ERP's order to ship until the parcel arrived, here or at the customer."""
    shipment, stock, name = words.kinds.shipment, words.kinds.stock, words.names
    outbound = words.sql("{way} = ") + repr(words.outbound)
    return (
        Birth("allocate", shipment, lambda scene, key: _allocate(words, scene, key), weight=20),
        Birth("expect", shipment, lambda scene, key: _expect(words, scene, key), weight=20),
        Move("start_pick", shipment, ("NEW",), "PICKING", when=outbound),
        Move("short_pick", shipment, ("PICKING",), "SHORT",
             when=words.sql("EXISTS (SELECT 1 FROM {lines} l WHERE l.{l_shipment} ="
                            " {shipments}.{s_key} AND l.{l_quantity} > 1)"),
             then=lambda scene, row: _short(words, scene, row), weight=2),
        Move("pack", shipment, ("PICKING", "SHORT"), "PACKED",
             then=lambda scene, row: _take_from_shelf(words, scene, row)),
        Move("label", shipment, ("PACKED",), "LABEL_CREATED",
             then=lambda scene, row: _label(words, scene, row)),
        Move("ship", shipment, ("LABEL_CREATED",), "IN_TRANSIT", (name["shipped"],),
             then=lambda scene, row: _ship(words, scene, row), weight=8),
        Move("deliver", shipment, ("IN_TRANSIT",), "DELIVERED", (name["delivered"],),
             then=lambda scene, row: words.scan(scene, row, "DELIVERED"), weight=5),
        Move("count", stock, moments=(name["counted"],),
             then=lambda scene, row: _count(words, scene, row), weight=4),
    )  # fmt: skip


def _allocate(words: Words, scene: Scene, key: str | None) -> None:
    """A shipment for an order that an ERP released; what is asked for is set aside."""
    note = scene.post.take(words.system, "ship")
    if note is None:
        raise NotNow("allocate: no order waits to be shipped")
    made = _shipment(words, scene, note, number=words.new_number(scene))
    shipment = scene.add(words.kinds.shipment, made | {
        words.names["way"]: words.outbound,
        words.names["s_status"]: words.kinds.shipment.codes["NEW"],
    })  # fmt: skip
    _add_lines(words, scene, shipment, note)
    for line in note["lines"]:
        _shelve(words, scene, line["sku"], {"allocated": f"{{allocated}} + {line['quantity']}"})


def _expect(words: Words, scene: Scene, key: str | None) -> None:
    """The labelled parcel in which an authorized return will travel."""
    note = scene.post.take(words.system, "expect")
    if note is None:
        raise NotNow("expect: no return is announced")
    made = _shipment(words, scene, note, number=f"{note['rma'].replace('-', '')}P1")
    known = words.sql("SELECT 1 FROM {shipments} WHERE {s_key} = ?")
    if scene.one(known, made[words.names["s_key"]]) is not None:
        raise NotNow(f"expect: return {note['rma']} is known already")
    shipment = scene.add(words.kinds.shipment, made | {
        words.names["way"]: words.inbound, words.names["rma"]: note["rma"],
        words.names["s_status"]: words.kinds.shipment.codes["LABEL_CREATED"],
    })  # fmt: skip
    _add_lines(words, scene, shipment, note)
    _label(words, scene, shipment)


def _shipment(words: Words, scene: Scene, note: Row, *, number: str) -> Row:
    name = words.names
    units = sum(line["quantity"] for line in note["lines"])
    company = {words.company: note["company"]} if words.company else {}
    order = note.get("written") or words.host_order(note["order"])
    return {
        name["s_key"]: number, **company, name["order"]: order,
        name["created"]: words.write(scene.at), name["parcels"]: 1 + int(units // UNITS_PER_PARCEL),
        **words.new_shipment(note, units),
    }  # fmt: skip


def _add_lines(words: Words, scene: Scene, shipment: Row, note: Row) -> None:
    name = words.names
    scene.add_parts(name["lines"], [
        {name["l_shipment"]: shipment[name["s_key"]], name["l_number"]: line["line"],
         name["l_sku"]: line["sku"], name["l_quantity"]: line["quantity"],
         name["l_unit"]: line["unit"], name["l_serials"]: orjson.dumps([]).decode()}
        for line in note["lines"]
    ])  # fmt: skip


def _short(words: Words, scene: Scene, shipment: Row) -> None:
    """Half of the largest line is not on its shelf, whose rest is blocked until it is counted.

    What is missing goes in a parcel of its own, later.
    """
    name = words.names
    sql = words.sql("SELECT * FROM {lines} WHERE {l_shipment} = ? ORDER BY {l_quantity} DESC")
    line = scene.rows(sql, shipment[name["s_key"]])[0]
    missing = line[name["l_quantity"]] // 2
    sql = words.sql(
        "UPDATE {lines} SET {l_quantity} = {l_quantity} - ? WHERE {l_shipment} = ?"
        " AND {l_number} = ?"
    )
    scene.connection.execute(sql, (missing, shipment[name["s_key"]], line[name["l_number"]]))
    scene.post.send(words.system, "ship", {
        "company": shipment[words.company] if words.company else None,
        "written": shipment[name["order"]],
        "lines": [{"line": line[name["l_number"]], "sku": line[name["l_sku"]],
                   "unit": line[name["l_unit"]], "quantity": missing}],
    })  # fmt: skip
    free = "max(0, {on_hand} - {allocated} - {quality} - {damaged})"
    _shelve(words, scene, line[name["l_sku"]], {
        "allocated": f"max(0, {{allocated}} - {missing})", "quality": f"{{quality}} + {free}",
    })  # fmt: skip


def _take_from_shelf(words: Words, scene: Scene, shipment: Row) -> None:
    name = words.names
    sql = words.sql("SELECT * FROM {lines} WHERE {l_shipment} = ?")
    for line in scene.rows(sql, shipment[name["s_key"]]):
        taken = line[name["l_quantity"]]
        _shelve(words, scene, line[name["l_sku"]], {
            "on_hand": f"max(0, {{on_hand}} - {taken})",
            "allocated": f"max(0, {{allocated}} - {taken})",
        })  # fmt: skip


def _shelve(words: Words, scene: Scene, sku: str, sets: Row) -> None:
    """Change what lies of the article in the first of its places."""
    name, kind = words.names, words.kinds.stock
    sql = words.sql("SELECT * FROM {stock} WHERE {k_sku} = ? ORDER BY {k_key} LIMIT 1")
    row = scene.one(sql, sku)
    if row is not None:
        texts = {name[column]: words.sql(text) for column, text in sets.items()}
        scene.compute(kind, row, texts)


def _label(words: Words, scene: Scene, shipment: Row) -> None:
    """A tracking number, and a parcel announced to the carrier."""
    name = words.names
    carrier, service = scene.rng.choice(CARRIERS)
    tracking = f"{carrier}{scene.rng.randrange(10**9, 10**10)}"
    scene.change(words.kinds.shipment, shipment, {
        name["carrier"]: carrier, name["service"]: service, name["tracking"]: tracking,
    })  # fmt: skip
    words.scan(scene, shipment, "LABEL_CREATED")
    scene.post.send("carrier", "parcel", {
        "carrier": carrier, "number": tracking, "reference": shipment[name["s_key"]],
        "shipper": words.system.removeprefix("wms-").upper(),
    })  # fmt: skip


def _ship(words: Words, scene: Scene, shipment: Row) -> None:
    eta = words.write(scene.at + JOURNEY)
    scene.change(words.kinds.shipment, shipment, {words.names["eta"]: eta})
    words.scan(scene, shipment, "PICKED_UP")


def _count(words: Words, scene: Scene, row: Row) -> None:
    """The shelf is counted: what was blocked is free again, and a few pieces turn up."""
    name = words.names
    scene.compute(words.kinds.stock, row, {
        name["quality"]: "0",
        name["on_hand"]: f"max({name['on_hand']}, {name['allocated']})"
                         f" + {scene.rng.randrange(0, 6)}",
    })  # fmt: skip
