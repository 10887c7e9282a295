"""Rules of how the answers of a request are paged."""

from __future__ import annotations

import re

from hub.config.connection_specs import Request
from hub.config.findings import Findings
from hub.config.problems import Path

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PAGING = ("next", "page", "cursor")


def check_paging(findings: Findings, path: Path, request: Request, *, holes: list[str]) -> None:
    """One way of paging at most, and its placeholders where they belong."""
    used = [word for word in _PAGING if getattr(request, word) is not None]
    if len(used) > 1:
        findings.value((*path, used[1]), " and ".join(used), expected="one way of paging")
    for word in ("page", "cursor", "size"):
        if word in holes and getattr(request, word) is None:
            findings.value((*path, "get"), f"{{{word}}} without {word}:",
                           expected=f"{word}: beside it")  # fmt: skip
    for word in ("page", "cursor"):
        if getattr(request, word) is not None and word not in holes:
            findings.value((*path, word), f"{word}: without {{{word}}} in get",
                           expected=f"{{{word}}} in get")  # fmt: skip
    if request.page is not None and request.size is None:
        findings.value((*path, "page"), "pages by number without size",
                       expected="size: records a page, so that the last one is known")  # fmt: skip
