"""What rooms are asked for: `callboard.<room>.<verb>`, each a request with one reply."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Struct, UnsetType

from callboard.catalog.payload import OWN, Payload, Topic, own


class Wish(Payload, frozen=True, kw_only=True):
    """A wish to a room."""

    deadline: Annotated[float, own("Seconds after which it is too late.")] | UnsetType = UNSET


class Answered(Payload, frozen=True, kw_only=True):
    """What came of a wish."""

    success: Annotated[bool, own("Whether it was done.")]
    message: Annotated[str, own("What came of it, in a sentence.")]


class Asking(Struct, frozen=True, kw_only=True):
    """A room that is asked, who asks it, and the version since which it answers."""

    room: str
    by: str
    since: str
    reply: type[Payload] = Answered

    def asked(
        self,
        verb: str,
        description: str,
        payload: type[Payload],
        example: dict[str, Any],
        said: str,
        *,
        reply: type[Payload] | None = None,
        more: dict[str, Any] | None = None,
    ) -> Topic:
        """Return the topic of one verb; `said` is the message of an example reply that holds `more` too."""
        return Topic(
            name=f"callboard.{self.room}.{verb}",
            description=description,
            source=OWN,
            published_by=self.by,
            payload=payload,
            example=example,
            reply=reply or self.reply,
            reply_example={"success": True, "message": said, **(more or {})},
            since=self.since,
        )
