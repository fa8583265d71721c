"""The shapes of what the studio takes and gives over HTTP: they make the schemas of the OpenAPI document."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


def _says(text: str) -> Meta:
    return Meta(description=text)


class UserInfo(Struct):
    """A user, as actions see one in `source.user`."""

    id: Annotated[str, _says("The id of the tracker's User; the username where there is no tracker.")]
    username: str
