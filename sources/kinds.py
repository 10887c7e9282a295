"""How each kind of canonical field is made: one row per kind, a compiler for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module
from typing import Any

from hub.config.field_specs import FieldSpec
from hub.model.record import Field, Kind
from hub.model.values import Money, Quantity
from sources.codecs import moment_of, template_of
from sources.fields import (
    CannotEncode,
    Convert,
    Encode,
    Encoded,
    FieldMapping,
    Read,
    Shape,
    converted,
    reader,
    translator,
    words_encoder,
)
from sources.numbers import CENTS, decimal_of, major_units, minor_units, numeral_of, text_of
from sources.paths import Row
from sources.references import reference_field

_FLAGS = {"true": True, "false": False, "1": True, "0": False}


def compile_field(field: Field, spec: FieldSpec, shape: Shape) -> FieldMapping:
    """The compiled field; ValueError where its declaration makes no sense."""
    if spec.python is not None:
        return FieldMapping(field, (), _python_reader(field, spec, shape))
    mapping = _COMPILERS[field.kind](field, spec, shape)
    if spec.const is not None:
        return _constant(field, mapping, spec, shape)
    return mapping


def _constant(field: Field, mapping: FieldMapping, spec: FieldSpec, shape: Shape) -> FieldMapping:
    """The same value for every record; it is no native column, so nothing can be asked by it."""
    convert = CONVERTERS[field.kind](field, spec.model_copy(update={"values": None}), shape)

    def read(row: Row, parent: Row) -> Any:
        return converted(field.name, (spec.const,), row, parent, convert)

    return FieldMapping(field, (), read)


def _python_reader(field: Field, spec: FieldSpec, shape: Shape) -> Read:
    """`module:function` is called with the native row; its answer is converted like a column's."""
    module, _, name = (spec.python or "").partition(":")
    function: Callable[[Row], Any] = getattr(import_module(module), name)
    convert = CONVERTERS[field.kind](field, spec, shape)

    def call(natives: Sequence[Any], row: Row, parent: Row) -> Any:
        native = function(row)
        return None if native is None else convert((native,), row, parent)

    return lambda row, parent: converted(field.name, (), row, parent, call)


def _plain(field: Field, spec: FieldSpec, shape: Shape) -> FieldMapping:
    convert = CONVERTERS[field.kind](field, spec, shape)
    return FieldMapping(field, spec.native, reader(field.name, spec, shape, convert))


def _text(field: Field, spec: FieldSpec, shape: Shape) -> FieldMapping:
    plain = _plain(field, spec, shape)
    if len(spec.native) != 1:
        return plain
    is_text = spec.values is None and spec.write is None
    return FieldMapping(
        field, spec.native, plain.read, _text_encoder(spec), is_ordered=is_text, is_text=is_text
    )


def _text_encoder(spec: FieldSpec) -> Encode:
    if spec.values is not None:
        return words_encoder(spec)
    if spec.write is None:
        return lambda values: Encoded(tuple((text,) for text in values))
    template = template_of(spec.write)
    return lambda values: Encoded(tuple(_rendered(template.render, values)))


def _rendered(render: Callable[[str], str], values: Sequence[str]) -> list[tuple[str]]:
    """Native forms of those values that have one; the others match nothing."""
    found = []
    for value in values:
        try:
            found.append((render(value),))
        except ValueError:
            continue
    return found


def _coded(field: Field, spec: FieldSpec, shape: Shape) -> FieldMapping:
    plain = _plain(field, spec, shape)
    if spec.values is None:
        words: Encode = lambda codes: Encoded(tuple((code,) for code in codes))  # noqa: E731
    else:
        words = words_encoder(spec)
    encode: Encode = lambda values: words([each.value for each in values])  # noqa: E731
    return FieldMapping(field, spec.native, plain.read, encode)


def _flag(field: Field, spec: FieldSpec, shape: Shape) -> FieldMapping:
    plain = _plain(field, spec, shape)
    if spec.values is None:
        return FieldMapping(
            field, spec.native, plain.read, lambda asked: Encoded(tuple((each,) for each in asked))
        )
    words = words_encoder(spec)
    return FieldMapping(
        field, spec.native, plain.read, lambda asked: words([text_of(each) for each in asked])
    )


def _number(field: Field, spec: FieldSpec, shape: Shape) -> FieldMapping:
    plain = _plain(field, spec, shape)
    if spec.read is not None and not _is_fixed_cents(spec):
        return plain  # texts in another notation neither compare nor sort as numbers
    return FieldMapping(
        field, spec.native, plain.read, _number_encoder(spec), is_ordered=True,
        is_reversed=spec.negate,
    )  # fmt: skip


def _is_fixed_cents(spec: FieldSpec) -> bool:
    return spec.read == CENTS and spec.currency is not None and spec.currency.const is not None


def _number_encoder(spec: FieldSpec) -> Encode:
    def native(value: Any) -> tuple[Decimal]:
        if isinstance(value, Money | Quantity):
            raise CannotEncode("amounts are compared as plain decimals")
        number = decimal_of(value)
        if spec.read == CENTS and spec.currency is not None and spec.currency.const is not None:
            number = minor_units(number, spec.currency.const)
        return (-number if spec.negate else number,)

    return lambda values: Encoded(tuple(native(value) for value in values))


def _moment(field: Field, spec: FieldSpec, shape: Shape) -> FieldMapping:
    moment = moment_of(spec.read, spec.zone, columns=len(spec.native) or 1)
    plain = _plain(field, spec, shape)

    def native(value: date) -> tuple[Any, ...]:
        if moment.formats or moment.epoch:
            return moment.render(value)
        if isinstance(value, datetime) and moment.zone is not None:
            return (value.astimezone(moment.zone),)
        return (value,)

    def encode(asked: Sequence[date]) -> Encoded:
        return Encoded(tuple(native(each) for each in asked))

    iso = None if moment.formats or moment.epoch else "iso"
    return FieldMapping(field, spec.native, plain.read, encode, is_ordered=moment.sorts, moment=iso)


def _text_converter(field: Field, spec: FieldSpec, shape: Shape) -> Convert:
    if spec.values is not None:
        translate = translator(field.name, spec, shape)
        return lambda natives, row, parent: translate(_word(natives))
    if spec.write is not None:
        invert = template_of(spec.write).invert
        return lambda natives, row, parent: invert(text_of(natives[0]))
    if len(spec.native) > 1:
        return lambda natives, row, parent: " ".join(text_of(native) for native in natives)
    return lambda natives, row, parent: text_of(natives[0])


def _word(natives: Sequence[Any]) -> str:
    return " ".join(text_of(native) for native in natives)


def _whole_converter(field: Field, spec: FieldSpec, shape: Shape) -> Convert:
    numeral = numeral_of(spec.read)

    def convert(natives: Sequence[Any], row: Row, parent: Row) -> int:
        number = numeral(natives[0])
        if number != number.to_integral_value():
            raise ValueError("a whole number was expected")
        return -int(number) if spec.negate else int(number)

    return convert


def _decimal_converter(field: Field, spec: FieldSpec, shape: Shape) -> Convert:
    numeral = numeral_of(spec.read)
    if spec.negate:
        return lambda natives, row, parent: -numeral(natives[0])
    return lambda natives, row, parent: numeral(natives[0])


def _flag_converter(field: Field, spec: FieldSpec, shape: Shape) -> Convert:
    translate = translator(field.name, spec, shape) if spec.values is not None else None

    def convert(natives: Sequence[Any], row: Row, parent: Row) -> bool | None:
        word = text_of(natives[0])
        known: str | None = word.lower() if translate is None else translate(word)
        if known is None:
            return None
        if known not in _FLAGS:
            raise ValueError("true, false, 1 or 0 was expected; declare `values` for other words")
        return _FLAGS[known]

    return convert


def _instant_converter(field: Field, spec: FieldSpec, shape: Shape) -> Convert:
    parse = moment_of(spec.read, spec.zone, columns=len(spec.native) or 1).parse
    return lambda natives, row, parent: parse(natives)


def _day_converter(field: Field, spec: FieldSpec, shape: Shape) -> Convert:
    parse = moment_of(spec.read, spec.zone, columns=len(spec.native) or 1).parse_day
    return lambda natives, row, parent: parse(natives)


def _money_converter(field: Field, spec: FieldSpec, shape: Shape) -> Convert:
    amount = _decimal_converter(field, spec, shape)
    currency = _currency_reader(spec, shape)
    is_cents = spec.read == CENTS

    def convert(natives: Sequence[Any], row: Row, parent: Row) -> Money:
        code = currency(row, parent)
        if not isinstance(code, str) or len(code.strip()) != 3:
            raise ValueError(f"its currency is {code!r}, an ISO 4217 code was expected")
        code = code.strip().upper()
        number = amount(natives, row, parent)
        return Money(major_units(number, code) if is_cents else number, code)

    return convert


def _currency_reader(spec: FieldSpec, shape: Shape) -> Read:
    currency = spec.currency
    if currency is None:
        raise ValueError("money needs a `currency`")
    if currency.const is not None:
        return lambda row, parent: currency.const
    if currency.parent is not None:
        return shape.parent_get(currency.parent)
    return shape.get(currency.column or "")


def _quantity_converter(field: Field, spec: FieldSpec, shape: Shape) -> Convert:
    value = _decimal_converter(field, spec, shape)
    unit = _unit_reader(spec, shape)

    def convert(natives: Sequence[Any], row: Row, parent: Row) -> Quantity:
        uom = unit(row, parent)
        if not isinstance(uom, str) or not uom.strip():
            raise ValueError(f"its unit is {uom!r}, a unit code was expected")
        return Quantity(value(natives, row, parent), uom.strip())

    return convert


def _unit_reader(spec: FieldSpec, shape: Shape) -> Read:
    unit = spec.unit
    if unit is None:
        raise ValueError("a quantity needs a `unit`")
    if unit.const is not None:
        return lambda row, parent: unit.const
    if unit.column is not None:
        return shape.get(unit.column)
    if shape.base_unit is None:
        raise ValueError("`unit: item` needs the system's own item entity, reached by item or sku")
    return shape.base_unit


def _coded_converter(field: Field, spec: FieldSpec, shape: Shape) -> Convert:
    codes = field.codes
    assert codes is not None  # `fields_of` gives every coded field its enum
    translate = (
        translator(field.name, spec, shape) if spec.values is not None else lambda word: word
    )

    def convert(natives: Sequence[Any], row: Row, parent: Row) -> Any:
        word = translate(_word(natives))
        if word is None:
            return None
        if word not in codes.__members__:
            raise ValueError(f"one of {', '.join(codes.__members__)} was expected")
        return codes[word]

    return convert


def _texts_converter(field: Field, spec: FieldSpec, shape: Shape) -> Convert:
    def convert(natives: Sequence[Any], row: Row, parent: Row) -> tuple[str, ...]:
        native = natives[0]
        if isinstance(native, list | tuple):
            return tuple(text_of(each) for each in native if each is not None)
        parts = (part.strip() for part in text_of(native).split(","))
        return tuple(part for part in parts if part)

    return convert


CONVERTERS: Mapping[Kind, Callable[[Field, FieldSpec, Shape], Convert]] = {
    "text": _text_converter,
    "whole": _whole_converter,
    "decimal": _decimal_converter,
    "flag": _flag_converter,
    "instant": _instant_converter,
    "day": _day_converter,
    "money": _money_converter,
    "quantity": _quantity_converter,
    "coded": _coded_converter,
    "texts": _texts_converter,
}

_COMPILERS: Mapping[Kind, Callable[[Field, FieldSpec, Shape], FieldMapping]] = {
    "text": _text,
    "whole": _number,
    "decimal": _number,
    "flag": _flag,
    "instant": _moment,
    "day": _moment,
    "money": _number,
    "quantity": _number,
    "coded": _coded,
    "texts": _plain,
    "reference": reference_field,
}
