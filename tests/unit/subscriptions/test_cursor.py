"""A cursor is good for its question, its life of the log, and nothing else."""

import pytest

from hub.model.errors import CursorExpired, CursorForeign
from resolvers.live_items import Feed, digest_of
from subscriptions.cursor import Cursors

CURSORS = Cursors(b"k" * 32)
DIGEST = digest_of(Feed.ORDERS, {"businessUnit": "EU1"})


def test_what_was_made_is_read() -> None:
    for sequence in (0, 1, 2**40):
        cursor = CURSORS.make(DIGEST, "one", sequence)
        assert CURSORS.read(cursor, DIGEST, "one") == sequence
        assert Cursors(b"k" * 32).read(cursor, DIGEST, "one") == sequence
        assert len(cursor) == 36


def test_no_byte_of_it_may_change() -> None:
    cursor = CURSORS.make(DIGEST, "one", 7)
    for place in range(len(cursor)):
        other = "A" if cursor[place] != "A" else "B"
        with pytest.raises(CursorForeign):
            CURSORS.read(cursor[:place] + other + cursor[place + 1 :], DIGEST, "one")


@pytest.mark.parametrize("text", ["", "x", "ä" * 36, "A" * 36, "A" * 100_000, "\ud800"])
def test_what_is_no_cursor_is_refused_in_a_few_words(text: str) -> None:
    with pytest.raises(CursorForeign) as refused:
        CURSORS.read(text, DIGEST, "one")
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize(
    "digest",
    [
        digest_of(Feed.RETURNS, {"businessUnit": "EU1"}),
        digest_of(Feed.ORDERS, {"businessUnit": "US1"}),
        digest_of(Feed.ORDERS, {}),
    ],
)
def test_another_question_has_another_cursor(digest: bytes) -> None:
    with pytest.raises(CursorForeign):
        CURSORS.read(CURSORS.make(DIGEST, "one", 7), digest, "one")


def test_another_hub_makes_other_cursors() -> None:
    with pytest.raises(CursorForeign):
        Cursors(b"j" * 32).read(CURSORS.make(DIGEST, "one", 7), DIGEST, "one")


def test_another_life_of_the_log_makes_it_expire() -> None:
    with pytest.raises(CursorExpired):
        CURSORS.read(CURSORS.make(DIGEST, "one", 7), DIGEST, "two")


def test_an_argument_that_is_not_given_changes_nothing() -> None:
    assert digest_of(Feed.ORDERS, {"customer": None, "businessUnit": "EU1"}) == DIGEST
