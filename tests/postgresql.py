"""A real PostgreSQL for tests, in a folder of its own, on a Unix socket; as user postgres if we are root."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.serving import eventually

_DEBIAN = Path("/usr/lib/postgresql")
_USER = "postgres"
PASSWORD = "hush-hush"
"""In each URL, so that tests can look for it where it should not be; the server asks for none."""


def find(program: str) -> str | None:
    """Return a program of PostgreSQL's: Debian keeps them out of the path."""
    versions = sorted(_DEBIAN.glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    beside = [str(path / program) for path in versions if (path / program).exists()]
    return beside[0] if beside else shutil.which(program)


def why_not() -> str:
    """Return why there is no PostgreSQL here; nothing if there is."""
    if find("initdb") is None or find("postgres") is None:
        return "PostgreSQL is not installed: ./dev test as root on Debian does it"
    if os.geteuid() == 0 and (shutil.which("setpriv") is None or not _has_user()):
        return "PostgreSQL does not run as root, and there is no user postgres or no setpriv"
    return ""


def _has_user() -> bool:
    return any(entry.pw_name == _USER for entry in pwd.getpwall())


class Postgres:
    """One server; it can be killed and started again."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="callboard-postgresql-"))
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            shutil.chown(self.folder, _USER)
        made = self._run("initdb", "-D", self._data, "-A", "trust", "-U", _USER, "-E", "UTF8", "--no-sync")
        assert made.returncode == 0, made.stdout

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def bound_files(self, size: int | None) -> None:
        """Let no file grow over `size` bytes, as on a disk that is full; None for as large as they like."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (str(pid), *children):  # who starts later has it from its parent
            bounded = self._run("prlimit", f"--fsize={'unlimited' if size is None else size}:", "--pid", each)
            assert bounded.returncode == 0, bounded.stdout

    def start(self) -> Postgres:
        """Start the server, and return once it answers."""
        eventually(self._answers, "a PostgreSQL that answers")
        return self

    def _begin(self) -> subprocess.Popen[bytes]:
        settings = ("listen_addresses=", f"unix_socket_directories={self.folder}", "fsync=off")
        options = [
            part
            for setting in (*settings, "max_connections=60", "track_commit_timestamp=on")
            for part in ("-c", setting)
        ]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                self._command("postgres", "-D", self._data, *options), stdout=log, stderr=log
            )

    def database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"t{secrets.token_hex(6)}"
        made = f"CREATE DATABASE {name} TEMPLATE template0"
        english = (
            f"{made} LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"  # from PostgreSQL 15 on: it sorts as people do
        )
        if self._run(*self._asking("postgres"), english).returncode != 0:
            self.sql(made, "postgres")
        return f"postgresql://{_USER}:{PASSWORD}@/{name}?host={self.folder}"

    def sql(self, text: str, database: str) -> list[str]:
        """Return the lines that a statement answers; `database` is its name, or its URL."""
        name = database.partition("@/")[2].partition("?")[0] or database
        done = self._run(*self._asking(name), text)
        assert done.returncode == 0, done.stdout
        return done.stdout.splitlines()

    def kill(self) -> None:
        """End it as a power cut would."""
        self._stop(signal.SIGKILL)

    def restart(self) -> None:
        """Stop it in the middle of whatever it does, and start it again."""
        self._stop(signal.SIGINT)
        self.start()

    def remove(self) -> None:
        """Stop it and take it away."""
        self._stop(signal.SIGINT)
        shutil.rmtree(self.folder)

    def _stop(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            self._process = self._begin()  # again, while children of one that was killed are still there
        return self._run(*self._asking("postgres"), "").returncode == 0

    def _asking(self, database: str) -> tuple[str, ...]:
        return ("psql", "-h", str(self.folder), "-U", _USER, "-d", database, "-XAtqc")

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = self._command(program, *arguments)
        return subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd="/"
        )

    def _command(self, program: str, *arguments: str) -> list[str]:
        """Return a command as PostgreSQL's user; it ends with us, however we end."""
        found = find(program)
        assert found, f"{program} is missing"
        if os.geteuid() != 0:
            return [found, *arguments]
        user = ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--init-groups", "--pdeathsig=KILL"]
        return [*user, found, *arguments]


@contextmanager
def postgresql() -> Iterator[Postgres]:
    """Give a server that answers; a test is skipped where there is none, but not in CI."""
    why = why_not()
    if why and os.environ.get("CI") != "true":
        pytest.skip(why)
    assert not why, why
    server = Postgres()
    try:
        yield server.start()
    finally:
        server.remove()
