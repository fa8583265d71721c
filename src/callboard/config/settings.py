"""The settings of our own sections: each with what it does, its default, and how it is read.

docs/configuration.md has all of them; a test compares the two.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from callboard.config.discretion import without_secrets
from callboard.config.document import Faults, Item
from callboard.config.quantity import Bytes, Seconds, duration, size

S = TypeVar("S", bound=Struct)


def says(line: str) -> Meta:
    """Say in one line what a setting does."""
    return Meta(description=line)


class Hub(Struct, frozen=True, kw_only=True):
    """`hub:`: where the hub answers, and what it lets in."""

    host: Annotated[str, says("Address to listen on; 0.0.0.0 or :: for all of the machine's.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535), says("Port to listen on; 0 takes a free one.")] = 8030
    data: Annotated[str | None, says("Data folder; null: CALLBOARD_DATA, else the user's own.")] = None
    max_event: Annotated[Bytes, says("The largest event that is taken, as JSON.")] = Bytes(8 * 1024 * 1024)
    origins: Annotated[
        tuple[str, ...], says("Web pages that may connect, as `https://host:port`; none named: all.")
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...], says("Addresses or networks of proxies whose X-Forwarded-For is believed.")
    ] = ()


class Log(Struct, frozen=True, kw_only=True):
    """`log:`: where events are kept, how safely, and for how long."""

    url: Annotated[
        str | None,
        says("A path, sqlite:///PATH, nats://HOST:PORT or memory:; null: events.db with the data."),
    ] = None
    sync: Annotated[
        Literal["normal", "full"],
        says("What a stored event survives: normal, a crash of the program; full, a power cut too."),
    ] = "normal"
    keep: Annotated[Seconds | None, says("How long events are kept; null: for ever.")] = Seconds(30 * 86400)
    keep_cursors: Annotated[
        Seconds | None, says("How long a durable subscriber may stay away and miss nothing; null: for ever.")
    ] = Seconds(30 * 86400)
    max_bytes: Annotated[
        Bytes | None, says("How large the log may grow before the oldest events go; null: no limit.")
    ] = None


class Files(Struct, frozen=True, kw_only=True):
    """`files:`: where what can be printed lies, and how it comes in."""

    folder: Annotated[str | None, says("Folder of all files; null: `files` in the data folder.")] = None
    watched: Annotated[
        str | None, says("Folder whose files are taken in, and are gone from there; null: none.")
    ] = None
    max_upload: Annotated[Bytes, says("The largest file that is taken.")] = Bytes(2_000_000_000)
    analyse: Annotated[
        Literal["idle", "always", "never"],
        says("When new G-code is analysed: idle, while nothing prints; always; never."),
    ] = "idle"


class Tracker(Struct, frozen=True, kw_only=True):
    """`tracker:`: the production tracker; without this section there is none."""

    enabled: Annotated[bool, says("Whether the tracker is there.")] = True
    database: Annotated[
        str | None,
        says(
            "`postgresql://USER:PASSWORD@HOST/NAME` or `sqlite:///FILE`, relative to the data; "
            "null: tracker.db there."
        ),
    ] = None


class Location(Struct, frozen=True, kw_only=True):
    """A file location: its name in the tracker, its folder, what it is called on other platforms."""

    name: str
    folder: str
    paths: Mapping[str, str] = {}


class Studio(Struct, frozen=True, kw_only=True):
    """`studio:`: how long listeners are waited for when somebody asks them all, and where files lie."""

    discover: Annotated[Seconds, says("How long a menu waits for the actions of all listeners.")] = Seconds(5)
    launch: Annotated[Seconds, says("How long a launched action is waited for.")] = Seconds(60)
    enumerator: Annotated[Seconds, says("How long a menu in a form waits for its entries.")] = Seconds(5)
    validate: Annotated[Seconds, says("How long a new project waits for those who have rules for it.")] = (
        Seconds(5)
    )
    resolve: Annotated[Seconds, says("How long the path of a component is waited for.")] = Seconds(10)
    server_url: Annotated[
        str | None, says("The address of this server that listeners are told; null: where it listens.")
    ] = None
    locations: Annotated[
        tuple[Location, ...],
        says("File locations: each with name, folder, and maybe paths, its path on other platforms."),
    ] = ()


def read(section: type[S], name: str, item: Item, faults: Faults) -> S:
    """Return the settings of a section; what is wrong is noted in `faults` and has its default."""
    found: dict[str, Any] = {}
    if item.value is None:
        return section()
    if not isinstance(item.value, dict):
        faults.add(item.line, f"`{name}` must hold settings: {', '.join(section.__struct_fields__)}.")
        return section()
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(section)}
    for key, value in item.value.items():
        if key not in fields:
            faults.add(value.line, unknown(key, fields))
            continue
        kind = fields[key]
        if (inner := _section(kind)) is not None:
            found[key] = read(inner, f"{name}.{key}", value, faults)
            continue
        try:
            found[key] = msgspec.convert(value.plain(), kind, dec_hook=_quantity)
        except msgspec.ValidationError as error:
            faults.add(value.line, f"{name}.{key}: {_said(error, kind)}.")
    return section(**found)


def _section(kind: Any) -> type[Struct] | None:
    """Return the section that a setting is, if it is one."""
    kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return kind if isinstance(kind, type) and issubclass(kind, Struct) else None


def unknown(key: str, known: Iterable[str]) -> str:
    """Return the sentence for a key that does not exist, with the nearest one that does."""
    near = nearest(key, known)
    hint = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}."
    return f"unknown key {without_secrets(key)[:80]!r}: {hint}"


def nearest(key: str, known: Iterable[str]) -> str | None:
    """Return the known name that `key` was probably meant to be; two letters of three may change places."""
    near = difflib.get_close_matches(key[:80].lower(), list(known), 1, 0.66)
    return near[0] if near else None


def _quantity(type_: type, value: Any) -> Any:
    """Read what msgspec does not know."""
    return duration(value) if type_ is Seconds else size(value)


def _said(error: Exception, kind: Any) -> str:
    """Return msgspec's complaint in the words of the file."""
    said, _, place = str(error).partition(" - at `$[")
    said = without_secrets(said[:1].lower() + said[1:])
    if said.startswith("invalid enum value "):
        said = f"{said.removeprefix('invalid enum value ')} is none of {', '.join(map(str, _choices(kind)))}"
    for ours, theirs in _WORDS.items():
        said = said.replace(theirs, ours)
    return f"{said} (item {int(place.split(']')[0]) + 1})" if place else said


def _choices(kind: Any) -> tuple[Any, ...]:
    """Return the values that a setting may have, where they are named."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    return tuple(choice for each in get_args(kind) for choice in _choices(each))


_WORDS = {
    "text": "`str`",
    "a whole number": "`int`",
    "a number": "`float`",
    "yes or no": "`bool`",
    "a list": "`array`",
    "settings": "`object`",
    "nothing": "`null`",
}
