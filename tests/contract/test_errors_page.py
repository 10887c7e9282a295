"""docs/errors.md has a row for every error of the tree, and no other."""

import re
from collections.abc import Iterator
from pathlib import Path

from hub.config import problems, settings
from hub.model import errors
from hub.model.errors import OpsHubError
from sources.sql_shape import MissingColumns

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
BESIDE_THE_TREE = (problems.SystemsFileInvalid, settings.SettingsInvalid, MissingColumns)
"""The errors defined elsewhere; imported, so that they are in the tree whatever runs before."""
ROW = re.compile(r"^\| `([A-Z_]+)` \| (.+) \| (yes|no) \| (.+) \|$", re.MULTILINE)


def tree(error: type[OpsHubError]) -> Iterator[type[OpsHubError]]:
    yield error
    for below in error.__subclasses__():
        yield from tree(below)


def coded() -> dict[str, type[OpsHubError]]:
    """The errors that say their own code; families only inherit one."""
    return {one.code: one for one in tree(OpsHubError) if "code" in vars(one)}


def test_every_code_has_a_row_that_says_whether_to_retry() -> None:
    rows = {code: retryable for code, _, retryable, _ in ROW.findall(PAGE.read_text())}
    assert rows == {code: "yes" if error.retryable else "no" for code, error in coded().items()}


def test_no_code_is_used_twice() -> None:
    codes = [one.code for one in tree(OpsHubError) if "code" in vars(one) if one is not OpsHubError]
    assert len(codes) == len(set(codes))


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = set(re.findall(r"(?:\|-|`-) (\w+)", errors.__doc__ or ""))
    assert {one.__name__ for one in BESIDE_THE_TREE} <= drawn
    assert drawn == {one.__name__ for one in tree(OpsHubError)} - {"OpsHubError"}
