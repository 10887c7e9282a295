"""What a systems file may consist of: includes, variables, words as they stand, secrets."""

from pathlib import Path

import pytest

from hub.config.documents import FILE_BYTES_MAX
from hub.config.problems import SystemsFileInvalid
from hub.config.systems import load_systems
from tests.unit.config.examples import ENVIRON, SECRET, example_text, load_text, mistakes_in

SYSTEM = """\
    role: erp
    kind: sql
    url: sqlite:///x
    entities: { item: { from: a, key: k, fields: { sku: k } } }
"""


def test_words_stay_as_they_stand(tmp_path: Path) -> None:
    values = "{ 10: true, NO: false, 1e3: true, null: false }"
    fields = f"{{ sku: 0123, final_sale: {{ column: NO, values: {values} }} }}"
    text = f"version: 1\nsystems:\n  erp:\n{SYSTEM}".replace("{ sku: k }", fields)
    spec = load_text(tmp_path, text).systems["erp"].entities["item"].fields
    assert spec["sku"].column == "0123"
    assert spec["final_sale"].column == "NO"
    assert spec["final_sale"].values == {
        "10": "true", "NO": "false", "1e3": "true", "null": "false",
    }  # fmt: skip


def test_included_systems_are_one_file(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "eu.yaml").write_text(f"include: us.yaml\nsystems:\n  eu:\n{SYSTEM}")
    (tmp_path / "more" / "us.yaml").write_text(f"version: 1\nsystems:\n  us:\n{SYSTEM}")
    systems = load_text(
        tmp_path, f"version: 1\ninclude: [more/eu.yaml]\nsystems:\n  own:\n{SYSTEM}"
    )
    assert sorted(systems.systems) == ["eu", "own", "us"]
    where = systems.where(("systems", "us", "entities", "item", "key"))
    assert where == (str(tmp_path / "more" / "us.yaml"), 7, 39)


def test_mistakes_of_includes_have_their_own_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("include: systems.yaml\nversion: 1\n")
    (tmp_path / "b.yaml").write_text(f"systems:\n  erp:\n{SYSTEM}".replace("sku", "suk"))
    (tmp_path / "c.yaml").write_text(f"systems:\n  erp:\n{SYSTEM}setings: x\n")
    text = "version: 1\ninclude: [a.yaml, b.yaml, c.yaml, b.yaml, none.yaml]\n"
    assert mistakes_in(tmp_path, text) == [
        "a.yaml:1:10: include: systems.yaml includes itself; expected includes without a circle",
        "b.yaml:6:52: systems.erp.entities.item.fields.suk: unknown field 'suk' of item; expected "
        "one of base_uom, category, description, final_sale, gtin, hazmat, is_active, list_price, "
        "lot_tracked, requires_inspection, return_window_days, serial_tracked and 4 more; "
        "did you mean 'sku'?",
        "c.yaml:2:3: systems.erp: 'erp' a second time; expected each name once "
        "(first at b.yaml:2:3)",
        "c.yaml:7:1: setings: unknown word 'setings' in an included file; expected systems, "
        "cross_references or include",
        "systems.yaml:2:35: include[3]: b.yaml is included twice; expected each file once",
        "systems.yaml:2:43: include[4]: none.yaml is not there; expected a file beside this one",
    ]


def test_a_key_stands_once(tmp_path: Path) -> None:
    text = "version: 1\nsystems: {}\nversion: 1\n"
    assert mistakes_in(tmp_path, text) == [
        "systems.yaml:3:1: version: 'version' a second time; expected each key once "
        "(first at line 1)"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "systems.yaml:1:1: not a mapping; expected version: 1 and systems:"),
        ("- a", "systems.yaml:1:1: not a mapping; expected version: 1 and systems:"),
        ("systems: {}", "systems.yaml:1:1: no 'version'; expected 'version' here"),
        ("version: 2", "systems.yaml:1:10: version: received '2'; expected one of 1"),
        ("version: 1\nsystems: []", "systems.yaml:2:10: systems: received a list; "
         "expected a mapping of words"),
        ("version: 1\nsystems: { a: *x }",
         "systems.yaml:2:15: not YAML: found undefined alias 'x'; "
         "expected valid YAML"),
        ("version: 1\n<<: {}", "systems.yaml:2:1: a merge key '<<'; "
         "expected the keys written out, or an anchor alone"),
        ("version: 1\nx: { a: b,\n  url: ${ERP} }\n",
         "systems.yaml:3:8: an unquoted ${...} inside braces; "
         'expected quotes around it: "${NAME}"'),
        ("version: 1\nx: { url: ${ERP} }", "systems.yaml:2:11: an unquoted ${...} inside braces; "
         'expected quotes around it: "${NAME}"'),
    ],
)  # fmt: skip
def test_what_is_no_systems_file(tmp_path: Path, text: str, told: str) -> None:
    assert mistakes_in(tmp_path, text) == [told]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    cases = {"binary.yaml": b"\xff\xfe\xff", "long.yaml": b"a" * (FILE_BYTES_MAX + 1)}
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
    for name, message in {
        "binary.yaml": "byte 0 is not UTF-8", "long.yaml": "the file is too large",
        "none.yaml": "cannot be read (No such file or directory)",
    }.items():  # fmt: skip
        with pytest.raises(SystemsFileInvalid) as caught:
            load_systems(tmp_path / name, environ={})
        assert [each.message for each in caught.value.problems] == [message]


def test_deep_nesting_ends_with_a_problem(tmp_path: Path) -> None:
    assert any("too deep" in each for each in mistakes_in(tmp_path, "[" * 60 + "]" * 60))
    assert mistakes_in(tmp_path, "[" * 5_000 + "]" * 5_000) == [
        "systems.yaml:1:1: too deeply nested; expected 30 levels at most"
    ]


def test_aliases_cannot_grow_without_end(tmp_path: Path) -> None:
    assert mistakes_in(tmp_path, "&a [*a, *a]") == [
        "systems.yaml:1:1: " + "[0]" * 31 + ": too deep; expected 30 levels at most"
    ]
    doubled = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    told = mistakes_in(tmp_path, "\n".join(["a0: &a0 x", *doubled]))
    assert sum("too much; expected 50000 values at most" in each for each in told) == 1


def test_variables_are_put_in_where_they_stay_hidden(tmp_path: Path) -> None:
    systems = load_text(tmp_path, example_text(tmp_path))
    wms = systems.systems["wms"]
    assert wms.url.get_secret_value() == "http://localhost:9001"
    assert wms.auth is not None and wms.auth.header is not None
    assert wms.auth.header["X-Api-Key"].get_secret_value() == SECRET
    over = systems.systems["erp"].commands["create_credit_memo"].over
    assert over is not None and over.auth is not None and over.auth.bearer is not None
    assert over.auth.bearer.get_secret_value() == SECRET
    assert SECRET not in repr(systems) + str(systems) + systems.model_dump_json()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("${ERP_DNS}", "the variable ERP_DNS is not set; expected it in the environment, or "
         "${NAME:-default}; did you mean 'ERP_DSN'?"),
        ("${}", "${} names no variable; expected ${NAME}, ${NAME:-default} or ${file:/path}"),
        ("${file:/none/x}", "the secret's file /none/x cannot be read (No such file or directory); "
         "expected a readable file"),
        ("${ERP_DSN", "a ${ without its }; expected ${NAME} or ${NAME:-default}"),
        ("${WMS_KEY}", "a url that is not one (its text is not shown); expected dialect://..."),
    ],
)  # fmt: skip
def test_variables_that_cannot_be_put_in(tmp_path: Path, url: str, told: str) -> None:
    text = f"version: 1\nsystems:\n  erp:\n{SYSTEM}".replace("sqlite:///x", url)
    assert mistakes_in(tmp_path, text) == [f"systems.yaml:6:10: systems.erp.url: {told}"]


def test_a_variable_stands_only_where_nothing_is_shown(tmp_path: Path) -> None:
    text = f"version: 1\nsystems:\n  erp:\n{SYSTEM}".replace("from: a", 'from: "${WMS_KEY}"')
    (told,) = mistakes_in(tmp_path, text)
    assert told.endswith(
        "a ${...} where it would be shown; "
        "expected ${...} only under url, auth, limits, secret or headers"
    )


def test_a_refused_secret_is_not_in_the_message(tmp_path: Path) -> None:
    text = f"version: 1\nsystems:\n  erp:\n{SYSTEM}"
    text = text.replace("kind: sql", "kind: rest\n    auth: { bearer: [hunter2-never-shown] }")
    file = tmp_path / "systems.yaml"
    file.write_text(text)
    with pytest.raises(SystemsFileInvalid) as caught:
        load_systems(file, environ=ENVIRON)
    assert SECRET not in str(caught.value)
