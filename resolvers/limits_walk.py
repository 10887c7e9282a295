"""One walk over a parsed document: how large it is once its fragments are expanded.

A fragment is measured once and its measure added wherever it is spread, so the walk is linear in
the document, however large the expansion. Every operation counts, and every fragment, used or not:
validation looks at all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from graphql import (
    DefinitionNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from graphql.language import SelectionNode

from hub.model.errors import DocumentInvalid
from resolvers.limits import Limits, Shape
from resolvers.limits_values import ValueWalk, values_in

INTROSPECTED = frozenset({"__schema", "__type", "_service"})
"""Root fields that answer with the schema."""
RECURSIVE_LISTS = frozenset({"types", "fields", "inputFields", "interfaces", "possibleTypes"})
"""Lists of the introspection schema that lead into one another without end."""

Definition = OperationDefinitionNode | FragmentDefinitionNode
EXECUTABLE = (OperationDefinitionNode, FragmentDefinitionNode)
Fragments = dict[str, FragmentDefinitionNode]


@dataclass(slots=True)
class Measure:
    """The expanded size of a selection set; `roots` are the fields of its own level.

    `depth` is of fields outside introspection, `introspected_depth` of those in and under it.
    `lists` is how many recursive lists are inside one another, whoever they belong to.
    """

    fields: int = 0
    roots: int = 0
    aliases: int = 0
    directives: int = 0
    depth: int = 0
    nesting: int = 0
    lists: int = 0
    introspected_depth: int = 0
    introspected_fields: int = 0

    def add(self, other: Measure) -> None:
        """Join what stands beside it."""
        self.fields += other.fields
        self.roots += other.roots
        self.aliases += other.aliases
        self.directives += other.directives
        self.introspected_fields += other.introspected_fields
        self.depth = max(self.depth, other.depth)
        self.nesting = max(self.nesting, other.nesting)
        self.lists = max(self.lists, other.lists)
        self.introspected_depth = max(self.introspected_depth, other.introspected_depth)


def check_document(document: DocumentNode, limits: Limits) -> Shape:
    """What the document is; DocumentTooLarge where it is over a limit, DocumentInvalid where a
    fragment spreads itself or something else than a query is defined."""
    _check_executable(document)
    operations = [
        each for each in document.definitions if isinstance(each, OperationDefinitionNode)
    ]
    fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
    limits.check("operations", len(operations))
    limits.check("fragments", len(fragments))
    limits.check("variables", sum(len(each.variable_definitions or ()) for each in operations))
    walk = _Walk(limits, ValueWalk(limits), {each.name.value: each for each in fragments})
    spreads = {name: _spreads(each) for name, each in walk.fragments.items()}
    for name in _innermost_first(spreads):
        walk.measured[name] = walk.definition(walk.fragments[name])
    total = Measure()
    for operation in operations:
        measure = walk.definition(operation)
        limits.check("root_fields", measure.roots)
        total.add(measure)
    used = {name for each in document.definitions for name in _spreads(each)}
    unused = [
        each
        for each in fragments
        if each.name.value not in used or walk.fragments[each.name.value] is not each
    ]
    for fragment in unused:
        total.add(walk.definition(fragment))
    _check_total(total, limits)
    for definition in (*operations, *unused):
        walk.compare([definition.selection_set])
    return Shape(total.introspected_fields > 0, frozenset(walk.values.page_variables))


def _check_executable(document: DocumentNode) -> None:
    """Definitions of a schema would be validated like any other, outside every limit here."""
    for definition in document.definitions:
        if not isinstance(definition, EXECUTABLE):
            raise DocumentInvalid(
                "a document has operations and fragments only; take other definitions out"
            )


def _check_total(total: Measure, limits: Limits) -> None:
    for name in ("depth", "nesting", "fields", "aliases", "directives"):
        limits.check(name, getattr(total, name))
    limits.check("introspection_depth", total.introspected_depth)
    limits.check("introspection_fields", total.introspected_fields)


def _spreads(definition: DefinitionNode) -> list[str]:
    """The names of the fragments it spreads itself; none where it is no executable one."""
    names: list[str] = []
    waiting = [definition.selection_set] if isinstance(definition, EXECUTABLE) else []
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FragmentSpreadNode):
                names.append(node.name.value)
            elif isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
                waiting.append(node.selection_set)
    return names


def _innermost_first(spreads: dict[str, list[str]]) -> Iterator[str]:
    """Every fragment after those it spreads; DocumentInvalid where there is no such order."""
    done: set[str] = set()
    for start in spreads:
        if start in done:
            continue
        path = {start: iter(spreads[start])}
        while path:
            name, rest = next(reversed(path.items()))
            spread = next((one for one in rest if one in spreads and one not in done), None)
            if spread is None:
                del path[name]
                done.add(name)
                yield name
            elif spread in path:
                raise DocumentInvalid(f"fragment {spread[:80]!r} spreads itself; take it out")
            else:
                path[spread] = iter(spreads[spread])


@dataclass(slots=True)
class _Walk:
    limits: Limits
    values: ValueWalk
    fragments: Fragments
    measured: dict[str, Measure] = field(default_factory=dict)
    compared: int = 0

    def definition(self, definition: Definition) -> Measure:
        measure = self.selection_set(definition.selection_set, level=1)
        measure.directives += self.values.directives(definition.directives or ())
        for variable in definition.variable_definitions or ():
            measure.directives += self.values.variable(variable)
        return measure

    def selection_set(self, selection_set: SelectionSetNode, *, level: int) -> Measure:
        self.limits.check("nesting", level)  # also bounds how deep this recursion goes
        total = Measure()
        for node in selection_set.selections:
            total.add(self.selection(node, level=level))
        return total

    def selection(self, node: SelectionNode, *, level: int) -> Measure:
        """An inline fragment or a spread counts as a field: expanding it costs as much."""
        if isinstance(node, FragmentSpreadNode):
            below = self.measured.get(node.name.value, Measure())
        elif isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
            below = self.selection_set(node.selection_set, level=level + 1)
        else:
            below = Measure()
        measure = Measure(fields=1)
        measure.add(below)
        measure.nesting += 1
        measure.directives += self.values.directives(node.directives or ())
        if isinstance(node, FieldNode):
            self._add_field(node, measure)
        return measure

    def _add_field(self, node: FieldNode, measure: Measure) -> None:
        """Make the measure of what is below a field that of the field."""
        name = node.name.value
        self.values.arguments(node.arguments or ())
        measure.roots = 1
        measure.aliases += node.alias is not None
        measure.lists += name in RECURSIVE_LISTS
        measure.depth += 1
        measure.introspected_depth += measure.introspected_depth > 0
        if name in INTROSPECTED:
            self.limits.check("introspection_lists", measure.lists)
            self.limits.check("introspection_aliases", measure.aliases)
            measure.introspected_fields = measure.fields
            measure.introspected_depth, measure.depth = measure.depth, 1

    def compare(self, selection_sets: Iterable[SelectionSetNode]) -> None:
        """Count the pairs of mentions of one response key that would be merged into one field.

        A pair counts once more for each value in the arguments of one of the two.
        The expansion has at most `fields` selections here, the recursion `depth` levels.
        """
        mentions: dict[str, list[FieldNode]] = {}
        waiting = list(selection_sets)
        while waiting:
            for node in waiting.pop().selections:
                if isinstance(node, FieldNode):
                    mentions.setdefault((node.alias or node.name).value, []).append(node)
                elif isinstance(node, InlineFragmentNode):
                    waiting.append(node.selection_set)
                elif isinstance(node, FragmentSpreadNode) and node.name.value in self.fragments:
                    waiting.append(self.fragments[node.name.value].selection_set)
        for nodes in mentions.values():
            self._compare_mentions(nodes)
            below = [node.selection_set for node in nodes if node.selection_set]
            if below:
                self.compare(below)

    def _compare_mentions(self, nodes: list[FieldNode]) -> None:
        others = len(nodes) - 1
        if others == 0:
            return
        self.compared += len(nodes) * others // 2
        self.limits.check("comparisons", self.compared)  # before values are counted for each
        self.compared += sum(map(_argument_values, nodes)) * others // 2
        self.limits.check("comparisons", self.compared)


def _argument_values(node: FieldNode) -> int:
    return sum(values_in(argument.value) for argument in node.arguments or ())
