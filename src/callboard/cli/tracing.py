"""What one act led to: its events, the hooks that ran for them, and the tree that is drawn of both."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from callboard.cli.output import event_line, run_line
from callboard.errors import CallboardError

if TYPE_CHECKING:
    from callboard.client.http import Http
    from callboard.event import Event

MOST: Final = 10_000
"""Events that a tail or a trace shows at most."""
_PAGE: Final = 1000
_MOST_RUNS: Final = 20_000
"""Runs of hooks that are looked at, the newest."""


class Node(Struct, frozen=True):
    """One line of the tree: an event, or a hook that ran for one."""

    id: str
    cause: str | None
    line: Callable[[int], str]
    """Gives the text behind so many characters."""


async def entries(http: Http, expression: str, after: str | None) -> list[Event]:
    """Return what the log holds behind a position, the newest MOST of it."""
    from callboard.client.history import look_back

    found: list[Event] = []
    async with aclosing(look_back(http, expression, after)) as stored:
        async for each in stored:
            found.append(each.opened)
            if len(found) > 2 * MOST:
                del found[:MOST]
    return found[-MOST:]


async def traced(http: Http, correlation: str, since: str | None) -> list[Event]:
    """Return the events of one correlation; if the id is that of a later event, those of its act."""
    events = await entries(http, _correlated(correlation), since)
    root = next((event for event in events if event.id == correlation), None)
    act = _trace_of(root).get("correlation") if root else None
    if isinstance(act, str) and act != correlation:
        return await entries(http, _correlated(act), since)
    return events


async def runs_of(http: Http, events: Iterable[Event]) -> list[Mapping[str, Any]]:
    """Return the runs of hooks for these events, oldest first; none to a key that may not see them."""
    ids = {event.id for event in events}
    found: list[Mapping[str, Any]] = []
    before: int | None = None
    for _ in range(_MOST_RUNS // _PAGE):
        try:
            page = await http.ask("GET", "/v1/hooks/runs", limit=_PAGE, before=before)
        except CallboardError:  # no right to see them, or they run on another node
            break
        found += [run for run in page["runs"] if run["event"] in ids]
        before = page["next"]
        if before is None:
            break
    return found[::-1]


def tree(events: Iterable[Event], runs: Iterable[Mapping[str, Any]] = ()) -> Iterator[str]:
    """Yield the lines of the tree: the runs of hooks before the events that came of the same one."""
    nodes = [Node(f"run {run['id']}", run["event"], partial(_run_line, run)) for run in runs]
    for event in events:
        cause = _trace_of(event).get("cause") or event.in_reply_to_event
        nodes.append(Node(event.id, cause if isinstance(cause, str) else None, partial(event_line, event)))
    return _drawn(nodes)


def _run_line(run: Mapping[str, Any], _: int) -> str:
    return run_line(run)


def _drawn(nodes: list[Node]) -> Iterator[str]:
    """Yield lines with the branches before them; without recursion: an act can be long."""
    ids = {node.id for node in nodes}
    children: dict[str, list[Node]] = {}
    roots: list[Node] = []
    for node in nodes:
        if node.cause in ids and node.cause != node.id:
            children.setdefault(str(node.cause), []).append(node)
        else:
            roots.append(node)
    fork, last, pipe = ("├─ ", "└─ ", "│  ") if _draws() else ("|- ", "`- ", "|  ")
    stack = [("", "", node) for node in reversed(roots)]
    while stack:
        before, branch, node = stack.pop()
        yield f"{before}{branch}{node.line(len(before) + len(branch))}"
        inside = before + {fork: pipe, last: "   "}.get(branch, "")
        below = children.pop(node.id, [])
        stack.extend((inside, last if child is below[-1] else fork, child) for child in reversed(below))


def _correlated(correlation: str) -> str:
    from callboard.expression import quote

    written = quote(correlation)
    return f"id={written} or source.trace.correlation={written}"


def _trace_of(event: Event) -> dict[str, Any]:
    trace = event.source.get("trace")
    return trace if isinstance(trace, dict) else {}


def _draws() -> bool:
    try:
        "├└│─".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
