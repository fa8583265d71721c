"""`callboard actions`: what listeners offer for a selection, launching it, and what they want shown."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from callboard.cli.outcome import FAILED, AsJson, WrongUse
from callboard.cli.output import cut, note, printable, say_json, table
from callboard.cli.reach import Reach, talk
from callboard.cli.selected import HELP, selected
from callboard.errors import CallboardError

if TYPE_CHECKING:
    from callboard.client.http import Http

Item = dict[str, Any]
Selection = Sequence[Mapping[str, str]]
Wanted = Mapping[str, str]
Enough = Callable[[Sequence[Item]], bool]

app = App(name="actions", help="Actions: what listeners offer, and doing it.", help_format="plaintext")

Entities = Annotated[
    Sequence[str],
    Parameter(name=("--entity", "-e"), negative="", help=f"What is selected: {HELP}"),
]
Timeout = Annotated[float | None, Parameter(help="Seconds to wait for answers; else the hub's own.")]
Settings = Annotated[
    Sequence[str],
    Parameter(name=("--set", "-s"), negative="", help="NAME=VALUE for a field of a form; may be repeated."),
]
Values = Annotated[str, Parameter(help="JSON for fields of forms by name, or @FILE with it.")]
Yes = Annotated[
    bool, Parameter(name=("--yes", "-y"), negative="", help="Submit forms that only ask for a yes.")
]


@app.command(name="list")
def list_actions(
    *, entity: Entities = (), timeout: Timeout = None, as_json: AsJson = False, reach: Reach | None = None
) -> None:
    """List the actions that fit a selection."""
    items = talk(reach, lambda http: _listed(http, entity, timeout))
    if as_json:
        for one in items:
            say_json(one)
    elif items:
        table(("label", "variant", "description", "identifier"), sorted(map(_row, items)))
    else:
        note("There are no actions for this selection.")


@app.command
def launch(
    name: Annotated[str, Parameter(help="The action's identifier, or its label.")],
    /,
    *,
    entity: Entities = (),
    variant: Annotated[str, Parameter(help="Which one of several with the same label.")] = "",
    host: Annotated[str, Parameter(help="The one of the launcher on this machine.")] = "",
    setting: Settings = (),
    values: Values = "",
    yes: Yes = False,
    timeout: Timeout = None,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> int:
    """Launch an action, fill in its forms, and print what it says. Exits with 1 if it did not work."""
    from callboard.cli.desk import Desk
    from callboard.cli.filling import Filling, Given
    from callboard.cli.prompts import Cancelled, is_terminal

    given = Given(setting, values)
    wanted = {"variant": variant, "host": host}
    user, selection, items = talk(reach, lambda http: _found(http, entity, name, wanted))
    item = _chosen(items, name, wanted)
    asks = is_terminal()
    desk = Desk(reach or Reach(), asks=asks, as_json=as_json, deadline=timeout)
    try:
        with desk.open(user):
            code = desk.work(item, selection, Filling(given, asks, yes))
    except (Cancelled, KeyboardInterrupt):
        note("It ends here: nothing more was launched.")
        return FAILED
    if given.unused:
        names = ", ".join(given.unused)
        raise WrongUse(printable(f"No form had a field {names}: what was given for it was not used."))
    return code


@app.command
def wait(
    *,
    count: Annotated[int | None, Parameter(help="End after so many things were shown.")] = None,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> int:
    """Show what listeners want shown to you, and ask what their forms ask, until Ctrl-C."""
    if count is not None and count < 1:
        raise WrongUse("--count takes a whole number from 1.")
    from callboard.cli.desk import Desk, who_asks
    from callboard.cli.prompts import is_terminal

    user = talk(reach, who_asks)
    desk = Desk(reach or Reach(), asks=is_terminal(), as_json=as_json)
    try:
        with _ended_by_sigterm(), desk.open(user) as board:
            note(f"What is shown to {user['username']} at {board.credentials.url} comes here, Ctrl-C ends.")
            return desk.wait(board, count)
    except KeyboardInterrupt:
        return desk.code


async def _listed(http: Http, entities: Sequence[str], seconds: float | None) -> list[Item]:
    return await _menu(http, await selected(http, entities), seconds)


async def _found(
    http: Http, entities: Sequence[str], name: str, wanted: Wanted
) -> tuple[dict[str, str], Selection, list[Item]]:
    """Return who asks, what is selected, and what is offered for it."""
    from callboard.cli.desk import who_asks

    def is_it(items: Sequence[Item]) -> bool:
        """Tell whether the action is found for sure: one for a host may be there on others too."""
        found = [one for one in items if one["actionIdentifier"] == name and _fits(one, wanted)]
        return len(found) == 1 and not found[0].get("host")

    selection = await selected(http, entities)
    return await who_asks(http), selection, await _menu(http, selection, enough=is_it)


async def _menu(
    http: Http, selection: Selection, seconds: float | None = None, enough: Enough = lambda _items: False
) -> list[Item]:
    """Return what all listeners offer, or what came until it was enough; what they got wrong is told."""
    body: dict[str, Any] = {"selection": selection}
    body |= {} if seconds is None else {"timeout": seconds}
    items: list[Item] = []
    async with aclosing(http.stream("POST", "/v1/actions/discover", body)) as messages:
        async for message in messages:
            offer = json.loads(message.data)
            for fault in offer.get("faults", ()):
                note(f"{fault['publisher']} offers something that is not right: {fault['reason']}")
            items += offer.get("items", ())
            if enough(offer.get("items", ())):
                break
    return items


def _chosen(items: Sequence[Item], name: str, wanted: Wanted) -> Item:
    """Return the item that is meant: by its identifier, else by its label; raises CallboardError."""
    from callboard.cli.prompts import is_terminal, pick

    found = next((some for some in _named(items, name) if some), [])
    fitting = [one for one in found if _fits(one, wanted)]
    if len(fitting) == 1:
        return fitting[0]
    labels = [_title(one) for one in fitting or found or items]
    if len(fitting) > 1 and is_terminal():
        return fitting[pick("Which one", labels)]
    shown = ", ".join(labels[:20]) or "none at all"
    if fitting:
        raise CallboardError(f"{name!r} is more than one action ({shown}): say --variant or --host.")
    raise CallboardError(f"No action {name!r} fits this selection; there are: {shown}.")


def _fits(item: Item, wanted: Wanted) -> bool:
    return all(str(item.get(key) or "").casefold() == text.casefold() for key, text in wanted.items() if text)


def _named(items: Sequence[Item], name: str) -> Iterator[list[Item]]:
    """Yield the items of this name, the closest match first."""
    yield [one for one in items if one["actionIdentifier"] == name]
    yield [one for one in items if one["label"] == name]
    yield [one for one in items if str(one["label"]).casefold() == name.casefold()]


def _row(item: Item) -> tuple[str, ...]:
    keys = ("label", "variant", "description", "actionIdentifier")
    return tuple(cut(" ".join(str(item.get(key) or "").split()), 60) for key in keys)


def _title(item: Item) -> str:
    """Return an item's name as a menu shows it."""
    parts = (item.get(key) for key in ("label", "variant", "host"))
    return cut(" ".join(printable(str(part)) for part in parts if part), 80)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end us as Ctrl-C does."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
