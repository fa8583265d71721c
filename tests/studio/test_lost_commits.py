"""A version whose commit nobody knows the end of: its file is there if it is, and only then."""

from __future__ import annotations

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.postgresql import Postgres, postgresql
from tests.serving import Server, serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with postgresql() as running:
        yield running


class Wire:
    """The way to PostgreSQL; it breaks at the first commit of a version: before it, or before its answer."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self.breaks = ""

    async def carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        theirs, ours = await asyncio.open_unix_connection(str(self._socket))
        answers = asyncio.create_task(self._answers(theirs, writer))
        is_version = False
        while data := await reader.read(1 << 16):
            is_version = is_version or b"INSERT INTO asset_version" in data
            broken = self.breaks if is_version and b"COMMIT" in data else ""
            if broken:
                self.breaks = ""
                answers.cancel()
                await asyncio.gather(answers, return_exceptions=True)
            if broken == "before":
                break
            ours.write(data)
            if broken == "after":
                await theirs.read(1)
                break
        for end in (ours, writer):
            end.close()
        answers.cancel()

    async def _answers(self, theirs: StreamReader, writer: StreamWriter) -> None:
        while data := await theirs.read(1 << 16):
            writer.write(data)
        writer.close()


def publish(server: Server, task: str) -> dict[str, Any]:
    data = {"task": task, "file": "a.gcode", "once": "the same wish"}
    event = {"topic": "callboard.studio.publish", "data": data}
    status, body = server.post("/v1/requests", {"event": event, "timeout": 20, "limit": 1})
    assert status == 200, body
    answer: dict[str, Any] = json.loads(body)["replies"][0]["event"]["data"]
    return answer


def made(server: Server) -> str:
    """Return the id of a task, and store a file."""
    project = {"__entity_type__": "Project", "id": "p", "name": "opera"}
    task = {"__entity_type__": "Task", "id": "t", "name": "print", "parent_id": "p"}
    kinds = {"Project": project, "Task": task}
    batch = [{"action": "create", "entity_type": kind, "entity_data": data} for kind, data in kinds.items()]
    status, body = server.post("/api", batch)
    assert status == 200, body
    server.ask("PUT", "/v1/files/local/a.gcode", b"G28\n", {})
    return "t"


@pytest.mark.parametrize("breaks", ["before", "after"])
async def test_a_version_has_its_file_whichever_way_its_commit_ended(
    postgres: Postgres, tmp_path: Path, breaks: str
) -> None:
    wire = Wire(postgres.folder / ".s.PGSQL.5432")
    async with await asyncio.start_server(wire.carry, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        name = postgres.database().partition("@/")[2].partition("?")[0]
        url = f"postgresql://postgres@127.0.0.1:{port}/{name}?sslmode=disable"
        (tmp_path / "c.yaml").write_text(
            f"tracker: {{database: '{url}'}}\nstudio: {{locations: [{{name: london, folder: london}}]}}\n"
        )

        def work() -> None:
            with serving(tmp_path / "data", "--config", str(tmp_path / "c.yaml")) as server:
                task = made(server)
                wire.breaks = breaks
                first, again = publish(server, task), publish(server, task)
                assert wire.breaks == ""
                assert first["success"] is (breaks == "after"), first
                assert breaks == "after" or "look whether it was done" in first["message"]
                assert again["success"], again
                (stored,) = [each for each in (server.data / "london").rglob("*") if each.is_file()]
                assert stored == server.data / "london" / again["path"]

        await asyncio.to_thread(work)
