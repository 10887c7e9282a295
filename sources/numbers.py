"""Native numbers as exact decimals, and native keys and words as their one canonical text."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

_FLOAT_DIGITS = ".15g"  # every decimal of 15 digits survives a double; more is rounding noise
_DECIMAL_DIGITS_MAX = 38  # digits; no currency or stock needs more, a hostile 1E+999999 does
CENTS = "cents"

# ISO 4217: how many decimals the smallest unit of a currency has, where it is not two.
_MINOR_DIGITS = dict.fromkeys(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
     "VUV", "XAF", "XOF", "XPF"), 0,
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)  # fmt: skip

# Thousands mark and decimal mark of each notation that `read` may name by example.
_NOTATIONS = {
    "1234.56": ("", "."), "1,234.56": (",", "."), "1.234,56": (".", ","), "1234,56": ("", ","),
    "1 234,56": (" ", ","),
}  # fmt: skip

Numeral = Callable[[object], Decimal]


def numeral_of(read: str | None) -> Numeral:
    """The reader of a number notation; ValueError where the notation is not known."""
    if read is None or read == CENTS:
        return decimal_of
    if read not in _NOTATIONS:
        raise ValueError(f"{read!r}: expected one of {', '.join(_NOTATIONS)} or {CENTS}")
    return _notation(read, *_NOTATIONS[read])


def _notation(example: str, thousands: str, decimals: str) -> Numeral:
    groups = rf"\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})*|" if thousands else ""
    form = re.compile(rf"[+-]?(?:{groups}\d+)(?:{re.escape(decimals)}\d+)?")

    def read(native: object) -> Decimal:
        if not isinstance(native, str):
            return decimal_of(native)
        text = native.strip().replace("\u00a0", " ")
        if not form.fullmatch(text):
            raise ValueError(f"a number like {example} was expected")
        plain = text.replace(thousands, "") if thousands else text
        return decimal_of(plain.replace(decimals, "."))

    return read


def major_units(count: Decimal, currency: str) -> Decimal:
    """An amount counted in the currency's smallest unit, in the currency itself."""
    return count.scaleb(-_MINOR_DIGITS.get(currency, 2))


def minor_units(amount: Decimal, currency: str) -> Decimal:
    """An amount in the currency, counted in its smallest unit."""
    return amount.scaleb(_MINOR_DIGITS.get(currency, 2))


def decimal_of(native: object) -> Decimal:
    """An exact decimal; ValueError where it is none, not finite or beyond 38 digits."""
    if isinstance(native, bool):
        raise ValueError("a number was expected")
    try:
        number = _decimal(native)
    except InvalidOperation as error:
        raise ValueError("a number was expected") from error
    if not number.is_finite():
        raise ValueError("a finite number was expected")
    if number and not -_DECIMAL_DIGITS_MAX <= number.adjusted() < _DECIMAL_DIGITS_MAX:
        raise ValueError(f"a number of at most {_DECIMAL_DIGITS_MAX} digits was expected")
    return number


def _decimal(native: object) -> Decimal:
    if isinstance(native, float):
        # SQLite keeps NUMERIC as a double; the shortest text of 15 digits is what was stored.
        return Decimal(format(native, _FLOAT_DIGITS))
    if isinstance(native, int | Decimal):
        return Decimal(native)
    if isinstance(native, str):
        return Decimal(native.strip().replace("_", "!"))
    raise ValueError("a number was expected")


def text_of(native: object) -> str:
    """The canonical text of a native key, word or number: no exponent, no trailing zeros."""
    if isinstance(native, str):
        return native
    if isinstance(native, bool):
        return "true" if native else "false"
    if isinstance(native, float | Decimal):
        return _plain(decimal_of(native))
    if isinstance(native, dict | list | bytes):
        raise ValueError("a text or a number was expected")
    return str(native)


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
