"""Child processes: started without the loop waiting for it, stopped as a group, their end as a future.

    start(argv, variables, folder, stdin, output) -> Child(ended)

On Linux the spawner does it, a small process of its own (spawner.py); elsewhere this one does, with a
thread for each child to learn of its end.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import marshal
import os
import signal
import socket
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from callboard.hooks import spawner
from callboard.hooks.pipes import Spare, file_with

Variables = Mapping[bytes, bytes]


class Child:
    """A process that was asked for: `ended` has its exit code, or why it never began."""

    def __init__(self, children: Children, number: int) -> None:
        self.ended: asyncio.Future[int | OSError] = asyncio.get_running_loop().create_future()
        self.pid = 0
        """0 until it is known to run."""
        self.number = number
        self._children = children

    def signal(self, which: signal.Signals) -> None:
        """Signal the whole group, if the process has not ended."""
        if not self.ended.done():
            self._children.signal(self, which)

    def end(self, how: int | OSError) -> None:
        """It has ended, or never begun."""
        if not self.ended.done():
            self.ended.set_result(how)


class Children(ABC):
    """Starts processes; `close` once all have ended. `spare` has pipes for the next one."""

    def __init__(self) -> None:
        self.spare = Spare()

    @abstractmethod
    def start(
        self, argv: Sequence[bytes], variables: Variables, folder: Path | None, stdin: int, output: int
    ) -> Child:
        """Ask for a process in a session of its own; takes both descriptors over, never waits.

        `variables` come on top of those that the children were made with.
        """

    @abstractmethod
    def signal(self, child: Child, which: signal.Signals) -> None:
        """Signal a child's group."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything."""


def children(variables: Variables) -> Children:
    """Return what starts processes on this machine, each with `variables`."""
    return Spawned(variables) if hasattr(os, "pidfd_open") else Direct(variables)  # Linux, or not


class Spawned(Children):
    """Children of the spawner, which is started when the first is, and again when it was killed."""

    def __init__(self, variables: Variables) -> None:
        super().__init__()
        self._variables = variables
        self._loop = asyncio.get_running_loop()
        self._children: dict[int, Child] = {}
        self._last = 0
        self._waiting: deque[tuple[bytes, list[int]]] = deque()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def ready(self) -> None:
        """Have the spawner running before it is needed."""
        if self._socket is not None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-I", "-S", spawner.__file__, str(theirs.fileno())]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                env=self._variables,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        ours.setblocking(False)
        self._socket = ours
        self._loop.add_reader(ours, self._read)
        self._ask((0, dict(self._variables)), [])

    def start(
        self, argv: Sequence[bytes], variables: Variables, folder: Path | None, stdin: int, output: int
    ) -> Child:
        """Ask the spawner."""
        self._last += 1
        child = self._children[self._last] = Child(self, self._last)
        try:
            self.ready()
            asked = (list(argv), dict(variables), None if folder is None else os.fsencode(folder))
            self._ask((child.number, *asked), [stdin, output])
        except OSError as error:
            self._ended(child.number, error)
        return child

    def signal(self, child: Child, which: signal.Signals) -> None:
        """Have the spawner signal: only it knows that the number is still this child's."""
        with contextlib.suppress(OSError):
            self._ask((child.number, int(which)), [])

    async def close(self) -> None:
        """Have the spawner end, and wait for it."""
        self.spare.close()
        self._lost()
        if self._process is not None:
            process, self._process = self._process, None
            await asyncio.to_thread(process.wait)

    def _ask(self, asked: tuple[Any, ...], given: list[int]) -> None:
        message = marshal.dumps(asked)
        if len(message) > spawner.MOST:
            given = [*(given or [os.dup(1), os.dup(1)]), file_with(marshal.dumps(asked[1:]))]
            message = marshal.dumps(asked[:1])
        if self._waiting or not self._sent(message, given):
            if not self._waiting and self._socket is not None:
                self._loop.add_writer(self._socket, self._send)
            self._waiting.append((message, given))

    def _sent(self, message: bytes, given: list[int]) -> bool:
        """Send a message with its descriptors, and close these; False when the spawner is busy."""
        assert self._socket is not None
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", given).tobytes())] if given else []
        try:
            self._socket.sendmsg([message], rights, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        except OSError:  # it was killed: reading says so
            pass
        for descriptor in given:
            os.close(descriptor)
        return True

    def _send(self) -> None:
        while self._waiting:
            if not self._sent(*self._waiting[0]):
                return
            self._waiting.popleft()
        if self._socket is not None:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        """Take what the spawner tells, some at a time so that others have their turn."""
        assert self._socket is not None
        for _ in range(64):
            try:
                told = self._socket.recv(spawner.ANSWER.size)
            except BlockingIOError:
                return
            except OSError:
                told = b""
            if not told:
                self._lost()
                return
            number, what, value = spawner.ANSWER.unpack(told)
            if what == spawner.STARTED and number in self._children:
                self._children[number].pid = value
            elif what == spawner.REFUSED:
                self._ended(number, OSError(value, os.strerror(value)))
            elif what == spawner.ENDED:
                self._ended(number, value)

    def _ended(self, number: int, how: int | OSError) -> None:
        if (child := self._children.pop(number, None)) is not None:
            child.end(how)

    def _lost(self) -> None:
        """The spawner is gone, or is to go: it, or we, end what it started."""
        if self._socket is None:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._socket = None
        for _, given in self._waiting:
            for descriptor in given:
                os.close(descriptor)
        self._waiting.clear()
        for number, child in list(self._children.items()):
            if child.pid:
                _kill(child.pid, signal.SIGKILL)
            self._ended(number, OSError(_LOST))


_LOST: Final = "the process that starts commands was ended from outside, and its commands with it"


class Direct(Children):
    """Children of this process."""

    def __init__(self, variables: Variables) -> None:
        super().__init__()
        self._variables = variables
        self._processes: dict[Child, subprocess.Popen[bytes]] = {}

    def start(
        self, argv: Sequence[bytes], variables: Variables, folder: Path | None, stdin: int, output: int
    ) -> Child:
        """Start it here."""
        child = Child(self, 0)
        try:
            process = subprocess.Popen(
                argv,
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**self._variables, **variables},
                cwd=folder,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            child.end(error if isinstance(error, OSError) else OSError(str(error)))
        else:
            child.pid = process.pid
            self._processes[child] = process
            loop = asyncio.get_running_loop()
            threading.Thread(target=self._wait, args=(loop, child, process), name="hook", daemon=True).start()
        finally:
            os.close(stdin)
            os.close(output)
        return child

    def _wait(self, loop: asyncio.AbstractEventLoop, child: Child, process: subprocess.Popen[bytes]) -> None:
        """Wait in a thread of its own: a pool's few would be taken up by hung processes."""
        exit_ = process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(self._ended, child, exit_)

    def _ended(self, child: Child, exit_: int) -> None:
        self._processes.pop(child, None)
        child.end(exit_)

    def signal(self, child: Child, which: signal.Signals) -> None:
        """Signal the group."""
        _kill(child.pid, which)

    async def close(self) -> None:
        """Kill what still runs."""
        self.spare.close()
        for process in self._processes.values():
            _kill(process.pid, signal.SIGKILL)


def _kill(pid: int, which: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, which)
