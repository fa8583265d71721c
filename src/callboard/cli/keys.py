"""`callboard keys`: over HTTP where a hub runs, on the data folder's callboard.db where none does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter

from callboard.cli.outcome import AsJson, WrongUse
from callboard.cli.output import note, say, say_json, table
from callboard.cli.reach import Reach
from callboard.client.credentials import HOW, NoHub, data_folder, find, left_in
from callboard.errors import CallboardError, Gone, StorageFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from callboard.hub.principal import Keys

app = App(name="keys", help="API keys.", help_format="plaintext")

Data = Annotated[Path | None, Parameter(help="Data folder, where no hub runs.")]


@app.command
def create(
    user: Annotated[str, Parameter(help="Whose key it is: the publisher of what comes with it.")],
    /,
    *,
    publish: Annotated[
        str | None,
        Parameter(
            help="What it may publish, as an expression; without it: all but octoprint.*, callboard.*, "
            "ftrack.update."
        ),
    ] = None,
    receive: Annotated[
        str | None, Parameter(help="What it may receive, as an expression; without it: everything.")
    ] = None,
    may: Annotated[str, Parameter(help="Rights, with commas: hooks,settings,keys,printers,tracker.")] = "",
    data: Data = None,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Make a key and print it, alone. It can't be had again."""
    if not user.strip():
        raise WrongUse("USER must not be empty.")
    rights = [right.strip() for right in may.split(",") if right.strip()]
    wanted = {"user": user, "publish": publish, "receive": receive, "rights": rights}
    made = _do(
        reach,
        data,
        ("POST", "/v1/keys", wanted),
        lambda keys: {"key": keys.create(user, publish, receive, rights)},
    )
    if as_json:
        say_json({**made, "user": user})
    else:
        say(str(made["key"]))


@app.command(name="list")
def list_keys(*, data: Data = None, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """List the keys: what each may do. Their texts are known to their owners alone."""
    keys = _do(reach, data, ("GET", "/v1/keys", None), _listed)["keys"]
    if as_json:
        say_json(keys)
    else:
        table(("id", "user", "publish", "receive", "may", "created"), [_row(key) for key in keys])


@app.command
def revoke(
    number: Annotated[int, Parameter(name="id", help="The key's id, as `keys list` shows it.")],
    /,
    *,
    data: Data = None,
    reach: Reach | None = None,
) -> None:
    """Revoke a key: it opens nothing any more."""

    def forget(keys: Keys) -> None:
        if not keys.revoke(number):
            raise CallboardError(f"There is no key {number}: `callboard keys list` shows those there are.")

    _do(reach, data, ("DELETE", f"/v1/keys/{quote(str(number))}", None), forget)
    note(f"Key {number} is revoked.")


def _do(
    reach: Reach | None, data: Path | None, asked: tuple[str, str, Any], offline: Callable[[Keys], Any]
) -> Any:
    """Ask the hub; where none runs on the data folder, do it there."""
    reach = reach or Reach()
    try:
        credentials = find(reach.url, reach.user, reach.key, data=data)
    except NoHub:
        return _offline(data, offline)
    from callboard.client.http import Http, nobody_there

    async def ask() -> Any:
        async with Http(credentials) as http:
            return await http.ask(*asked)

    try:
        return asyncio.run(ask())
    except Gone as error:
        folder = data_folder(data)
        if nobody_there(error) and left_in(folder, credentials) and not _held(folder):
            return _offline(data, offline)  # the hub died without taking its server.json along
        raise


def _held(folder: Path) -> bool:
    """Tell whether a hub has the folder's log open, though it does not answer (yet)."""
    from callboard.logs.lock import Lock

    log = folder / "events.db"
    if not log.exists():
        return False
    try:
        Lock(log).release()
    except StorageFailed:
        return True
    return False


def _offline(data: Path | None, work: Callable[[Keys], Any]) -> Any:
    from callboard.hub.principal import Keys
    from callboard.store import open_store

    path = data_folder(data) / "callboard.db"
    if not path.exists():
        raise NoHub(
            f"No hub runs, and none has ever run on {path.parent}: start one with `callboard serve`, "
            f"or pass {HOW}."
        )
    with open_store(path) as store:
        return work(Keys(store))


def _listed(keys: Keys) -> dict[str, Any]:
    return {
        "keys": [
            {
                "id": key.id,
                "user": key.user,
                "publish": key.publish,
                "receive": key.receive,
                "rights": list(key.rights),
                "created": datetime.fromtimestamp(key.created, UTC).isoformat(),
            }
            for key in keys.list()
        ]
    }


def _row(key: dict[str, Any]) -> tuple[str, ...]:
    publish = "(the default)" if key["publish"] is None else key["publish"] or "everything"
    created = datetime.fromisoformat(key["created"]).astimezone()
    may = ",".join(key["rights"])
    return (
        str(key["id"]),
        key["user"],
        publish,
        key["receive"] or "everything",
        may,
        f"{created:%Y-%m-%d %H:%M}",
    )
