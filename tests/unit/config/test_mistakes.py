"""All mistakes of a file at once, each at its line and column, with the likely word."""

from pathlib import Path

import pytest

from hub.config.check import as_json, as_text, problems_of
from hub.config.problems import SystemsFileInvalid
from tests.unit.config.examples import ENVIRON, load_text, mistakes_in

TEN_MISTAKES = """\
version: 1
systems:
  erp:
    role: erp
    kind: sql
    url: ${ERP_DNS}
    limits: { timeout: two seconds }
    entities:
      order:
        from: ordhdr
        key: orno
        fields:
          numbr: orno
          status: { column: orst, values: { 10: OPEN, NO: CANCELED } }
          total: orvl
          placed_at: { column: ordt, zone: Europe/Berln }
          customer: { column: orcu, to: epr.customer }
          po_number: { colum: orpo }
      orderline:
        from: ordlin
        key: lnno
        fields: { line_number: lnno }
    commands:
      create_credit_memo: { sql: "INSERT" }
"""


def test_ten_mistakes_are_ten_problems(tmp_path: Path) -> None:
    with pytest.raises(SystemsFileInvalid) as caught:
        load_text(tmp_path, TEN_MISTAKES)
    erp = "systems.erp"
    order = f"{erp}.entities.order.fields"
    assert [(each.line, each.column, each.path, each.likely) for each in caught.value.problems] == [
        (6, 10, f"{erp}.url", "ERP_DSN"),
        (7, 24, f"{erp}.limits.timeout", None),
        (13, 11, f"{order}.numbr", "number"),
        (14, 59, f"{order}.status.values.NO", "CANCELLED"),
        (15, 11, f"{order}.total", None),
        (16, 44, f"{order}.placed_at.zone", "Europe/Berlin"),
        (17, 41, f"{order}.customer.to", "erp"),
        (18, 24, f"{order}.po_number.colum", "column"),
        (19, 7, f"{erp}.entities.orderline", "order_line"),
        (24, 7, f"{erp}.commands.create_credit_memo", None),
    ]
    assert all(each.file == str(tmp_path / "systems.yaml") for each in caught.value.problems)
    assert caught.value.code == "CONFIG_INVALID"


def test_a_problem_says_what_came_and_what_was_expected(tmp_path: Path) -> None:
    told = mistakes_in(tmp_path, TEN_MISTAKES)
    assert told[1] == (
        "systems.yaml:7:24: systems.erp.limits.timeout: received 'two seconds'; "
        "expected a duration such as 1500ms, 2s, 10m, 1h or 7d"
    )
    assert told[3] == (
        "systems.yaml:14:59: systems.erp.entities.order.fields.status.values.NO: "
        "unknown code 'CANCELED'; expected one of CANCELLED, COMPLETED, CONFIRMED, "
        "IN_FULFILLMENT, ON_HOLD, OPEN; did you mean 'CANCELLED'?"
    )


def test_problems_are_text_for_people_and_json_for_programs(tmp_path: Path) -> None:
    file = tmp_path / "systems.yaml"
    file.write_text("version: 1\nsystem: {}\n")
    problems = problems_of(file, environ=ENVIRON)
    assert as_text(file, problems) == (
        f"{file}:2:1: system: unknown word 'system'; "
        "expected one of cross_references, deliveries, include, systems, version; "
        "did you mean 'systems'?\n"
        f"{file}: 1 problem"
    )
    assert as_json(file, problems) == {
        "file": str(file),
        "ok": False,
        "problems": [
            {
                "file": str(file), "line": 2, "column": 1, "path": "system",
                "message": "unknown word 'system'",
                "expected": "one of cross_references, deliveries, include, systems, version",
                "likely": "systems", "is_error": True, "is_unreachable": False,
            }
        ],
    }  # fmt: skip
    assert as_text(file, ()) == f"{file}: ok"
    assert as_json(file, ()) == {"file": str(file), "ok": True, "problems": []}


SQL_ENTITY = """\
version: 1
systems:
  erp:
    role: erp
    kind: sql
    url: sqlite:///erp.sqlite
    entities:
      {noun}:
        from: table
        key: id
        {line}
"""

IN_SQL = [
    ("order", "fields: { total: { column: v } }", "11:19", "money without a currency", None),
    ("order", "fields: { total: { column: v, currency: { const: eur } } }", "11:58",
     "received 'eur'", None),
    ("order", "fields: { total: { column: v, currency: { parent: c } } }", "11:49",
     "the currency of a parent, but there is no parent", None),
    ("order", "fields: { placed_at: at }", "11:19", "an instant without a zone", None),
    ("order", "fields: { placed_at: { columns: [a, b], zone: UTC } }", "11:19",
     "an instant of several columns without read", None),
    ("order", "fields: { placed_at: { column: a, zone: UTC, read: yyyymmdd } }", "11:60",
     "'yyyymmdd' is no time format", None),
    ("item", "fields: { weight: kg }", "11:19", "a quantity without a unit", None),
    ("item", "fields: { sku: { column: a, const: b } }", "11:19", "column and const", None),
    ("item", "fields: { sku: { optional: true } }", "11:19", "nothing that makes the value", None),
    ("item", "fields: { sku: { column: a, currency: c } }", "11:47", "'currency' for a text field",
     None),
    ("item", "fields: { sku: { column: a, write: 'A{}-{}' } }", "11:44",
     "'A{}-{}' cannot be read backwards", None),
    ("item", "fields: { sku: { column: a, write: '{:0<8}' } }", "11:44",
     "'{:0<8}' cannot be read backwards", None),
    ("item", "fields: { hazmat: { column: a, values: { Y: yes } } }", "11:53",
     "unknown code 'yes'", None),
    ("item", "fields: { list_price: { column: a, currency: c, read: '1.234.56' } }", "11:63",
     "unknown number format '1.234.56'", "1234.56"),
    ("order", "fields: { status: { column: a, otherwise: warm } }", "11:51", "unknown code 'warm'",
     "warn"),
    ("order", "fields: { customer: c }", "11:19",
     "a reference without to, and no system of the file serves customer", "erp.customer"),
    ("order", "fields: { customer: { column: c, to: erp.custommer } }", "11:46",
     "a reference to 'custommer'", "erp.customer"),
    ("order", "fields: { customer: { column: c, to: customer } }", "11:46",
     "'customer' names no noun", "customer.customer"),
    ("order", "fields: { lines: { each: a, entity: order_line, fields: { sku: s } } }", "11:34",
     "nested records in a table", None),
    ("order_line", "fields: { sku: s }", "8:7", "order_line without parent", "order"),
    ("item", "fields: { sku: s }\n        by_sku: { get: /x }", "12:9", "'by_sku' of a sql system",
     None),
    ("item", "fields: { sku: s }\n        stale_for: 1s", "12:20", "shorter than fresh_for", None),
    ("item", "fields: { sku: s }\n        attributes: { sku: t }", "12:23",
     "'sku' is a canonical field of item", None),
    ("item", "fields: { sku: s }\n        attributes: { x: { column: x, visible_to: [agents] } }",
     "12:51", "unknown role 'agents'", "agent"),
]  # fmt: skip


@pytest.mark.parametrize(("noun", "line", "at", "message", "likely"), IN_SQL)
def test_mistake_of_a_table(
    tmp_path: Path, noun: str, line: str, at: str, message: str, likely: str | None
) -> None:
    with pytest.raises(SystemsFileInvalid) as caught:
        load_text(tmp_path, SQL_ENTITY.replace("{noun}", noun).replace("{line}", line))
    (problem,) = caught.value.problems
    found = (f"{problem.line}:{problem.column}", problem.message, problem.likely)
    assert found == (at, message, likely)


REST_ENTITY = """\
version: 1
systems:
  wms:
    role: wms
    kind: rest
    url: https://wms.test
    entities:
      shipment:
        key: id
        fields: { number: id, status: { path: s, values: { A: DELIVERED } } }
        {line}
"""

IN_REST = [
    ("fresh_for: 5s", "8:7", "nothing that can be asked", None),
    ("by_key: { get: '/s?{keys|csv}' }\n        from: x", "12:9", "from in a rest system", None),
    ("by_key: shipments", "11:17", "received 'shipments'", None),
    ("by_key: { get: /s }", "11:24", "0 placeholders for keys", None),
    ("by_key: { get: '/s?{key|csv}&{key}' }", "11:24", "unknown placeholder {key|csv}", "keys|csv"),
    ("by_numbr: { get: '/s?{key}' }", "11:9",
     "by_numbr, but shipment has no field 'numbr' to ask by", "by_number"),
    ("by_lines: { get: '/s?{key}' }", "11:9",
     "by_lines, but shipment has no field 'lines' to ask by", "by_lines"),
    ("by_order: { get: '/s?{keys|csv}' }", "11:9",
     "'order' is asked by but not mapped, so answers cannot be told apart", None),
    ("list: { get: '/s?{statuz}' }", "11:22", "unknown field 'statuz' in {statuz}", "status"),
    ("list: { get: '/s?{created_at.get}' }", "11:22",
     "unknown operator 'get' in {created_at.get}", "gt"),
    ("list: { get: '/s?{page}' }", "11:22", "{page} without page:", None),
    ("list: { get: /s, page: 1, size: 5 }", "11:32", "page: without {page} in get", None),
    ("list: { get: '/s?{page}', page: 1 }", "11:41", "pages by number without size", None),
    ("list: { get: '/s?{cursor}', next: a, cursor: b }", "11:54", "next and cursor", None),
    ("list: { get: /s, sort: { stat: x } }", "11:34", "unknown field 'stat'", "status"),
    ("list: { get: /s, nxt: a }", "11:26", "unknown word 'nxt'", "next"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "at", "message", "likely"), IN_REST)
def test_mistake_of_a_request(
    tmp_path: Path, line: str, at: str, message: str, likely: str | None
) -> None:
    with pytest.raises(SystemsFileInvalid) as caught:
        load_text(tmp_path, REST_ENTITY.replace("{line}", line))
    (problem,) = caught.value.problems
    found = (f"{problem.line}:{problem.column}", problem.message, problem.likely)
    assert found == (at, message, likely)


TWO_ERPS = """\
version: 1
systems:
  eu:
    { role: erp, kind: sql, url: "sqlite:///a", entities: { customer: &c { from: a, key: k,
      fields: { number: k } } } }
  us: { role: erp, kind: sql, url: "sqlite:///b", entities: { customer: *c } }
  crm:
    role: crm
    kind: sql
    url: sqlite:///c
    entities:
      case: { from: a, key: k, fields: { customer: CUSTOMER } }
"""


def test_a_reference_says_which_of_two_systems(tmp_path: Path) -> None:
    assert mistakes_in(tmp_path, TWO_ERPS.replace("CUSTOMER", "k")) == [
        "systems.yaml:12:42: systems.crm.entities.case.fields.customer: a reference without to, "
        "and eu and us serve customer; expected to: system.noun; did you mean 'eu.customer'?"
    ]
    by_column = "{ column: k, to: { column: co, values: { 01: eu, 02: uss } } }"
    assert mistakes_in(tmp_path, TWO_ERPS.replace("CUSTOMER", by_column)) == [
        "systems.yaml:12:105: systems.crm.entities.case.fields.customer.to.values.02: "
        "unknown system 'uss'; expected one of crm, eu, us; did you mean 'us'?"
    ]
    right = by_column.replace("uss", "us")
    systems = load_text(tmp_path, TWO_ERPS.replace("CUSTOMER", right))
    spec = systems.systems["crm"].entities["case"].fields["customer"]
    assert systems.targets(spec, "customer") == {"eu", "us"}


def test_a_mistake_of_form_hides_no_mistake_of_meaning(tmp_path: Path) -> None:
    text = SQL_ENTITY.replace("{noun}", "item").replace("        key: id\n", "")
    told = mistakes_in(tmp_path, text.replace("{line}", "fields: { suk: s, weight: w }"))
    assert [each.split(": ")[0] for each in told] == [
        "systems.yaml:8:7", "systems.yaml:10:19", "systems.yaml:10:27",
    ]  # fmt: skip
