"""A schema that declares what the engine would not run is refused, with all its problems."""

from collections.abc import Callable
from typing import Any

import pytest
import strawberry
from strawberry.extensions import QueryDepthLimiter
from strawberry.extensions.field_extension import FieldExtension
from strawberry.permission import BasePermission

from resolvers.engine import Engine, SchemaRefused
from resolvers.fields import computed, edge, represents, root
from tests.unit.engine import records


class Allowed(BasePermission):
    def has_permission(self, *_: Any, **__: Any) -> bool:
        return True


def _problems(query: type, **options: Any) -> list[str]:
    with pytest.raises(SchemaRefused) as refused:
        Engine(strawberry.Schema(query=query, **options))
    return str(refused.value).splitlines()


def test_permission_classes_extensions_and_plain_resolvers_are_refused() -> None:
    @strawberry.type
    class Thing:
        guarded: str = strawberry.field(permission_classes=[Allowed])
        extended: str = strawberry.field(extensions=[FieldExtension()])

        @strawberry.field
        def plain(self) -> str:
            return ""

        misplaced: str = root(lambda ctx: "")

    @strawberry.type
    class Query:
        thing: Thing | None = root(lambda ctx: None)
        read: str
        by_parent: str = computed(lambda record: "")

    assert _problems(Query) == [
        "Query.read: a root field needs root() or mutation()",
        "Query.byParent: a root field needs root() or mutation()",
        "Thing.guarded: permission_classes do not run here; readers check the scope",
        "Thing.extended: field extensions do not run here",
        "Thing.misplaced: root() and mutation() belong on Query and Mutation",
        "Thing.plain: a resolver per parent does not run here; use edge, root or computed",
    ]


def test_schema_extensions_are_refused() -> None:
    @strawberry.type
    class Query:
        fine: str = root(lambda ctx: "")

    extensions = [lambda: QueryDepthLimiter(max_depth=3)]
    assert _problems(Query, extensions=extensions) == ["Schema(extensions=...): does not run here"]


def test_types_behind_an_interface_must_be_told_apart() -> None:
    @strawberry.interface
    class Named:
        name: str

    @strawberry.type
    class Undeclared(Named):
        pass

    @represents(records.Note)
    @strawberry.type
    class One(Named):
        pass

    @represents(records.Note)
    @strawberry.type
    class Other(Named):
        pass

    @strawberry.type
    class Query:
        named: Named | None = root(lambda ctx: None)

    assert _problems(Query, types=[Undeclared, One, Other]) == [
        "Undeclared, a possible Named: needs @represents(Record)",
        "Named: One and Other stand for the same records",
    ]


async def _later(parents: Any, ctx: Any) -> list[Any]:
    return []


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: edge(lambda parents: []), "takes 1 positional parameters; expected (parents, ctx"),
        (lambda: root(lambda: []), "takes 0 positional parameters; expected (ctx, *, arguments)"),
        (lambda: computed(lambda: ""), "takes 0 positional parameters; expected (record, [ctx,]"),
        (lambda: computed(_later), "an async function must be an edge"),
        (lambda: edge(edge(_later)), "an attribute above hides the function"),
        (lambda: represents(records.Note, by="kind"), "give `by` and `values` together"),
        (lambda: represents(records.Note)(int), "put it above @strawberry.type; int is none"),
    ],
)
def test_a_wrong_declaration_is_refused_at_once(declare: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError) as refused:
        declare()
    assert message in str(refused.value)


def test_keyword_only_parameters_become_arguments() -> None:
    async def found(ctx: Any, *, number: str, first: int = 3, note: str | None = None) -> Any:
        return number * first

    @strawberry.type
    class Query:
        find: str | None = root(found, description="Finds.", deprecation_reason="Old.")

    printed = strawberry.Schema(query=Query).as_str()
    assert "find(number: String!, first: Int! = 3, note: String = null): String" in printed
    assert '"""Finds."""' in printed
    assert '@deprecated(reason: "Old.")' in printed
