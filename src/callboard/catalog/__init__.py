"""The catalog: what each known topic carries. It documents, it never rejects.

    CATALOG["octoprint.PrintDone"]        the Topic: payload type, example, where it is described
    topic(name), nearest(name)            lookups, the second for names with a slip of the pen
    keys(topic), json_schema(topic)       what `data` holds
    asyncapi(url, version), page()        the whole as an AsyncAPI document, and as docs/events.md

Importing this costs little: the topics are made when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callboard.catalog.payload import Topic

    CATALOG: Mapping[str, Topic]

__all__ = ["CATALOG", "Topic", "asyncapi", "json_schema", "keys", "nearest", "page", "topic"]

_PRINT = "octoprint."


def __getattr__(name: str) -> Any:
    if name == "CATALOG":
        return _catalog()
    if name == "Topic":
        from callboard.catalog.payload import Topic

        return Topic
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _catalog() -> Mapping[str, Topic]:
    from callboard.catalog import (
        actions,
        callboard,
        files,
        filing,
        filming,
        printers,
        printing,
        printing_today,
        slicing,
        studio,
        studio_today,
        versions,
        working,
    )

    vocabularies = (studio, actions, studio_today, printing, files, printing_today)
    rooms = (*vocabularies, callboard, printers, filing, filming, slicing, working, versions)
    return MappingProxyType({topic.name: topic for room in rooms for topic in room.TOPICS})


def topic(name: str) -> Topic | None:
    """Return what is known of a topic; a name without a dot is a print event."""
    return _catalog().get(name if "." in name else _PRINT + name)


def nearest(name: str) -> str | None:
    """Return the known topic that `name` was probably meant to be, None when nothing is near.

    A name without a dot is taken for a print event, and the answer has the same form.
    """
    if "." in name:
        return _near(name, tuple(_catalog()))
    events = tuple(known.removeprefix(_PRINT) for known in _catalog() if known.startswith(_PRINT))
    return _near(name, events)


def _near(name: str, known: tuple[str, ...]) -> str | None:
    import difflib

    folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name[:200].casefold(), folded, 1, 0.7)
    return folded[near[0]] if near else None


def keys(asked: str | Topic) -> frozenset[str]:
    """Return the top-level keys of a topic's payload; empty for an unknown topic."""
    known = _known(asked)
    return frozenset(known.payload.__struct_encode_fields__) if known else frozenset()


def json_schema(asked: str | Topic) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a topic's `data`; of an unknown topic's: anything."""
    from callboard.catalog.schema import payload_schema

    return payload_schema(_known(asked))


def asyncapi(server_url: str, version: str) -> dict[str, Any]:
    """Return an AsyncAPI 3.0 document of all known topics, for the hub at `server_url`."""
    from callboard.catalog.channels import document

    return document(_catalog(), server_url, version)


def page() -> str:
    """Return the text of docs/events.md."""
    from callboard.catalog.handbook import events_page

    return events_page(_catalog())


def _known(asked: str | Topic) -> Topic | None:
    return topic(asked) if isinstance(asked, str) else asked
