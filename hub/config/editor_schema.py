"""JSON Schema of the systems file, so that editors complete, explain and underline."""

from __future__ import annotations

from typing import Any

from hub.config.editor_help import describe
from hub.config.specs import BY, SystemsFile
from hub.model.catalog import NOUNS
from hub.model.record import fields_of

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema of one whole file. What files mean together only `config check` can say."""
    schema = SystemsFile.model_json_schema(by_alias=True, mode="validation")
    definitions: dict[str, Any] = schema["$defs"]
    _forget_inner_names(definitions)
    _allow_by_requests(definitions["EntitySpec"])
    definitions["SystemSpec"]["properties"]["entities"] = _entities()
    schema["properties"]["include"] = {"type": ["string", "array"], "items": {"type": "string"}}
    schema["properties"]["version"] = {"const": 1}
    for model in ("FieldSpec", "AttributeSpec"):
        _allow_path(definitions[model]["anyOf"][1])
    _allow_variables(definitions["Limits"]["properties"])
    schema["required"] = ["version"]
    describe("SystemsFile", schema["properties"])
    for name, definition in definitions.items():
        describe(name, _properties(definition))
    return {"$schema": _DIALECT} | schema | {"title": "opshub systems file"}


def _properties(definition: dict[str, Any]) -> dict[str, Any]:
    """The words of a model, be it one that a bare word may stand for."""
    spelt_out = definition["anyOf"][1] if "anyOf" in definition else definition
    properties: dict[str, Any] = spelt_out["properties"]
    return properties


def _forget_inner_names(definitions: dict[str, Any]) -> None:
    """Names that the loader takes from the key above are no words of the file."""
    for model, word in (
        ("SystemSpec", "name"), ("EntitySpec", "noun"), ("CommandSpec", "name"),
        ("DeliverySpec", "name"),
    ):  # fmt: skip
        del definitions[model]["properties"][word]
        definitions[model]["required"] = [
            each for each in definitions[model].get("required", []) if each != word
        ]


def _allow_by_requests(entity: dict[str, Any]) -> None:
    request = {"$ref": "#/$defs/Request"}
    del entity["properties"]["by"]
    entity["properties"]["by_key"] = request
    entity["patternProperties"] = {f"^{BY}[a-z_]+$": request}


def _entities() -> dict[str, Any]:
    nouns = {noun: _entity(noun) for noun in NOUNS}
    return {"type": "object", "minProperties": 1, "properties": nouns,
            "additionalProperties": False}  # fmt: skip


def _entity(noun: str) -> dict[str, Any]:
    known = list(fields_of(NOUNS[noun]))
    names = {"properties": {"fields": {"propertyNames": {"enum": known}}}}
    return {"allOf": [{"$ref": "#/$defs/EntitySpec"}, names]}


def _allow_path(field: dict[str, Any]) -> None:
    """`path` is another word for `column`."""
    field["properties"]["path"] = {"type": "string"}
    field.pop("required", None)


def _allow_variables(limits: dict[str, Any]) -> None:
    """Numbers under limits may come from `${...}`, which is text for an editor."""
    for name in ("in_flight", "batch"):
        limits[name] = {"anyOf": [limits[name], {"type": "string", "pattern": r"\$\{"}]}
