"""What the timelapse room can be asked for: `callboard.timelapse.<verb>`, each a request with one reply."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from callboard.catalog.asking import Answered, Asking, Wish
from callboard.catalog.payload import own

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
)
"""Topics of the timelapse room."""
