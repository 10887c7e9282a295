"""The breadth-first executor: each field of an operation is resolved once for all its parents.

A request goes through the files in this order: `execute` (the engine), `plan_cache` and `compile`
(`collect`, `arguments`, `codegen`, `emit`, `leaves`; the result is a `tree`), then `columns` with
`flatten`, and where something failed `complete` and `paths`.
"""

from resolvers.engine.checks import SchemaRefused
from resolvers.engine.execute import Engine, Request
from resolvers.engine.plan_cache import Plan

__all__ = ["Engine", "Plan", "Request", "SchemaRefused"]
