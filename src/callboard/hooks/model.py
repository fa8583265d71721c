"""What a hook is: which events, what it does, and how. Plain frozen values.

Located mapping (config) -> reading.read_hook -> Hook(selection, policy, action)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, Final

from msgspec import Struct

from callboard.expression import Expression
from callboard.hooks.command import Command
from callboard.hooks.gcode import Line
from callboard.hooks.template import Part

TIMEOUT: Final = 300.0
"""Seconds a run may take unless its hook says otherwise."""
MAX_HOPS: Final = 16
"""How many causes may lead one to another before the chain is cut; from approval to film it takes seven."""

KEYS: Final[Mapping[str, str]] = {
    "event": "which events: a name, a list of names, a topic, or an expression",
    "type": "system, gcode, webhook or publish",
    "command": "system: the command line, or a list of them; gcode: the lines",
    "argv": "system: one command as a list of its arguments, nothing is split",
    "enabled": "false leaves the hook out (default true)",
    "name": "what runs, explain and replay call the hook",
    "debug": "true writes each filled command into the log",
    "shell": "system: true hands the command to /bin/sh",
    "cwd": "system: the folder to run in",
    "inherit": "system: variables of the server, otherwise kept back, that the command gets",
    "when": "an expression; where it does not match nothing runs",
    "timeout": "how long a run may take (default 300 s); then its process group is stopped",
    "retries": "how often a failed run is tried again (default 0; webhook 20)",
    "backoff": "the wait before the first retry, then doubled (default 1 s, at most 10 minutes)",
    "max_age": "events older than this are late (gcode: 30 s unless told otherwise)",
    "on_late": "skip or run late events (default skip)",
    "order_by": "a placeholder's name: in order for each of its values, side by side across them",
    "concurrency": "how many runs may go on at once (default 1; 8 with order_by)",
    "coalesce": "{key, window}: one run for all events of a key within the window, with the last of them",
    "delay": "how long to wait before the run; outlives a restart",
    "unless": "an event, as in `event`, that cancels runs which wait for their delay",
    "max_hops": "how many causes may have led here, one to another (default 16)",
    "printer": "gcode: the printer's name, or an expression over name and tags that only one matches",
    "url": "webhook: where to post",
    "secret": "webhook: signs the request (Standard Webhooks, whsec_ and base64)",
    "headers": "webhook: more headers",
    "body": "webhook: a JSON body of your own instead of the CloudEvent",
    "topic": "publish: the new event's topic",
    "data": "publish: its data, placeholders filled in",
    "target": "publish: an expression over subscribers",
}
"""Every key of a hook, with a line of what it is for: docs/hooks.md has them all."""


class Selection(Struct, frozen=True):
    """Which events a hook is for."""

    topics: frozenset[str]
    expressions: tuple[Expression, ...] = ()

    def matches(self, document: Mapping[str, Any]) -> bool:
        """Tell whether the hook is for this event."""
        return document["topic"] in self.topics or any(one.matches(document) for one in self.expressions)


class Coalesce(Struct, frozen=True):
    """One run for all events of a key within a window of seconds."""

    key: str
    window: float


class Policy(Struct, frozen=True):
    """When a hook runs, and what happens when it fails. Times are seconds."""

    when: Expression | None = None
    timeout: float = TIMEOUT
    retries: int = 0
    backoff: float = 1.0
    max_age: float | None = None
    on_late: str = "skip"
    order_by: str = ""
    concurrency: int = 1
    coalesce: Coalesce | None = None
    delay: float = 0.0
    unless: Selection | None = None
    max_hops: int = MAX_HOPS


class System(Struct, frozen=True, tag="system"):
    """Run commands one after the other; the first that fails ends the run."""

    commands: tuple[Command, ...]
    cwd: Path | None = None
    inherit: tuple[str, ...] = ()


class Gcode(Struct, frozen=True, tag="gcode"):
    """Ask a printer to send lines; `printer` is a name, empty for the event's own.

    `only` is the one printer there is, for events that name none.
    """

    lines: tuple[Line, ...]
    printer: str = ""
    only: str = ""


class Webhook(Struct, frozen=True, tag="webhook"):
    """Post the event to an address."""

    url: tuple[Part, ...]
    secret: bytes = b""
    headers: Mapping[str, str] = {}
    body: Any = None


class Publish(Struct, frozen=True, tag="publish"):
    """Publish a new event, caused by the one at hand."""

    topic: str
    data: Any = {}
    target: tuple[Part, ...] = ()


Action = System | Gcode | Webhook | Publish


class Hook(Struct, frozen=True):
    """One subscription of the configuration, read and checked."""

    name: str
    """Unique among the hooks: the given name, or one made from what the hook does."""
    line: int
    selection: Selection
    action: Action
    policy: Policy
    enabled: bool = True
    debug: bool = False

    @property
    def kind(self) -> str:
        """system, gcode, webhook or publish."""
        return type(self.action).__name__.lower()


class Printer(Struct, frozen=True):
    """A printer as the configuration names it."""

    name: str
    tags: tuple[str, ...] = ()


class HookSet(Struct, frozen=True):
    """What a configuration holds: the hooks that are right, the faults of the others, and hints."""

    hooks: tuple[Hook, ...] = ()
    faults: tuple[Fault, ...] = ()
    hints: tuple[Fault, ...] = ()

    @property
    def way_out(self) -> str:
        """What to do about lines that OctoPrint gave to a shell, nothing where there is none."""
        files = [fault.file for fault in self.faults if "needs a shell" in fault.kind]
        return f"`callboard hooks import {files[0]}` mends most of these." if files else ""


class Fault(Struct, frozen=True):
    """A hook that can't be used, and why.

    `reason` quotes the file, and a command may hold secrets: it is for the hub's own log and for
    those who have the right `hooks`. `kind` has no word of the file: it is what events tell.
    """

    line: int
    reason: str
    file: str = ""
    kind: str = "this hook can't be used"

    @property
    def told(self) -> str:
        """The fault as an event may tell it: the file's name, the line, the kind."""
        return f"{PurePath(self.file or 'configuration').name}:{self.line}: {self.kind}"

    def __str__(self) -> str:
        return f"{self.file or 'configuration'}:{self.line}: {self.reason}"
