"""A slow start is felt: what quick commands must not import."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "aiohttp",
    "asyncio",
    "msgspec",
    "rich.console",
    "starlette",
    "structlog",
    "uvicorn",
    "sqlite3",
    "cyclopts",
}
NEEDED = {"--version": set(), "events": {"msgspec", "cyclopts"}}


def imported(*words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words], capture_output=True, text=True, check=True
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


@pytest.mark.parametrize("command", NEEDED)
def test_a_quick_command_imports_nothing_heavy(command: str) -> None:
    assert imported("-m", "callboard", command) & HEAVY == NEEDED[command]


def test_importing_callboard_costs_nothing() -> None:
    assert imported("-c", "import callboard") & HEAVY == set()


def test_a_client_does_not_import_the_server() -> None:
    server = {
        "starlette",
        "uvicorn",
        "picows",
        "structlog",
        "sqlite3",
        "cyclopts",
        "rich",
        "callboard.hub.hub",
    }
    assert imported("-c", "import callboard.client.blocking") & server == set()
