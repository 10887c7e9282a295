"""Writes the Python of the generated loops, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from graphql import (
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from resolvers.engine.complete import careful_row
from resolvers.engine.leaves import Surprise, inline_leaf, strict_leaf
from resolvers.engine.tree import TYPENAME, FieldPlan, Selection
from resolvers.fields import Representation, Source, representation_of

INLINE_DEPTH_MAX = 8
"""Indentations before a nested object becomes a function of its own; CPython nests 20 loops."""


class _Function:
    """The text of one function: what it fetches first, then its body."""

    def __init__(self, header: str, comment: str) -> None:
        self.head = [header, f"    # {comment}"]
        self.needs: dict[str, None] = {}
        self.body: list[str] = []
        self.depth = 1

    def add(self, line: str) -> None:
        self.body.append("    " * self.depth + line)

    def need(self, line: str) -> None:
        self.needs["    " + line] = None

    @contextmanager
    def block(self, line: str) -> Iterator[None]:
        self.add(line)
        self.depth += 1
        yield
        self.depth -= 1

    @property
    def text(self) -> str:
        return "\n".join([*self.head, *self.needs, *self.body])


class Emitter:
    """Collects functions and the constants they name."""

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {"Surprise": Surprise, "careful_row": careful_row}
        self._functions: list[str] = []

    @property
    def source(self) -> str:
        return "\n\n\n".join(self._functions) + "\n"

    def rows_function(self, selection: Selection) -> None:
        """`rows_N(records, run, at, *columns)`: per record one dict, or the error nulling it."""
        number = selection.number
        names = [f"raw_{_variable(field)}" for field in selection.columns]
        parameters = "".join(f", all_{name}" for name in names)
        out = _Function(f"def rows_{number}(records, run, at{parameters}):", str(selection.type))
        out.need("rows = []")
        out.need("add = rows.append")
        self.constants[f"selection_{number}"] = selection
        several = ", ".join(["record", *names])
        zipped = ", ".join(["records", *(f"all_{name}" for name in names)])
        loop = f"for {several} in zip({zipped}):" if names else "for record in records:"
        columns = f"({''.join(f'{name}, ' for name in names)})"
        arguments = f"run, selection_{number}, record, at.path(len(rows)), {columns}"
        with out.block(loop):
            with out.block("try:"):
                out.add(f"add({self._object(out, selection, 'record')})")
            with out.block("except Exception:"):
                out.add(f"add(careful_row({arguments}))")
        out.add("return rows")
        self._functions.append(out.text)

    def _object(self, out: _Function, selection: Selection, record: str) -> str:
        """Emit what the object needs; answer its dict display."""
        shown = []
        for field in selection.fields:
            if field.name == TYPENAME:
                shown.append(f"{field.key!r}: {selection.type.name!r}")
                continue
            variable = _variable(field)
            self._field(out, field, record, variable)
            shown.append(f"{field.key!r}: {variable}")
        return "{" + ", ".join(shown) + "}"

    def _field(self, out: _Function, field: FieldPlan, record: str, variable: str) -> None:
        if field.is_pure:
            out.add(f"{variable} = {self._read(out, field, record)}")
            self._value(out, field.type, variable, field)
        elif field.is_batched and field.is_pure_below:
            out.add(f"{variable} = raw_{variable}")
            self._value(out, field.type, variable, field)
        else:
            out.add(f"{variable} = raw_{variable}")
            if field.is_non_null:
                out.add(f"if isinstance({variable}, Exception): raise Surprise")

    def _read(self, out: _Function, field: FieldPlan, record: str) -> str:
        binding = field.binding
        if binding is None:
            return f"{record}.{field.attribute}"
        assert binding.source is Source.COMPUTED
        name = f"compute_{field.name}_{field.slot}"
        self.constants[name] = binding.function
        arguments = [record]
        if binding.takes_context:
            out.need("context = run.context")
            arguments.append("context")
        if field.constants != {}:
            self.constants[f"field_{field.slot}"] = field
            out.need(f"arguments_{field.slot} = run.arguments_or_none(field_{field.slot})")
            arguments.append(f"**arguments_{field.slot}")
        return f"{name}({', '.join(arguments)})"

    def _value(self, out: _Function, type_: Any, variable: str, field: FieldPlan) -> None:
        """Emit the completion of `variable`, in place."""
        if is_non_null_type(type_):
            self._present(out, type_.of_type, variable, field, nullable=False)
        elif is_leaf_type(type_):
            self._present(out, type_, variable, field, nullable=True)
        else:
            with out.block(f"if {variable} is not None:"):
                self._present(out, type_, variable, field, nullable=False)

    def _present(
        self, out: _Function, type_: Any, variable: str, field: FieldPlan, *, nullable: bool
    ) -> None:
        if is_leaf_type(type_):
            self._leaf(out, type_, variable, nullable=nullable)
        elif is_list_type(type_):
            self._list(out, type_, variable, field)
        elif is_abstract_type(get_named_type(type_)):
            self._abstract(out, variable, field)
        else:
            self._inline_object(out, variable, field)

    def _leaf(self, out: _Function, type_: Any, variable: str, *, nullable: bool) -> None:
        inline = inline_leaf(type_)
        serialize = f"serialize_{type_.name}"
        self.constants.setdefault(serialize, strict_leaf(type_))
        through = f"{variable} = {serialize}({variable})"
        if inline is None:
            out.add(f"if {variable} is not None: {through}" if nullable else through)
            return
        self.constants.update(inline.constants)
        ready = inline.is_ready.format(v=variable)
        if inline.step is not None:
            out.add(f"if {ready}: {variable} = {inline.step.format(v=variable)}")
            out.add(f"elif {variable} is not None: {through}" if nullable else f"else: {through}")
        else:
            null_too = f" and {variable} is not None" if nullable else ""
            out.add(f"if not ({ready}){null_too}: {through}")

    def _list(self, out: _Function, type_: Any, variable: str, field: FieldPlan) -> None:
        depth = out.depth
        items, item = f"items_{field.slot}_{depth}", f"item_{field.slot}_{depth}"
        out.add(f"if {variable}.__class__ is not tuple and {variable}.__class__ is not list:")
        out.add("    raise Surprise")
        out.add(f"{items} = []")
        with out.block(f"for {item} in {variable}:"):
            self._value(out, type_.of_type, item, field)
            out.add(f"{items}.append({item})")
        out.add(f"{variable} = {items}")

    def _abstract(self, out: _Function, variable: str, field: FieldPlan) -> None:
        by_class: dict[type, list[tuple[Representation, str]]] = {}
        for child in field.children.values():
            representation = representation_of(child.type)
            if representation is not None:
                builder = self._builder(child, is_checked=False)
                by_class.setdefault(representation.record, []).append((representation, builder))
        rows = [
            f"    {self._class(record)}: {self._choice(field.slot, kinds)},"
            for record, kinds in by_class.items()
        ]
        kinds_name = f"kinds_{field.slot}"
        self._functions.append("\n".join([f"{kinds_name} = {{", *rows, "}"]))
        out.add(f"{variable} = {kinds_name}[{variable}.__class__]({variable}, run)")

    def _choice(self, slot: int, kinds: list[tuple[Representation, str]]) -> str:
        """The builder of a record class; where an attribute decides, a function that asks it."""
        representation, builder = kinds[0]
        if representation.by is None:
            return builder
        tagged = [(value, builder) for one, builder in kinds for value in one.values]
        are_enums = all(isinstance(value, Enum) for value, _ in tagged)
        entries = ", ".join(
            f"{(value.name if are_enums else value)!r}: {builder}" for value, builder in tagged
        )
        asked = f"record.{representation.by}{'._name_' if are_enums else ''}"
        return f"lambda record, run: {{{entries}}}[{asked}](record, run)"

    def _inline_object(self, out: _Function, variable: str, field: FieldPlan) -> None:
        (child,) = field.children.values()
        if out.depth > INLINE_DEPTH_MAX:
            out.add(f"{variable} = {self._builder(child, is_checked=True)}({variable}, run)")
            return
        self._check_class(out, child, variable)
        out.add(f"{variable} = {self._object(out, child, variable)}")

    def _builder(self, selection: Selection, *, is_checked: bool) -> str:
        """Emit `build_N(record, run)`, which builds one object; answer its name."""
        name = f"build_{selection.number}"
        out = _Function(f"def {name}(record, run):", str(selection.type))
        if is_checked or selection.refusal is not None:
            self._check_class(out, selection, "record")
        out.add(f"return {self._object(out, selection, 'record')}")
        self._functions.append(out.text)
        return name

    def _check_class(self, out: _Function, selection: Selection, variable: str) -> None:
        """Emit that the record is one the type stands for; a subclass goes the careful path."""
        if selection.refusal is not None:
            out.add("raise Surprise")
            return
        representation = representation_of(selection.type)
        if representation is None:
            out.add(f"if {variable} is None or isinstance({variable}, Exception): raise Surprise")
            return
        out.add(f"if {variable}.__class__ is not {self._class(representation.record)}:")
        out.add("    raise Surprise")
        if representation.by is not None:
            values = f"values_{selection.number}"
            self.constants[values] = representation.values
            out.add(f"if {variable}.{representation.by} not in {values}: raise Surprise")

    def _class(self, record: type) -> str:
        name = f"class_{record.__name__}_{id(record)}"
        self.constants[name] = record
        return name


def _variable(field: FieldPlan) -> str:
    """The local variable of a field: the prefix keeps an alias from hiding a constant."""
    return f"v_{field.key}_{field.slot}"
