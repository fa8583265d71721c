"""A lock on the log: two processes that write one file would give one position to two events."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from callboard.errors import StorageFailed


class Lock:
    """Holds `<path>.lock` until released or until the process ends, however it ends.

    The kernel's lock on a file of its own: SQLite's own exclusive mode would shut out readers,
    and closing any descriptor of events.db would drop a lock on that file itself.
    """

    def __init__(self, path: Path, what: str = "") -> None:
        """`what` it is that is locked, for people; the log, if nothing else is said."""
        import fcntl  # not on Windows, where the server does not run but its modules can be imported

        self._file = os.open(
            path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
        )
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._file, 20).decode(errors="replace").strip()
            os.close(self._file)
            raise StorageFailed(
                f"Another process{f' ({holder})' if holder else ''} has {what or f'the log {path}'} open: "
                "stop it, or name another data folder."
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())

    def release(self) -> None:
        """Let another process have the log."""
        with suppress(OSError):
            os.close(self._file)
