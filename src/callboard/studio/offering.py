"""Actions for a menu: one decorated function each, offered and launched over any bus.

    @action(label="Render", discover="task", form=Frames)
    def render(launch): ...            listen(board, render)

    ftrack.action.discover -> does it fit the selection? -> {items: [the action]}
    ftrack.action.launch   -> the form, or the function -> message, form, widget

A function that raises gives `success: false` with a sentence; where it broke is in the program's log.
Subscriptions are those that all listeners make, so that any hub and any menu knows them.
Source: facts 4.1, 4.3, 6.
"""

from __future__ import annotations

import inspect
import logging
import platform
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, overload

from callboard.bus import Handler
from callboard.errors import CallboardError
from callboard.event import Event
from callboard.expression import BadExpression, quote
from callboard.studio.forms import TAG, Form, Question, Refused, question_of, slots_of
from callboard.studio.launch import Asked, Launch, launch_of
from callboard.studio.outcomes import Done, Failed, Widget, reply_of
from callboard.studio.selecting import Discover, Fits, fitting

log = logging.getLogger("callboard.studio")

F = TypeVar("F", bound=Form)
G = TypeVar("G", bound=Form)
V = TypeVar("V")

Outcome = str | bool | Done | Failed | Widget | Form | type[Form] | Question | Mapping[str, Any] | None
"""What a function may return; a mapping is sent as it is, None says that it is done."""
Function = Callable[[Launch[V]], Outcome | Awaitable[Outcome]]

_DISCOVER, _LAUNCH = "topic=ftrack.action.discover", "topic=ftrack.action.launch"


class BadAction(CallboardError):
    """This action can't be offered: see docs/actions.md."""


class Board(Protocol):
    """What `listen` needs: our clients, asynchronous and blocking, and the bus of a room have it."""

    def subscribe(
        self, expression: str, handler: Handler, *, subscriber: Mapping[str, Any] | None = None
    ) -> Any:
        """Call `handler` with each event that `expression` matches; what it returns is the reply."""


@dataclass(frozen=True)
class Action(Generic[V]):
    """An action as the menu has it; calling it calls the function."""

    item: Mapping[str, Any]
    function: Function[V]
    fits: Fits
    forms: tuple[type[Form], ...] = ()

    def __call__(self, launch: Launch[V]) -> Any:
        """Do it."""
        return self.function(launch)

    @property
    def identifier(self) -> str:
        """What a launch names it by."""
        return str(self.item["actionIdentifier"])

    def discover(self, event: Event) -> Any:
        """Reply to a discover event: the action if it fits the selection, else no items.

        That too is a reply: who asks waits until all have answered.
        """
        return _then(lambda: self.fits(Asked.of(event)), self._items, self._unknown)

    def launch(self, event: Event) -> Any:
        """Reply to a launch event: show the form, or do it and say what came of it."""
        launch = launch_of(event)
        return _then(lambda: self._begun(launch), lambda said: self._told(launch, said), self._failed)

    def _items(self, fits: Any) -> dict[str, Any]:
        several = list(fits) if isinstance(fits, Iterable) else [fits]
        mappings = all(isinstance(one, Mapping) for one in several)
        variants = several if mappings else [{}] if fits else []
        return {"items": [{**self.item, **one} for one in variants]}

    def _unknown(self, error: Exception) -> dict[str, Any]:
        log.error("Whether %s fits could not be found out.", self.identifier, exc_info=error)
        return {"items": []}

    def _begun(self, launch: Launch[Mapping[str, Any]]) -> Any:
        """Return what comes of a launch: the form that is asked first, or what the function returns."""
        if not self.forms:
            return self.function(launch)  # type: ignore[arg-type]  # without a form values are as they came
        form = self._submitted(launch.values)
        if form is None:
            return self.forms[0].opening(launch)
        try:
            values: Any = form.read(launch, launch.values)
        except Refused as refused:
            return Question(form, launch.values, refused.faults)
        return self.function(Launch(launch.selection, launch.user, launch.event, launch.item, values))

    def _submitted(self, values: Mapping[str, Any]) -> type[Form] | None:
        """Return the form that was filled in; None if none was, or one that there is no more."""
        if not values:
            return None
        if len(self.forms) == 1:
            return self.forms[0]
        return next((form for form in self.forms if form.__name__ == values.get(TAG)), None)

    def _told(self, launch: Launch[Any], said: Any) -> dict[str, Any]:
        """Return what the function returned as a reply."""
        question = question_of(launch, said)
        if question is not None:
            if question.form not in self.forms:
                named = question.form.__name__
                raise BadAction(f"The form {named} is not one of this action: add it to @action(form=...).")
            return question.reply(launch, tagged=len(self.forms) > 1)
        if said is None or isinstance(said, bool):
            return {"success": said is not False, "message": self._word(said is not False)}
        if isinstance(said, Mapping):
            return dict(said)
        if isinstance(said, str | Done | Failed | Widget):
            return reply_of(said)
        raise BadAction(f"An action can't return {type(said).__name__}: see docs/actions.md for what it can.")

    def _word(self, worked: bool) -> str:
        return f"{self.item['label']}: {'done' if worked else 'it did not work'}."

    def _failed(self, error: Exception) -> dict[str, Any]:
        """Return the reply for what the function raised; what is not meant for people goes to the log."""
        if isinstance(error, Failed):
            return reply_of(error)
        log.error("The action %s failed.", self.identifier, exc_info=error)
        first = str(error).partition("\n")[0][:300].rstrip(".")
        if isinstance(error, CallboardError):
            return {"success": False, "message": str(error)}
        why = f"{first} ({type(error).__name__})" if first else type(error).__name__
        return {"success": False, "message": f"{self.item['label']} failed: {why}."}


@overload
def action(
    *,
    label: str,
    form: None = None,
    discover: Discover = None,
    variant: str | None = None,
    description: str | None = None,
    icon: str | None = None,
    identifier: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> Callable[[Function[Mapping[str, Any]]], Action[Mapping[str, Any]]]: ...
@overload
def action(
    *,
    label: str,
    form: type[F],
    discover: Discover = None,
    variant: str | None = None,
    description: str | None = None,
    icon: str | None = None,
    identifier: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> Callable[[Function[F]], Action[F]]: ...
@overload
def action(
    *,
    label: str,
    form: tuple[type[F], type[G]],
    discover: Discover = None,
    variant: str | None = None,
    description: str | None = None,
    icon: str | None = None,
    identifier: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> Callable[[Function[F | G]], Action[F | G]]: ...
@overload
def action(
    *,
    label: str,
    form: tuple[type[Form], ...],
    discover: Discover = None,
    variant: str | None = None,
    description: str | None = None,
    icon: str | None = None,
    identifier: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> Callable[[Function[Any]], Action[Any]]: ...
def action(
    *,
    label: str,
    form: Any = None,
    discover: Discover = None,
    variant: str | None = None,
    description: str | None = None,
    icon: str | None = None,
    identifier: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> Callable[[Function[Any]], Action[Any]]:
    """Make a function an action of the menu.

    `discover` says for which selections: a type ("task"), several of them, an expression that each
    selected entity must match ('entityType=task and entityId!=""'), or a function of `Asked` that
    returns true, false, or one mapping for each item to offer ({"variant": "2025"}); None is always.
    `form` is the form that is asked first, or all forms of several steps. `identifier` is the function's
    module and name unless it is given; `data` comes back as `launch.item["actionData"]`.
    Raises BadAction, BadForm or BadExpression.
    """
    forms: tuple[type[Form], ...] = () if form is None else form if isinstance(form, tuple) else (form,)
    for one in forms:
        slots_of(one)
    fits = fitting(discover)
    known = {
        "label": label,
        "variant": variant,
        "description": description,
        "icon": icon,
        "actionData": dict(data) if data is not None else None,
    }

    def decorate(function: Function[Any]) -> Action[Any]:
        item = {key: value for key, value in known.items() if value is not None}
        named = _checked(identifier or _identifier(function))
        return Action({**item, "actionIdentifier": named}, function, fits, forms)

    return decorate


def listen(
    board: Board, *actions: Action[Any], user: str | None = None, host: str | bool = False
) -> list[Any]:
    """Offer actions on a board, and launch them when they are chosen; returns the subscriptions.

    With `user` only to that user; with `host` launched only on this machine (or the one it names), for
    several that offer the same: as the launchers on artists' machines do.
    Raises BadAction when two have one identifier.
    """
    names = [one.identifier for one in actions]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadAction(f"Two actions are called {twice!r}: give one of them an `identifier` of its own.")
    machine = platform.node() if host is True else host or None
    whose = "" if user is None else f" and source.user.username={quote(user)}"
    where = "" if machine is None else f" and data.host={quote(machine)}"
    found: list[Any] = []
    for one in actions:
        here = one if machine is None else replace(one, item={**one.item, "host": machine})
        chosen = f"{_LAUNCH} and data.actionIdentifier={quote(one.identifier)}{where}{whose}"
        found.append(board.subscribe(chosen, here.launch))  # first: what is offered can be launched
        found.append(board.subscribe(f"{_DISCOVER}{whose}", here.discover))
    return found


def _then(
    begin: Callable[[], Any],
    tell: Callable[[Any], dict[str, Any]],
    fail: Callable[[Exception], dict[str, Any]],
) -> Any:
    """Return what `tell` makes of `begin`; something to await where that gives it, so that both kinds fit."""
    try:
        begun = begin()
        return _awaited(begun, tell, fail) if inspect.isawaitable(begun) else tell(begun)
    except Exception as error:
        return fail(error)


async def _awaited(
    begun: Awaitable[Any],
    tell: Callable[[Any], dict[str, Any]],
    fail: Callable[[Exception], dict[str, Any]],
) -> dict[str, Any]:
    try:
        return tell(await begun)
    except Exception as error:
        return fail(error)


def _identifier(function: Callable[..., Any]) -> str:
    """Return the name of a function with its module, so that it stays the same from start to start."""
    name = getattr(function, "__qualname__", type(function).__name__).replace(".<locals>", "")
    module = getattr(function, "__module__", "__main__")
    module = _script() if module == "__main__" else module
    return f"{module}.{name}" if module else name


def _script() -> str:
    """Return what the program is called, nothing in a console: the `render`s of two are two actions."""
    main = sys.modules.get("__main__")
    if (spec := getattr(main, "__spec__", None)) is not None:
        return str(spec.name)
    return Path(getattr(main, "__file__", None) or "").stem


def _checked(identifier: str) -> str:
    try:
        quote(identifier)
    except BadExpression as error:
        raise BadAction(f"An action can't be called {identifier!r}: {error.reason}.") from None
    return identifier
