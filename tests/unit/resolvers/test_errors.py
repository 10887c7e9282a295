"""What clients see of an error, and what only the log keeps."""

import logging

import orjson
import pytest
from graphql import GraphQLError, Source, parse

from hub.model.errors import (
    BodyInvalid,
    Internal,
    NotFound,
    OpsHubError,
    SourceTimeout,
    SourceUnavailable,
)
from resolvers.errors import ERRORS_BYTES_MAX, ERRORS_MAX, MESSAGE_MAX, wire_errors

ID = "c0ffee00"


def at(error: Exception, *path: str | int) -> GraphQLError:
    node = parse(Source("{ order { number } }")).definitions[0]
    return GraphQLError(str(error), node, path=list(path), original_error=error)


def test_our_errors_go_out_as_they_are() -> None:
    (wire,), omitted = wire_errors([at(SourceTimeout("wms", "no answer"), "order", "cases")], ID)
    assert wire == {
        "message": "wms: no answer",
        "path": ["order", "cases"],
        "locations": [{"line": 1, "column": 1}],
        "extensions": {
            "code": "SOURCE_TIMEOUT", "retryable": True, "system": "wms", "correlationId": ID,
        },
    }  # fmt: skip
    assert omitted == 0


def test_an_error_that_is_located_twice_is_still_ours() -> None:
    inner = at(NotFound("order", "7"), "order")
    outer = GraphQLError(str(inner), path=["order"], original_error=inner)
    (wire,), _ = wire_errors([outer], ID)
    assert wire["extensions"]["code"] == "NOT_FOUND"


def test_an_error_outside_of_execution_has_no_path() -> None:
    (wire,), _ = wire_errors([BodyInvalid("no JSON")], ID)
    assert wire == {
        "message": "no JSON",
        "extensions": {"code": "BODY_INVALID", "retryable": False, "correlationId": ID},
    }


def test_what_the_document_got_wrong_is_said() -> None:
    argument = GraphQLError("Argument 'id' of required type 'ID!' was not provided.", path=["node"])
    wires, _ = wire_errors([GraphQLError("Syntax Error: Unexpected '}'."), argument], ID)
    assert [wire["extensions"]["code"] for wire in wires] == ["DOCUMENT_INVALID"] * 2
    assert wires[0]["message"] == "Syntax Error: Unexpected '}'."


@pytest.mark.parametrize(
    "defect",
    [
        KeyError("hunter2"),
        Internal("hunter2 in the ledger"),
        OpsHubError("hunter2"),
        GraphQLError("Expected value of type 'Order' but got: <hunter2>."),
    ],
)
def test_a_defect_is_masked_and_logged_whole(
    defect: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="resolvers.errors"):
        (wire,), _ = wire_errors([at(defect, "order")], ID)
    assert wire["message"] == f"the hub failed here; its operators find why under {ID}"
    assert wire["extensions"] == {"code": "INTERNAL", "retryable": False, "correlationId": ID}
    (line,) = caplog.records
    assert "hunter2" in str(line.exc_info)
    assert vars(line)["correlation_id"] == ID


def test_the_same_defect_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="resolvers.errors"):
        wire_errors([at(KeyError("x"), "orders", n) for n in range(50)], ID)
    (line,) = caplog.records
    assert vars(line)["times"] == 50


def test_errors_of_one_system_stand_together_and_each_system_is_heard() -> None:
    wms = [at(SourceTimeout("wms", "late"), "orders", n, "shipments") for n in range(50)]
    crm = [at(SourceUnavailable("crm", "down"), "orders", n, "cases") for n in range(2)]
    wires, omitted = wire_errors(wms + crm, ID)
    assert [wire["extensions"]["system"] for wire in wires] == ["crm"] * 2 + ["wms"] * 8
    assert wires[2]["path"] == ["orders", 0, "shipments"]
    assert wire_errors(crm + wms, ID)[0] == wires  # whichever system failed first
    assert (len(wires), omitted) == (ERRORS_MAX, 42)


def test_errors_take_at_most_so_many_bytes() -> None:
    long = [at(SourceTimeout("wms", "x" * 9_000), "orders", n) for n in range(50)]
    wires, omitted = wire_errors(long, ID)
    assert len(orjson.dumps(wires)) <= ERRORS_BYTES_MAX
    assert len(wires[0]["message"]) == MESSAGE_MAX
    assert omitted == 50 - len(wires) > 0
