"""docs/systems-file.md says what the loader does: its example loads, its tables are the model's."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from hub.config.editor_help import HELP
from hub.config.editor_schema import json_schema
from hub.config.field_specs import AttributeSpec, FieldSpec
from hub.config.specs import EntitySpec, SystemsFile
from hub.config.systems import load_systems
from tests.unit.config.examples import PAGE, ROOT, example_text, load_text, section
from tests.unit.config.vocabulary_tables import code_table, noun_table


@pytest.fixture
def example(tmp_path: Path) -> SystemsFile:
    return load_text(tmp_path, example_text(tmp_path))


def test_tables_are_those_of_the_model() -> None:
    assert section(PAGE, "nouns") == noun_table()
    assert section(PAGE, "codes") == code_table()


def test_example_is_understood(example: SystemsFile) -> None:
    assert {name: sorted(each.entities) for name, each in example.systems.items()} == {
        "erp": ["credit_memo", "customer", "item", "order", "order_line"],
        "wms": ["shipment"],
        "crm": ["case", "customer"],
    }
    erp, wms = example.systems["erp"], example.systems["wms"]
    assert (erp.limits.timeout_s, erp.limits.in_flight, erp.limits.batch) == (2.0, 4, 500)
    assert erp.limits.quota is not None
    assert (erp.limits.quota.calls, erp.limits.quota.per_s) == (600, 60.0)
    assert example.systems["crm"].limits.quota is None
    assert wms.limits.timeout_s == 1.5
    find = erp.commands["create_credit_memo"].find
    assert find is not None
    assert (find.settles_within_s, find.reference_unique) == (30.0, True)
    assert [each.name for each in example.serving("order")] == ["erp"]


def test_entities_of_the_example(example: SystemsFile) -> None:
    order = example.systems["erp"].entities["order"]
    assert (order.noun, order.from_, order.key) == ("order", "auftrag", ("aufnr",))
    assert (order.fresh_for_s, order.stale_for_s) == (5.0, 600.0)
    assert order.fields["status"] == FieldSpec.model_validate(
        {
            "column": "stat",
            "values": {"10": "OPEN", "30": "CONFIRMED", "90": "COMPLETED"},
            "otherwise": "warn",
        }
    )
    assert order.fields["placed_at"].native == ("datum", "zeit")
    assert order.attributes["dock"] == AttributeSpec.model_validate(
        {"column": "zz_tor", "visible_to": ["agent", "warehouse"]}
    )
    shipment = example.systems["wms"].entities["shipment"]
    assert sorted(shipment.by) == ["order", "tracking_number"]
    assert shipment.by["order"].batch == 50
    assert shipment.list is not None and (shipment.list.page, shipment.list.size) == (1, 200)
    lines = shipment.fields["lines"].fields or {}
    assert lines["order_line"].column == "hostLine"
    assert lines["quantity"].unit is not None and lines["quantity"].unit.column == "uom"
    reference = example.systems["crm"].entities["case"].fields["order"]
    assert example.targets(reference, "order") == {"erp"}
    assert example.cross_references["customer"].match == ("tax_number",)


def test_every_word_of_entities_and_fields_is_on_the_page() -> None:
    page = PAGE.read_text()
    inner = {"noun", "by"}
    words = {each.alias or name for name, each in EntitySpec.model_fields.items()} - inner
    words |= set(FieldSpec.model_fields) | set(AttributeSpec.model_fields)
    assert {word for word in words if f"`{word}`" not in page} == set()


def _schema_problems(text: str) -> list[str]:
    """Where the editor's schema refuses a text, as an editor's own YAML reader reads it."""
    read: Any = json.loads(json.dumps(yaml.safe_load(text)))
    validator = jsonschema.Draft202012Validator(json_schema())
    return sorted(".".join(map(str, each.absolute_path)) for each in validator.iter_errors(read))


def test_schema_accepts_the_example(tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert _schema_problems(example_text(tmp_path)) == []


def test_schema_accepts_the_demo_systems() -> None:
    assert _schema_problems((ROOT / "hub" / "demo" / "systems.yaml").read_text()) == []


def test_demo_systems_load() -> None:
    """As the demo starts them: each variable an address of this machine."""
    file = ROOT / "hub" / "demo" / "systems.yaml"
    names = re.findall(r"\$\{(\w+)", file.read_text())
    environ = {name: "http://127.0.0.1:1" for name in names} | {
        name: "sqlite:///erp.sqlite3" for name in names if name.endswith("_DSN")
    }
    systems = load_systems(file, environ=environ)
    assert sorted(systems.systems) == [
        "carrier", "crm", "erp-eu", "erp-us", "wms-north", "wms-south",
    ]  # fmt: skip


def test_schema_refuses_a_broken_file(tmp_path: Path) -> None:
    text = example_text(tmp_path)
    for right, broken in {
        "role: wms": "role: wmss", "timeout: 2s": "timeout: 2 seconds",
        "number: kdnr": "numbr: kdnr", "\n      item:": "\n      itm:",
        "key: [aufnr, posnr]": "keys: [aufnr, posnr]",
    }.items():  # fmt: skip
        assert right in text
        text = text.replace(right, broken)
    assert _schema_problems(text) == [
        "systems.erp.entities",
        "systems.erp.entities.customer.fields",
        "systems.erp.entities.order_line",
        "systems.erp.entities.order_line",
        "systems.erp.limits.timeout",
        "systems.wms.role",
    ]


def test_every_word_of_the_schema_is_explained() -> None:
    schema = json_schema()
    models = {"SystemsFile": schema} | schema["$defs"]
    words = {
        f"{name}.{word}": told.get("description", "")
        for name, model in models.items()
        for word, told in model.get("anyOf", [None, model])[1].get("properties", {}).items()
    }
    assert [word for word, told in words.items() if not told.endswith(".")] == []
    explained = {f"{name}.{word}" for name, each in HELP.items() for word in each}
    assert explained == set(words)
    assert words["EntitySpec.from"].startswith("sql only: a table")
