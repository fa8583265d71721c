"""`callboard log`: what the log holds, its newest events, what one act led to; and forgetting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter

from callboard.cli.outcome import EXPRESSION, AsJson, WrongUse
from callboard.cli.output import event_json, facts, note, say, say_event, say_json
from callboard.cli.reach import Reach, talk
from callboard.cli.tracing import MOST, entries, runs_of, traced, tree
from callboard.cli.when import SINCE, Since, moment, moment_or_none
from callboard.errors import CallboardError

if TYPE_CHECKING:
    from callboard.client.http import Http
    from callboard.event import Event

app = App(name="log", help="The log.", help_format="plaintext")


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
    """Draw what one act led to, as a tree; with the right `hooks` also the hooks that ran."""
    behind = moment_or_none(since)

    async def looked(http: Http) -> tuple[list[Event], list[Mapping[str, Any]]]:
        events = await traced(http, correlation, behind)
        return events, [] if as_json else await runs_of(http, events)

    events, runs = talk(reach, looked)
    if not events:
        raise CallboardError(f"The log has no event {correlation[:80]!r}, and none that came of it.")
    if as_json:
        say_json([event_json(event) for event in events])
    else:
        for line in tree(events, runs):
            say(line)


async def _newest(http: Http, expression: str, count: int) -> list[Event]:
    """Look back further and further, until enough is found."""
    now = datetime.now(UTC)
    found: list[Event] = []
    for back in (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=30), None):
        found = await entries(http, expression, None if back is None else (now - back).isoformat())
        if len(found) >= count:
            break
    return found[-count:]
