"""Children of spawners: processes that start commands for this one (spawner.py).

    Pool.start -> the first spawner that is free -> Child

A spawner waits until a program has begun; with two of them a burst starts on two cores.
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
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from callboard.hooks import spawner
from callboard.hooks.children import Child, Children, Direct, Variables, kill
from callboard.hooks.pipes import file_with

SPAWNERS: Final = 2


def children(variables: Variables) -> Children:
    """Return what starts processes on this machine, each with `variables`."""
    return Pool(variables) if hasattr(os, "pidfd_open") else Direct(variables)  # Linux, or not


class Pool(Children):
    """Children of several spawners: the second is started when the first is busy."""

    def __init__(self, variables: Variables) -> None:
        super().__init__()
        self._spawners = [Spawned(variables) for _ in range(SPAWNERS)]
        self._spawners[0].ready()

    def start(
        self, argv: Sequence[bytes], variables: Variables, folder: Path | None, stdin: int, output: int
    ) -> Child:
        """Ask the spawner that has least to do."""
        free = min(self._spawners, key=lambda one: one.busy)
        return free.start(argv, variables, folder, stdin, output)

    def signal(self, child: Child, which: signal.Signals) -> None:
        """Have its spawner signal."""
        child.signal(which)

    async def close(self) -> None:
        """Have the spawners end, and wait for them."""
        self.spare.close()
        await asyncio.gather(*(one.close() for one in self._spawners))


class Spawned(Children):
    """Children of one spawner, which is started when the first is, and again when it was killed."""

    def __init__(self, variables: Variables) -> None:
        super().__init__()
        self.busy = 0
        """How many are asked for and have not begun."""
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
        if self._process is not None:
            self._process.poll()  # the one before was killed, and is to be forgotten
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
        self.busy += 1
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
            self.busy -= what != spawner.ENDED
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
        self.busy = 0
        for number, child in list(self._children.items()):
            if child.pid:
                kill(child.pid, signal.SIGKILL)
            self._ended(number, OSError(_LOST))


_LOST: Final = "the process that starts commands was ended from outside, and its commands with it"
