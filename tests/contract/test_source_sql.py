"""What only a database can do: joins for the parent's currency and the item's unit, `check`."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from hub.config.systems import load_systems
from hub.model.errors import SourceInvalid, SourceMisconfigured
from hub.model.order import OrderLine, OrderStatus
from hub.model.values import Money, Quantity, Ref
from hub.reads.port import Condition, ListQuery, Sort
from sources.sql import SqlSource

SYSTEMS = """
version: 1
systems:
  erp:
    role: erp
    kind: sql
    url: "sqlite:///{database}"
    entities:
      order:
        from: "SELECT orno, orcr, orst, ordt, orvl FROM ordhdr WHERE orty = 'S'"
        key: orno
        fields:
          number: orno
          status: {{ column: orst, values: {{ O: OPEN, C: COMPLETED }} }}
          placed_at: {{ column: ordt, zone: Europe/Berlin }}
          total: {{ column: orvl, currency: orcr, negate: true }}
      item:
        from: Item Master
        key: itno
        fields: {{ sku: itno, base_uom: {{ column: {unit}, values: {{ ST: EA, KG: KGM }} }} }}
      order_line:
        from: ordlin
        parent: order
        key: [orno, lnno]
        fields:
          order: {{ column: orno, to: erp.order }}
          line_number: lnno
          item: {{ column: itno, to: erp.item }}
          ordered: {{ column: qord, unit: item }}
          unit_price: {{ column: uprc, currency: {{ parent: orcr }} }}
"""
TABLES = """
CREATE TABLE ordhdr
  (orno INTEGER PRIMARY KEY, orty TEXT, orcr TEXT, orst TEXT, ordt TEXT, orvl NUMERIC);
CREATE TABLE ordlin (orno INTEGER, lnno INTEGER, itno TEXT, qord NUMERIC, uprc NUMERIC);
CREATE TABLE "Item Master" (itno TEXT PRIMARY KEY, "base unit" TEXT);
INSERT INTO ordhdr VALUES (1, 'S', 'EUR', 'O', '2024-01-31 09:30:00', -0.1),
  (2, 'S', 'JPY', 'C', '2024-07-01T09:30:00', -300),
  (3, 'S', 'EUR', 'Z', '2024-07-02T07:00:00Z', -2),
  (4, 'Q', 'EUR', 'O', NULL, 1);
INSERT INTO ordlin VALUES (1, 10, 'A', 1.5, 0.1), (1, 20, 'B', 2, 0.2), (2, 10, 'A', 1, 300),
  (2, 20, 'unknown', 1, 1);
INSERT INTO "Item Master" VALUES ('A', 'KG'), ('B', 'ST');
"""


def opened(tmp_path: Path, *, unit: str = '"base unit"') -> SqlSource:
    database = tmp_path / "erp # 1.db"  # a path that is no plain URL
    if not database.exists():
        with closing(sqlite3.connect(database)) as connection:
            connection.executescript(TABLES)
    path = tmp_path / "systems.yaml"
    path.write_text(SYSTEMS.format(database=database, unit=unit))
    file = load_systems(path, environ={})
    return SqlSource(file.systems["erp"], file)


async def test_currency_of_the_parent_and_unit_of_the_item(tmp_path: Path) -> None:
    source = opened(tmp_path)
    first, second, broken = await source.by_key("order_line", ["1/10", "2/10", "2/20"])
    await source.close()
    assert isinstance(first, OrderLine) and isinstance(second, OrderLine)
    assert first.unit_price == Money(Decimal("0.1"), "EUR")
    assert first.ordered == Quantity(Decimal("1.5"), "KGM")
    assert second.unit_price == Money(Decimal(300), "JPY")
    assert isinstance(broken, SourceInvalid)
    assert "its unit is None" in str(broken)


async def test_conditions_on_a_negated_amount_and_on_iso_texts(tmp_path: Path) -> None:
    source = opened(tmp_path)
    dear = await source.list("order", ListQuery((Condition("total", "gte", Decimal(2)),)))
    ranked = await source.list("order", ListQuery(sort=(Sort("total", True),)))
    placed = (await source.by_key("order", ["2"]))[0].placed_at  # type: ignore[union-attr]
    same = await source.list("order", ListQuery((Condition("placed_at", "eq", placed),)))
    others = await source.list("order", ListQuery((Condition("status", "ne", OrderStatus.OPEN),)))
    await source.close()
    assert sorted(each.ref.key for each in dear.records) == ["2", "3"]  # type: ignore[union-attr]
    assert [each.ref.key for each in ranked.records] == ["2", "3", "1"]  # type: ignore[union-attr]
    assert [each.ref.key for each in same.records] == ["2"]  # type: ignore[union-attr]
    assert sorted(each.ref.key for each in others.records) == ["2", "3"]  # type: ignore[union-attr]


async def test_the_hub_cannot_write(tmp_path: Path) -> None:
    source = opened(tmp_path)
    await source.start()
    async with source._engine.connect() as connection:
        with pytest.raises(Exception, match="readonly"):
            await connection.exec_driver_sql("DELETE FROM ordhdr")
    await source.close()


async def test_a_missing_column_is_named_at_start_and_when_asked(tmp_path: Path) -> None:
    source = opened(tmp_path, unit="base_unit")
    problems = await source.start()
    assert [type(problem) for problem in problems] == [SourceMisconfigured] * 2
    file, entities = tmp_path / "systems.yaml", "systems.erp.entities"
    assert [str(each) for each in problems] == [
        f"erp: {file}:20:40: {entities}.item.fields.base_uom: there is no column 'base_unit'; "
        "expected one of base unit, itno; did you mean 'base unit'?",
        f"erp: {file}:22:9: {entities}.order_line: there is no column 'base_unit'; "
        "expected one of base unit, itno; did you mean 'base unit'?",
    ]
    with pytest.raises(SourceMisconfigured, match="base_unit"):
        await source.by_key("item", ["A"])
    assert (await source.by_key("order", ["1"]))[0] is not None
    await source.close()


async def test_check_names_columns_codes_and_missing_indexes(tmp_path: Path) -> None:
    source = opened(tmp_path, unit="base_unit")
    found = [f"{problem.path}: {problem.message}" for problem in await source.check()]
    await source.close()
    entities = "systems.erp.entities."
    assert found == [
        f"{entities}order.fields.status.values: occurs but is not mapped: Z",
        f"{entities}item.fields.base_uom: there is no column 'base_unit'",
        f"{entities}order_line.key: no index begins with orno, lnno",
        f"{entities}order_line.fields.order: no index begins with orno",
        f"{entities}order_line.fields.item: no index begins with itno",
    ]


async def test_a_missing_table_is_named_at_start(tmp_path: Path) -> None:
    source = opened(tmp_path)
    with closing(sqlite3.connect(tmp_path / "erp # 1.db")) as connection:
        connection.execute("DROP TABLE ordlin")
    (problem,) = await source.start()
    await source.close()
    assert str(problem) == (
        f"erp: {tmp_path / 'systems.yaml'}:22:15: systems.erp.entities.order_line.from: "
        "a table is missing (ordlin); expected a table, a view or a SELECT that runs"
    )


async def test_many_rows_of_many_keys_are_halved_and_of_one_key_refused(tmp_path: Path) -> None:
    source = opened(tmp_path)
    with closing(sqlite3.connect(tmp_path / "erp # 1.db")) as connection:
        many = [(order, line, "A", 1, 1) for order in (1, 2) for line in range(100, 7_100)]
        connection.executemany("INSERT INTO ordlin VALUES (?, ?, ?, ?, ?)", many)
        connection.commit()
    orders = [Ref("order", "erp", "1"), Ref("order", "erp", "2")]
    found = await source.by_field("order_line", "order", orders)
    assert [len(each) for each in found] == [7_002, 7_002]  # type: ignore[arg-type]
    with pytest.raises(SourceInvalid, match="more than 10,000 rows"):
        await source.by_field("order_line", "item", [Ref("item", "erp", "A")])
    await source.close()
