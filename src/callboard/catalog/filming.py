"""What the timelapse room can be asked for: `callboard.timelapse.<verb>`, each a request with one reply."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from callboard.catalog.payload import OWN, Payload, Topic, own
from callboard.catalog.printers import Answered

_Name = Annotated[str, Meta(min_length=1, max_length=255), own("The film's name, or that of its pictures.")]


class FilmsRequest(Payload, frozen=True, kw_only=True):
    """A wish to the timelapse room."""

    deadline: Annotated[float, own("Seconds after which it is too late.")] | UnsetType = UNSET


class FilmRequest(FilmsRequest, frozen=True, kw_only=True):
    """A wish about a film, or about pictures of which none was made yet."""

    name: _Name


class FilmsOutcome(Answered, frozen=True, kw_only=True):
    """What films there are."""

    films: Annotated[list[dict[str, Any]], own("The films, newest first, as GET /v1/timelapses shows them.")]
    unrendered: Annotated[
        list[dict[str, Any]], own("Pictures without a film, as GET /v1/timelapses shows them.")
    ]


def _asked(verb: str, description: str, example: dict[str, Any], said: str) -> Topic:
    return Topic(
        name=f"callboard.timelapse.{verb}",
        description=description,
        source=OWN,
        published_by="whoever may use printers",
        payload=FilmRequest,
        example=example,
        reply=Answered,
        reply_example={"success": True, "message": said},
        since="0.2",
    )


TOPICS = (
    Topic(
        name="callboard.timelapse.list",
        description="The films are asked for, and the pictures without one.",
        source=OWN,
        published_by="whoever may use printers",
        payload=FilmsRequest,
        example={},
        reply=FilmsOutcome,
        reply_example={
            "success": True,
            "message": "1 film.",
            "films": [{"name": "arm_20261121081500.mp4", "size": 1843200}],
            "unrendered": [],
        },
        since="0.2",
    ),
    _asked(
        "render",
        "A film shall be made of pictures that have none.",
        {"name": "arm_20261121081500"},
        "arm_20261121081500.mp4 will be made of 120 pictures.",
    ),
    _asked(
        "delete",
        "A film, or pictures without one, shall be removed.",
        {"name": "arm_20261121081500.mp4"},
        "arm_20261121081500.mp4 is gone.",
    ),
)
"""Topics of the timelapse room."""
