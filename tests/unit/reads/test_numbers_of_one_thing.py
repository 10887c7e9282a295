"""Records that the cross references call one thing answer to their number as one."""

import pytest

from hub.model.errors import NumberAmbiguous
from hub.model.values import Ref
from hub.reads.answers import Found
from hub.reads.numbers import only_one
from tests.unit.reads.world import make

EU, US = Ref("item", "erp-eu", "B-1"), Ref("item", "erp-us", "B-1")
FOUND = Found((make("item", "B-1", system="erp-us"), make("item", "B-1", system="erp-eu")), ())


def test_the_leading_record_of_one_thing_answers() -> None:
    record = only_one("item", "B-1", FOUND, lambda _: (EU, US))
    assert record is not None
    assert record.ref == EU


def test_two_things_are_ambiguous() -> None:
    with pytest.raises(NumberAmbiguous) as refused:
        only_one("item", "B-1", FOUND, lambda ref: (ref,))
    assert [system for system, _ in refused.value.candidates] == ["erp-us", "erp-eu"]
