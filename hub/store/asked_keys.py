"""Composite keys as a table a statement can join: one parameter, so one plan for any count."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy import Text, cast, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.selectable import FromClause

from hub.store.engine import Store


def among(keys: Sequence[tuple[str, ...]], store: Store) -> FromClause:
    """The keys as rows of part_0, part_1 …; at least one key, all of one width.

    An array per part on PostgreSQL, one JSON text on SQLite.
    """
    width = len(keys[0])
    if not store.is_sqlite:
        arrays = [cast([key[i] for key in keys], ARRAY(Text)) for i in range(width)]
        names = [column(f"part_{i}", Text) for i in range(width)]
        return func.unnest(*arrays).table_valued(*names, name="asked").render_derived()
    each = func.json_each(orjson.dumps([list(key) for key in keys]).decode()).table_valued("value")
    return select(
        *(func.json_extract(each.c.value, f"$[{i}]").label(f"part_{i}") for i in range(width))
    ).subquery("asked")
