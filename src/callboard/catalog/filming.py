"""What the timelapse room can be asked for, each a request with one reply, and what it tells itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from callboard.catalog.asking import Answered, Asking, Wish
from callboard.catalog.payload import OWN, Payload, Topic, own

_Name = Annotated[str, Meta(min_length=1, max_length=255), own("The film's name, or that of its pictures.")]


class FilmsRequest(Wish, frozen=True, kw_only=True):
    """A wish to the timelapse room."""


class FilmRequest(FilmsRequest, frozen=True, kw_only=True):
    """A wish about a film, or about pictures of which none was made yet."""

    name: _Name


class FilmsOutcome(Answered, frozen=True, kw_only=True):
    """What films there are."""

    films: Annotated[list[dict[str, Any]], own("The films, newest first, as GET /v1/timelapses shows them.")]
    unrendered: Annotated[
        list[dict[str, Any]], own("Pictures without a film, as GET /v1/timelapses shows them.")
    ]


class FilmRemoved(Payload, frozen=True, kw_only=True):
    """A film, or pictures without one, that is gone for good."""

    name: _Name
    why: Annotated[
        Literal["asked", "age"], own("Whether somebody asked for it, or it was older than such are kept.")
    ]


_asked = Asking(room="timelapse", by="whoever may use printers", since="0.2").asked

TOPICS = (
    _asked(
        "list",
        "The films are asked for, and the pictures without one.",
        FilmsRequest,
        {},
        "1 film.",
        reply=FilmsOutcome,
        more={"films": [{"name": "arm_20261121081500.mp4", "size": 1843200}], "unrendered": []},
    ),
    _asked(
        "render",
        "A film shall be made of pictures that have none.",
        FilmRequest,
        {"name": "arm_20261121081500"},
        "arm_20261121081500.mp4 will be made of 120 pictures.",
    ),
    _asked(
        "delete",
        "A film, or pictures without one, shall be removed.",
        FilmRequest,
        {"name": "arm_20261121081500.mp4"},
        "arm_20261121081500.mp4 is gone.",
    ),
    Topic(
        name="callboard.timelapse.removed",
        description="A film, or pictures without one, was removed; pictures that became a film are not told.",
        source=OWN,
        published_by="the timelapse room",
        payload=FilmRemoved,
        example={"name": "arm_20261121081500.mp4", "why": "age"},
        since="0.2",
    ),
)
"""Topics of the timelapse room."""
