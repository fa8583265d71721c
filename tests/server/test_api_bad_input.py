"""Whatever comes in gets a problem document that says what is wrong, and never a crash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from callboard.server.operation import Call, Operation
from tests.server.doors import Doors, open_doors

ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "bad_input.json").read_text())


def body_of(row: dict[str, Any]) -> bytes | None:
    if "hex" in row:
        return bytes.fromhex(row["hex"])
    if "nested" in row:
        return f'{{"topic":"a","data":{"[" * row["nested"]}{"]" * row["nested"]}}}'.encode()
    if "size" in row:
        return f'"{"x" * row["size"]}"'.encode()
    return str(row["body"]).encode() if "body" in row else None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["says"]))
async def test_bad_input_gets_a_problem_document(doors: Doors, row: dict[str, Any]) -> None:
    async with doors.http.request(
        row["method"],
        doors.url + row["path"],
        headers={**doors.admin, **row.get("headers", {})},
        data=body_of(row),
    ) as response:
        problem = json.loads(await response.text())
    assert response.status == row["status"], problem
    assert response.content_type == "application/problem+json"
    assert set(problem) >= {"type", "title", "status", "detail"}
    assert problem["status"] == row["status"]
    assert problem["detail"]
    if "type" in row:
        assert problem["type"] == f"/v1/docs#{row['type']}"
    if "index" in row:
        assert problem["index"] == row["index"]
    assert await doors.hub.log.last() == 0


async def test_a_fault_in_an_expression_is_pointed_at(doors: Doors) -> None:
    status, problem = await doors.ask("GET", "/v1/events?expression=topic%3Da%20and%20or")
    assert status == 400
    assert problem["position"] == 14
    assert problem["detail"].endswith("^")


async def test_a_method_that_is_not_taken_names_those_that_are(doors: Doors) -> None:
    async with doors.http.delete(f"{doors.url}/v1/events", headers=doors.admin) as response:
        assert response.status == 405
        assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize(("constant", "mended"), [("NaN", None), ('"\\ud800"', "\ufffd")])
async def test_what_official_clients_send_by_mistake_is_mended(
    doors: Doors, constant: str, mended: object
) -> None:
    body = '{"topic": "a", "data": {"x": ' + constant + "}}"
    status, answer = await doors.ask("POST", "/v1/events", data=body)
    assert status == 201, answer
    _, page = await doors.ask("GET", "/v1/events")
    assert page["events"][0]["event"]["data"] == {"x": mended}


async def test_a_mistake_of_our_own_is_a_problem_without_its_insides(tmp_path: Path) -> None:
    async def broken(_: Call) -> Response:
        raise RuntimeError("the insides")

    operation = Operation(method="GET", path="/v1/broken", answer=broken, group="Rooms", outcomes=())
    async with open_doors(tmp_path, operations=[operation]) as doors:
        status, problem = await doors.ask("GET", "/v1/broken")
    assert (status, problem["type"]) == (500, "/v1/docs#internal")
    assert "insides" not in json.dumps(problem)
