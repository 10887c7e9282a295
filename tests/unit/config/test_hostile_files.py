"""Whatever stands in a systems file, it loads or is refused with problems that have a place."""

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub.config.problems import SystemsFileInvalid
from tests.unit.config.examples import SECRET, example_text, load_text

SEEDS = range(4)
MUTATIONS = 20  # files a seed; one takes about 15 ms

_STRANGE: tuple[Any, ...] = (
    None, "", "x", "10", [], {}, [[]], ["a", "a"], {"a": "b"}, {"column": None}, {"each": "x"},
    [None], True, -1, "2s", "{", "${X", "by_", {"to": {"column": "x"}},
    {"path": "a", "column": "b"},
    {"values": {"a": ["b"]}}, "é\u2028", 1e400, {"fields": {"fields": {}}},
)  # fmt: skip


def _nodes(tree: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a tree."""
    found: list[tuple[Any, Any]]
    if isinstance(tree, dict):
        found = [(tree, key) for key in tree]
    elif isinstance(tree, list):
        found = [(tree, index) for index in range(len(tree))]
    else:
        return []
    return found + [inner for holder, key in found for inner in _nodes(holder[key])]


def _mutate(tree: Any, dice: random.Random) -> None:
    holder, key = dice.choice(_nodes(tree))
    change = dice.randrange(4)
    if change == 0:
        del holder[key]
    elif change == 1:
        holder[key] = dice.choice(_STRANGE)
    elif change == 2 and isinstance(holder, dict):
        holder[dice.choice(["x", "kind", "fields", "by_x", "name", "noun", "by", "to"])] = (
            holder.pop(key)
        )
    else:
        other, word = dice.choice(_nodes(tree))
        holder[key] = yaml.safe_load(yaml.safe_dump(other[word]))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mutated_file_is_refused_in_its_own_words(tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")
    dice = random.Random(seed)
    original = example_text(tmp_path)
    refused = 0
    for _ in range(MUTATIONS):
        tree = yaml.safe_load(original)
        for _ in range(dice.randint(1, 4)):
            _mutate(tree, dice)
        refused += _is_refused(tmp_path, yaml.safe_dump(tree, allow_unicode=True))
    assert refused > MUTATIONS // 3


def _is_refused(folder: Path, text: str) -> bool:
    try:
        load_text(folder, text)
    except SystemsFileInvalid as error:
        assert error.problems
        assert SECRET not in str(error)
        assert all(each.line > 0 and each.column > 0 and each.file for each in error.problems)
        return True
    return False


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cut_or_damaged_text_is_refused(tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")
    dice = random.Random(seed)
    original = example_text(tmp_path)
    for _ in range(MUTATIONS):
        at = dice.randrange(len(original))
        junk = dice.choice(["", "{", "}", "[", ":", "\t", "'", '"', "- ", "&a ", "*a", "!!x ", "%"])
        _is_refused(tmp_path, original[:at] + junk + original[at + dice.randrange(3) :])
