"""`callboard log`: what the log holds, its newest events, what one act led to; and forgetting."""

from __future__ import annotations

import sys
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter

from callboard.cli.outcome import EXPRESSION, AsJson, WrongUse
from callboard.cli.output import event_json, facts, note, say, say_event, say_json
from callboard.cli.reach import Reach, talk
from callboard.cli.when import SINCE, Since, moment, moment_or_none
from callboard.errors import CallboardError

if TYPE_CHECKING:
    from callboard.client.http import Http
    from callboard.event import Event

app = App(name="log", help="The log.", help_format="plaintext")

MOST = 10_000
"""Events that a tail or a trace shows at most."""


@app.command
def stat(*, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """Show where the log begins and ends, how large it is, and how far each durable subscriber has come."""
    info = talk(reach, lambda http: http.ask("GET", "/v1/log"))
    if as_json:
        say_json(info)
        return
    cursors = info.pop("cursors")
    facts({**info, "bytes": f"{info['bytes']:,}", "cursors": len(cursors)})
    for name, position in sorted(cursors.items()):
        say(f"  {name}  {position}")


@app.command
def tail(
    expression: Annotated[str, Parameter(help=EXPRESSION)] = "",
    /,
    *,
    count: Annotated[int, Parameter(name=("--count", "-n"), help="How many events.")] = 10,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Print the newest events that match, oldest first; `callboard listen` prints what comes."""
    if not 0 < count <= MOST:
        raise WrongUse(f"--count takes a whole number from 1 to {MOST}.")
    for event in talk(reach, lambda http: _newest(http, expression, count)):
        say_event(event, as_json)


@app.command
def prune(
    *,
    before: Annotated[str, Parameter(help=f"Everything before this goes: {SINCE}.")],
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Forget old events, for ever."""
    asked = {"before": moment(before)}
    answer = talk(reach, lambda http: http.ask("POST", "/v1/log/prune", asked))
    if as_json:
        say_json(answer)
    else:
        note(f"{answer['pruned']} events are forgotten.")


@app.command
def forget(
    name: Annotated[str, Parameter(help="USER/NAME, as `callboard log stat` shows it.")],
    /,
    *,
    reach: Reach | None = None,
) -> None:
    """Forget how far a durable subscriber has come: it begins anew when it comes back."""
    talk(reach, lambda http: http.ask("DELETE", f"/v1/log/cursors/{quote(name)}"))
    note(f"{name} is forgotten.")


@app.command
def trace(
    correlation: Annotated[str, Parameter(name="id", help="The id of an event that took part in it.")],
    /,
    *,
    since: Since = None,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Draw what one act led to, as a tree."""
    behind = moment_or_none(since)
    events = talk(reach, lambda http: _traced(http, correlation, behind))
    if not events:
        raise CallboardError(f"The log has no event {correlation[:80]!r}, and none that came of it.")
    if as_json:
        say_json([event_json(event) for event in events])
    else:
        for prefix, event in _tree(events):
            sys.stdout.write(prefix)
            say_event(event, as_json=False)


async def _newest(http: Http, expression: str, count: int) -> list[Event]:
    """Look back further and further, until enough is found."""
    now = datetime.now(UTC)
    found: list[Event] = []
    for back in (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=30), None):
        found = await _all(http, expression, None if back is None else (now - back).isoformat())
        if len(found) >= count:
            break
    return found[-count:]


async def _all(http: Http, expression: str, after: str | None) -> list[Event]:
    """Return what the log holds behind a position, the newest MOST of it."""
    from callboard.client.history import look_back

    found: list[Event] = []
    async with aclosing(look_back(http, expression, after)) as entries:
        async for stored in entries:
            found.append(stored.opened)
            if len(found) > 2 * MOST:
                del found[:MOST]
    return found[-MOST:]


async def _traced(http: Http, correlation: str, since: str | None) -> list[Event]:
    """Return the events of one correlation; if the id is that of a later event, those of its act."""
    events = await _all(http, _correlated(correlation), since)
    root = next((event for event in events if event.id == correlation), None)
    act = _trace_of(root).get("correlation") if root else None
    if isinstance(act, str) and act != correlation:
        return await _all(http, _correlated(act), since)
    return events


def _correlated(correlation: str) -> str:
    from callboard.expression import quote

    written = quote(correlation)
    return f"id={written} or source.trace.correlation={written}"


def _trace_of(event: Event) -> dict[str, Any]:
    trace = event.source.get("trace")
    return trace if isinstance(trace, dict) else {}


def _tree(events: list[Event]) -> list[tuple[str, Event]]:
    """Return the events with the branches to draw before each; without recursion: an act can be long."""
    ids = {event.id for event in events}
    children: dict[str, list[Event]] = {}
    roots: list[Event] = []
    for event in events:
        cause = _trace_of(event).get("cause") or event.in_reply_to_event
        if isinstance(cause, str) and cause in ids and cause != event.id:
            children.setdefault(cause, []).append(event)
        else:
            roots.append(event)
    return _drawn(roots, children)


def _drawn(roots: list[Event], children: dict[str, list[Event]]) -> list[tuple[str, Event]]:
    fork, last, pipe = ("├─ ", "└─ ", "│  ") if _draws() else ("|- ", "`- ", "|  ")
    drawn: list[tuple[str, Event]] = []
    stack = [("", "", event) for event in reversed(roots)]
    while stack:
        before, branch, event = stack.pop()
        drawn.append((before + branch, event))
        inside = before + {fork: pipe, last: "   "}.get(branch, "")
        below = children.pop(event.id, [])
        stack.extend((inside, last if child is below[-1] else fork, child) for child in reversed(below))
    return drawn


def _draws() -> bool:
    try:
        "├└│─".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
