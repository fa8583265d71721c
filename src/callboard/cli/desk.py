"""A user's desk: what listeners want shown to that user is shown in this terminal, one thing at a time.

    ftrack.action.trigger-user-interface --.
    replies to launches -------------------+--> queue --> Desk.work --> message, form, page
                                           '------- the next launch <---- values of a form

The connection lives in a thread of its own, so nothing is missed while somebody fills in a form. It is
the `ftrack.client.web` of that user, as pages are. Source: facts 4.4; seed,
"ftrack.action.trigger-user-interface".
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from callboard.cli.filling import Filling, Given
from callboard.cli.outcome import DONE, FAILED
from callboard.cli.output import complain, note, printable, say, say_json
from callboard.cli.prompts import Cancelled
from callboard.cli.reach import Reach, talk
from callboard.cli.showing import indented, json_of, text_of
from callboard.client.blocking import BlockingClient
from callboard.client.connecting import connect
from callboard.client.http import Http
from callboard.errors import CallboardError
from callboard.event import Event, encode_json
from callboard.studio.interfaces import Form, Item, Message, Selection, Shown, read_reply, read_trigger

TRIGGER: Final = "ftrack.action.trigger-user-interface"
WEB: Final = "ftrack.client.web"
_MOST_WAITING: Final = 500
_MOST_BYTES: Final = 16 << 20
"""Bytes of JSON that others triggered and nobody has looked at yet."""
_REMARKS: Final = {
    (True, True): "\n(for looking only)",
    (True, False): "\n(for looking only)",
    (False, True): "\n(to be filled in in a terminal)",
    (False, False): "",
}
"""What is said of what is read-only or not, a form or not."""


class Arrival(Struct, frozen=True):
    """Something to show, and the user whose key it came with: what it says of itself proves nothing.

    `filling` is that of the launch which it answers; None when somebody triggered it, with `size` bytes.
    """

    shown: Shown
    publisher: str
    filling: Filling | None = None
    size: int = 0


class Answered(Struct, frozen=True):
    """A launch is over: how many have answered, and what was wrong with answers that were not kept."""

    replies: int
    faults: Sequence[str] = ()


class Broken(Struct, frozen=True):
    """A launch came to an end that it should not, or, without a filling, the connection."""

    error: CallboardError
    filling: Filling | None = None


class Desk:
    """Shows what arrives; `work` returns when all launches are over, `wait` goes on.

    `asks` says that somebody is there who fills in forms. What others trigger is never filled in by
    itself: it would be a launch in this user's name that nobody has seen.
    """

    def __init__(self, reach: Reach, *, asks: bool, as_json: bool, deadline: float | None = None) -> None:
        self._reach, self._asks, self._as_json, self._deadline = reach, asks, as_json, deadline
        self._arrived: queue.Queue[Arrival | Answered | Broken] = queue.Queue(_MOST_WAITING)
        self._room, self._lock = _MOST_BYTES, threading.Lock()
        self._running = 0
        self._own: Filling | None = None
        self.code = DONE

    @contextlib.contextmanager
    def open(self, user: Mapping[str, str]) -> Iterator[BlockingClient]:
        """Be this user's web client while it lasts. Raises what `connect` raises."""
        known = self._reach.credentials
        with connect(known.url, known.user, known.key) as board:
            page = {"applicationId": WEB, "user": dict(user)}
            board.subscribe(f"topic={TRIGGER}", self._trigger, subscriber=page)
            yield board

    def work(self, item: Item, selection: Selection, filling: Filling) -> int:
        """Launch an action and show what comes of it until it is over; returns the exit code.

        Raises what goes wrong, or Cancelled.
        """
        self._own = filling
        self._launch(item, selection, None, filling)
        while self._running:
            self._take(self._arrived.get())
            if not self._running:
                self._take_the_rest()
        return self.code

    def wait(self, board: BlockingClient, count: int | None) -> int:
        """Show what is triggered, until `count` things were shown, or for ever; returns the exit code."""
        threading.Thread(target=self._watch, args=(board,), daemon=True).start()
        while self._running or count is None or count > 0:
            arrived = self._arrived.get()
            self._take(arrived)
            if count is not None and isinstance(arrived, Arrival) and arrived.filling is None:
                count -= 1
        return self.code

    # In other threads

    def _trigger(self, event: Event) -> dict[str, Any] | None:
        """Take what somebody wants shown; what is wrong with it is the reply, and so on the log."""
        shown = read_trigger(event.data)
        publisher = event.entry.publisher if event.entry is not None else ""
        if not self._keep(Arrival(shown, publisher, size=len(encode_json(event.data)))):
            return {"success": False, "message": "There is more to show already than anybody looks at."}
        return {"success": False, "message": " ".join(shown.faults)} if shown.faults else None

    def _keep(self, arrived: Arrival) -> bool:
        """Have something wait for the person; return False when too much waits."""
        with self._lock:
            if arrived.size > self._room or self._arrived.full():
                return False
            self._room -= arrived.size
        self._arrived.put(arrived)
        return True

    def _talk(self, body: Mapping[str, Any], filling: Filling) -> None:
        try:
            self._arrived.put(talk(self._reach, lambda http: self._replies(http, body, filling)))
        except CallboardError as error:
            self._arrived.put(Broken(error, filling))
        except Exception as error:  # else nobody would ever hear of it
            self._arrived.put(Broken(CallboardError(f"The launch went wrong: {error}."), filling))

    async def _replies(self, http: Http, body: Mapping[str, Any], filling: Filling) -> Answered:
        count = 0
        faults: tuple[str, ...] = ()
        async with contextlib.aclosing(http.stream("POST", "/v1/actions/launch", body)) as messages:
            async for message in messages:
                data = msgspec.json.decode(message.data)
                if message.event == "reply":
                    count += 1
                    shown = read_reply(data["data"], body["item"], body["selection"])
                    self._arrived.put(Arrival(shown, str(data["publisher"]), filling))
                elif message.event == "end":
                    faults = tuple(str(fault["reason"]) for fault in data.get("faults", ()))
        return Answered(count, faults)

    def _watch(self, board: BlockingClient) -> None:
        """See to it that `wait` ends when the hub lets us in no more."""
        try:
            board.wait()
        except CallboardError as error:
            self._arrived.put(Broken(error))

    # In the person's own thread

    def _launch(
        self, item: Item, selection: Selection, values: Mapping[str, Any] | None, filling: Filling
    ) -> None:
        """Launch an action; what is answered arrives here."""
        body: dict[str, Any] = {"item": dict(item), "selection": [dict(one) for one in selection]}
        body |= {} if values is None else {"values": dict(values)}
        body |= {} if self._deadline is None else {"timeout": self._deadline}
        self._running += 1
        threading.Thread(target=self._talk, args=(body, filling), daemon=True).start()

    def _take_the_rest(self) -> None:
        """Show what waits by now: who goes on sending must not keep us."""
        for _ in range(self._arrived.qsize()):
            self._take(self._arrived.get())

    def _take(self, arrived: Arrival | Answered | Broken) -> None:
        if isinstance(arrived, Arrival):
            with self._lock:
                self._room += arrived.size
            self._show(arrived)
            return
        if isinstance(arrived, Broken) and (arrived.filling is None or arrived.filling is self._own):
            raise arrived.error
        self._running -= 1
        if isinstance(arrived, Broken):
            complain(str(arrived.error))
            return
        for fault in arrived.faults:
            note(f"An answer was not kept: {fault}")
        if not arrived.replies:
            complain("Nobody answered in time: look whether the listener runs, or raise --timeout.")
            self.code = FAILED

    def _show(self, arrived: Arrival) -> None:
        shown, interface = arrived.shown, arrived.shown.interface
        if self._as_json:
            say_json(json_of(shown, arrived.publisher))
        for fault in shown.faults:
            note(f"{arrived.publisher} sent something that is not right: {fault}")
        fillable = isinstance(interface, Form) and not interface.read_only
        if isinstance(interface, Form) and fillable and (self._asks or arrived.filling is not None):
            self._go_on(arrived, interface)
        elif not self._as_json:
            self._tell(arrived)
        stuck = isinstance(interface, Form) and not fillable and bool(shown.faults)
        bad = isinstance(interface, Message) and not interface.success
        if (bad or stuck) and arrived.filling is not None:
            self.code = FAILED

    def _go_on(self, arrived: Arrival, form: Form) -> None:
        """Have a form filled in, and launch its action with that."""
        assert form.item is not None
        assert form.selection is not None
        filling = arrived.filling or Filling(Given(), self._asks, yes=False)
        if arrived.filling is None:
            named = printable(str(form.item.get("actionIdentifier"))[:200])
            note(f"{arrived.publisher} asks, to launch {named}:")
        try:
            values = filling.fill(form)
        except Cancelled:
            if filling is self._own:
                raise
            note("Nothing was launched.")
            return
        self._launch(form.item, form.selection, values, filling)

    def _tell(self, arrived: Arrival) -> None:
        """Print what is shown: bad news of our own launch are an error."""
        text, interface = text_of(arrived.shown), arrived.shown.interface
        bad = isinstance(interface, Message) and not interface.success
        if not isinstance(interface, Message):
            text += _REMARKS[interface.read_only, isinstance(interface, Form)]
        if arrived.filling is None:
            say(f"{printable(arrived.publisher)}{' (bad news)' if bad else ''}: {indented(text)}")
        elif bad:
            complain(indented(text))
        else:
            say(text)


async def who_asks(http: Http) -> dict[str, str]:
    """Return the user of this key as actions see it: {id, username}."""
    answer = await http.ask("GET", "/v1/user", shape=dict[str, Any])
    return {"id": str(answer["id"]), "username": str(answer["username"])}
