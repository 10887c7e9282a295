"""Whatever path the README and the pages name is there; every decision has its number and form."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))

NAMED = re.compile(
    r"`((?:hub|sources|resolvers|subscriptions|tests|docs|deploy|requirements)/.*?)`"
)
LINKED = re.compile(r"\]\(([^)#:]+)(?:#([^)]*))?\)")
PARTS = (
    "**Context.**",
    "**Decision.**",
    "**Consequences.**",
    "**What would change our mind.**",
)


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _missing(page: Path) -> Iterator[str]:
    """Paths in backticks that name nothing; `<noun>` stands for any word."""
    for named in NAMED.findall(page.read_text(encoding="utf-8")):
        pattern = re.sub(r"<\w+>", "*", named.rstrip("/"))
        if not any(ROOT.glob(pattern)):
            yield named


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_path_it_names_exists(page: Path) -> None:
    assert list(_missing(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_page_it_links_to_exists(page: Path) -> None:
    for target, anchor in LINKED.findall(page.read_text(encoding="utf-8")):
        linked = page.parent / target
        assert linked.exists(), target
        if anchor:
            assert anchor in _anchors(linked), f"{target}#{anchor}"


def test_a_path_that_is_not_there_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("`hub/cli.py`, `resolvers/<noun>.py`, `hub/cli/up.py` and `tests/none/`")
    assert list(_missing(page)) == ["hub/cli.py", "tests/none/"]


@pytest.mark.parametrize("page", DECISIONS, ids=_name)
def test_a_decision_has_the_form_of_the_others(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    number = int(page.name[:4])
    assert text.startswith(f"# {number}. ")
    places = [text.find(part) for part in PARTS]
    assert -1 not in places
    assert places == sorted(places)


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
