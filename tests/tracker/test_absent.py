"""Without its section the tracker is not there, and costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.serving import serving

SHOW = """
import asyncio, sys
from pathlib import Path
from callboard.board import open_board
from callboard.config import Config, Hub

async def main():
    async with open_board(Config(hub=Hub(port=0)), Path(sys.argv[1])):
        costly = {"sqlalchemy", "aiosqlite", "asyncpg", "alembic", "callboard.tracker"}
        print(sorted(costly & set(sys.modules)))

asyncio.run(main())
"""


def test_without_its_section_nothing_of_it_is_imported(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", SHOW, str(tmp_path / "data")], capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines()[-1] == "[]"


def test_without_its_section_there_is_no_api(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        assert server.post("/api", [])[0] == 404
        assert not (server.data / "tracker.db").exists()


def test_a_database_that_can_not_be_opened_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("tracker:\n  database: sqlite+aiosqlite:////nowhere/at/all.db\n")
    command = [sys.executable, "-m", "callboard", "serve", "--data", str(tmp_path / "data"), "--port", "0"]
    ended = subprocess.run(
        [*command, "--config", str(tmp_path / "c.yaml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "The tracker's database can't be opened" in ended.stderr
    assert "Traceback" not in ended.stderr
