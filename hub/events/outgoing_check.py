"""Whether a command's values name what its audience may not read: a mistake of the systems file.

The masks stand above the words of the file, so the file's own checks cannot see it. At the time of
telling such a value would be empty, and nobody would know why.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.config.delivery_meaning import AROUND, TIMELINE
from hub.config.delivery_specs import DeliverySpec
from hub.config.problems import Path, Problem, SystemsFileInvalid, problem
from hub.config.specs import SystemsFile
from hub.config.templates import names_in
from hub.events.outgoing_form import scope_for
from hub.security.masks import is_visible


def masked_values(systems: SystemsFile) -> list[Problem]:
    """A problem for each place of `values` that would always be empty."""
    return [
        problem(
            systems.where(path), path, f"{{{name}}} is internal and the audience is {audience}",
            expected="a field the audience may read, or audience: internal",
        )
        for spec in systems.deliveries.values()
        for path, name in _masked(spec)
        for audience in (spec.when.audience,)
    ]  # fmt: skip


def refuse_masked(systems: SystemsFile) -> SystemsFile:
    """The file as it is; SystemsFileInvalid where one of its deliveries could tell nothing."""
    problems = masked_values(systems)
    if problems:
        raise SystemsFileInvalid(problems)
    return systems


def _masked(spec: DeliverySpec) -> Iterator[tuple[Path, str]]:
    scope = scope_for(spec.when.audience)
    for key, value in spec.values.items():
        for name in names_in(value):
            root, _, rest = name.partition(".")
            noun = _noun_of(spec, root)
            if noun is not None and not is_visible(noun, rest.partition(".")[0], scope):
                yield ("deliveries", spec.name, "values", key), name


def _noun_of(spec: DeliverySpec, root: str) -> str | None:
    """The noun whose fields a template names; None where it names no record."""
    if root == "record":
        return None if spec.when.noun == TIMELINE else spec.when.noun
    return root if root in AROUND else None
