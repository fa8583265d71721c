"""The spawner: a small process that starts the commands of hooks, so that the hub never has to.

    hub --(number, argv, variables, folder) + stdin, output--> spawner --> process group
    hub <--(number, what, value)------------------------------ spawner

A program of its own, of the standard library alone: to start a process costs less from a small one,
and the hub's loop never waits for it. It ends with the hub, and so do the commands that still run
then: they will be repeated, and must not run twice at once. subprocess lost: it costs twice as much
as posix_spawn.
"""

from __future__ import annotations

import array
import contextlib
import errno
import gc
import marshal
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any

ANSWER = struct.Struct("<qii")
"""A child's number, what happened (STARTED, REFUSED, ENDED) and the pid, errno or exit code."""
STARTED, REFUSED, ENDED = range(3)
MOST = 96 * 1024
"""Bytes of one message; a longer request comes as a file."""
GRACE = 2.0
_RESET = (signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that Python ignores, and commands expect at their default."""


class Spawner:
    """Starts what is asked for on a socket, tells how it ends."""

    def __init__(self, hub: socket.socket) -> None:
        self._hub = hub
        hub.set_inheritable(False)  # no command shall hold it
        self._here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        self._variables: dict[bytes, bytes] = {}
        self._pids: dict[int, int] = {}
        self._numbers: dict[int, int] = {}
        self._stopping: set[int] = set()

    def run(self) -> None:
        """Serve until the hub is gone, then end what still runs."""
        woken, wakes = os.pipe()
        for end in (woken, wakes):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        for one in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(one, lambda *_: None)  # a handler, not SIG_IGN: commands must not inherit it
        poll = select.poll()
        poll.register(self._hub, select.POLLIN)
        poll.register(woken, select.POLLIN)
        while True:
            for ready, _ in poll.poll():
                if ready != woken and not self._serve():
                    self._end(poll)
                    return
                if ready == woken:
                    self._drain(woken)
                    self._reap()

    def _serve(self) -> bool:
        """Do the next thing that is asked; False when the hub is gone."""
        room = socket.CMSG_SPACE(3 * 4)
        try:
            asked, extra, _, _ = self._hub.recvmsg(MOST, room, socket.MSG_CMSG_CLOEXEC)
        except OSError:
            return False
        if not asked:
            return False
        given = _descriptors(extra)
        number, *rest = marshal.loads(asked)  # noqa: S302  (our own hub)
        rest = rest or _read(given[2])
        if len(rest) == 1 and isinstance(rest[0], dict):
            self._variables = rest[0]
        elif len(rest) == 1:
            self._signal(number, rest[0])
        else:
            self._start(number, rest, given)
        for descriptor in given:
            os.close(descriptor)
        return True

    def _start(self, number: int, asked: Any, given: list[int]) -> None:
        argv, variables, folder = asked
        try:
            if folder is not None:
                os.chdir(folder)
            pid = _spawned(argv, {**self._variables, **variables}, given)
        except OSError as error:
            self._tell(number, REFUSED, error.errno or errno.EINVAL)
        except (ValueError, NotImplementedError):
            self._tell(number, REFUSED, errno.EINVAL)
        else:
            self._pids[number], self._numbers[pid] = pid, number
            self._tell(number, STARTED, pid)
        finally:
            if folder is not None:
                os.fchdir(self._here)

    def _signal(self, number: int, which: int) -> None:
        pid = self._pids.get(number)
        if pid is not None:
            self._stopping.add(pid)
            with contextlib.suppress(OSError):
                os.killpg(pid, which)

    def _reap(self) -> None:
        """Tell of each process that has ended; of one that was stopped the whole group goes first.

        Until it is reaped nobody else can have its number.
        """
        while self._pids:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None:
                return
            pid = found.si_pid
            if pid in self._stopping:
                self._stopping.discard(pid)
                with contextlib.suppress(OSError):
                    os.killpg(pid, signal.SIGKILL)
            status = os.waitpid(pid, 0)[1]
            number = self._numbers.pop(pid, None)
            if number is not None:
                del self._pids[number]
                self._tell(number, ENDED, os.waitstatus_to_exitcode(status))

    def _tell(self, number: int, what: int, value: int) -> None:
        with contextlib.suppress(OSError):  # the hub is gone: the next read says so
            self._hub.send(ANSWER.pack(number, what, value))

    def _drain(self, descriptor: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(descriptor, 4096)

    def _end(self, poll: select.poll) -> None:
        """The hub is gone: what still runs is asked to end, then made to."""
        poll.unregister(self._hub)
        for which, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, 0.0)):
            for number in list(self._pids):
                self._signal(number, which)
            turns = int(patience * 20)
            while self._pids and turns:
                turns -= 1
                poll.poll(50)
                self._reap()


def _spawned(argv: list[bytes], variables: dict[bytes, bytes], given: list[int]) -> int:
    """Start the first program of that name on its own PATH; raises OSError."""
    actions = [
        (os.POSIX_SPAWN_DUP2, given[0], 0),
        (os.POSIX_SPAWN_DUP2, given[1], 1),
        (os.POSIX_SPAWN_DUP2, given[1], 2),
    ]
    wrong: OSError = FileNotFoundError(errno.ENOENT, "not found")
    for path in _paths(argv[0], variables):
        try:
            return os.posix_spawn(path, argv, variables, file_actions=actions, setsid=True, setsigdef=_RESET)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            wrong = error
    raise wrong


def _paths(program: bytes, variables: dict[bytes, bytes]) -> Iterator[bytes]:
    if b"/" in program:
        yield program
        return
    for folder in variables.get(b"PATH", os.fsencode(os.defpath)).split(b":"):
        path = os.path.join(folder, program)  # noqa: PTH118  (bytes)
        if os.path.exists(path):  # noqa: PTH110
            yield path


def _descriptors(extra: list[tuple[int, int, bytes]]) -> list[int]:
    found = array.array("i")
    for level, kind, data in extra:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return list(found)


def _read(descriptor: int) -> Any:
    """Return a request that was too long for a message."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return marshal.load(file)  # noqa: S302  (our own hub)


if __name__ == "__main__":
    gc.disable()  # there is nothing in circles here
    Spawner(socket.socket(fileno=int(sys.argv[1]))).run()
