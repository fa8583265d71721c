"""`POST /api` as it is on the wire: what other clients than the official ones would meet."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.serving import Server


def ask(server: Server, body: Any) -> tuple[int, Any]:
    status, answer = server.post("/api", body)
    return status, json.loads(answer)


def test_the_clients_first_questions_are_answered(server: Server) -> None:
    status, (information, schemas) = ask(
        server, [{"action": "query_server_information"}, {"action": "query_schemas"}]
    )
    assert (status, information["version"]) == (200, "25.6.0")
    location = next(schema for schema in schemas if schema["id"] == "Location")
    assert location["primary_key"] == ["id"]
    assert {"id", "name"} <= set(location["properties"])


@pytest.mark.parametrize(
    ("body", "status", "exception"),
    [
        ({}, 400, "ValidationError"),
        ([1], 400, "ValidationError"),
        ([{}], 400, "NotSupportedError"),
        ([{"action": "explode"}], 400, "NotSupportedError"),
        ([{"action": ["query"]}], 400, "NotSupportedError"),
        ([{"action": "query"}], 400, "ValidationError"),
        ([{"action": "query", "expression": 7}], 400, "ValidationError"),
        ([{"action": "query", "expression": ""}], 400, "ParseError"),
        ([{"action": "query", "expression": "Task where id is '"}], 400, "ParseError"),
        ([{"action": "create", "entity_type": "Task"}], 400, "ValidationError"),
        (
            [{"action": "create", "entity_type": "Context", "entity_data": {"name": "x"}}],
            400,
            "ValidationError",
        ),
        (
            [{"action": "create", "entity_type": "Project", "entity_data": {"name": "\0"}}],
            400,
            "ValidationError",
        ),
        (
            [{"action": "create", "entity_type": "Project", "entity_data": {"name": ["x"]}}],
            400,
            "ValidationError",
        ),
        (
            [{"action": "create", "entity_type": "Project", "entity_data": {"name": "x", "id": 7}}],
            400,
            "ValidationError",
        ),
        (
            [{"action": "create", "entity_type": "Project", "entity_data": {"name": "x", "id": "x" * 999}}],
            400,
            "ValidationError",
        ),
        (
            [{"action": "create", "entity_type": "Project", "entity_data": {"name": "x", "notes": "x"}}],
            400,
            "ValidationError",
        ),
        (
            [{"action": "create", "entity_type": "Project", "entity_data": {"name": "x", "notes": [{}]}}],
            400,
            "ValidationError",
        ),
        (
            [{"action": "create", "entity_type": "Project", "entity_data": {"name": "x", "parent": "x"}}],
            400,
            "ValidationError",
        ),
        (
            [{"action": "update", "entity_type": "Task", "entity_key": [{}], "entity_data": {}}],
            400,
            "ValidationError",
        ),
        (
            [{"action": "update", "entity_type": "Task", "entity_key": ["x"], "entity_data": {}}],
            404,
            "NotFoundError",
        ),
        ([{"action": "delete", "entity_type": "Task", "entity_key": None}], 400, "ValidationError"),
        ([{"action": "delete", "entity_type": "Task", "entity_key": ["x", "y"]}], 400, "ValidationError"),
        ([{"action": "delete", "entity_type": "Metadata", "entity_key": ["x", "y"]}], 404, "NotFoundError"),
        ([{"action": "query_schemas"}] * 11, 400, "ValidationError"),
        ([{"action": "query_server_information"}] * 1_001, 400, "ValidationError"),
        ([{"action": "delete"}] * 100_001, 400, "ValidationError"),
    ],
)
def test_what_makes_no_sense_is_refused_in_the_clients_form(
    server: Server, body: Any, status: int, exception: str
) -> None:
    answered, answer = ask(server, body)
    assert (answered, answer["exception"]) == (status, exception)
    assert answer["content"]
    assert answer["error_code"] is None


def test_what_is_no_json_is_refused_too(server: Server) -> None:
    for body in (b"", b"{", b"\xff", b"[" * 100_000, b'[{"action": "\\ud800"}]'):
        status, answer = server.ask("POST", "/api", body, {"Content-Type": "application/json"})
        assert (status, json.loads(answer)["exception"] != "") == (400, True)


def test_a_page_of_another_origin_may_ask(server: Server) -> None:
    status, _ = server.ask("OPTIONS", "/api", None, {"Origin": "https://studio.example"})
    assert status == 204


def test_others_are_served_during_a_large_batch(server: Server) -> None:
    batch = [
        {"action": "create", "entity_type": "Location", "entity_data": {"name": f"shelf {number}"}}
        for number in range(5_000)
    ]
    answered: list[int] = []
    sending = threading.Thread(target=lambda: answered.append(ask(server, batch)[0]))
    sending.start()
    meanwhile = 0
    while sending.is_alive():
        meanwhile += server.get("/readyz")[0] == 200
    sending.join()
    assert answered == [200]
    assert meanwhile > 10


def test_a_query_in_a_batch_sees_what_the_batch_did(server: Server) -> None:
    status, results = ask(
        server,
        [
            {"action": "create", "entity_type": "Project", "entity_data": {"id": "batch-p", "name": "batch"}},
            {"action": "query", "expression": "select name from Project where id is batch-p"},
            {"action": "delete", "entity_type": "Project", "entity_key": ["batch-p"]},
            {"action": "query", "expression": "select name from Project where id is batch-p"},
        ],
    )
    assert status == 200
    assert [len(results[1]["data"]), results[2]["data"], results[3]["data"]] == [1, True, []]
