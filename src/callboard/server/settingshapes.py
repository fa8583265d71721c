"""What goes in and out at /v1/settings."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


def _says(line: str) -> Meta:
    return Meta(description=line)


class SettingsFile(Struct, frozen=True):
    """The configuration's file."""

    file: Annotated[str, _says("Where it is.")]
    version: Annotated[str, _says("Names this text; send it as If-Match to change just this one.")]
    text: Annotated[str, _says("The file, as YAML.")]


class SettingsChanged(Struct, frozen=True):
    """What a change did."""

    version: Annotated[str, _says("Names the text that stands now.")]
    changed: Annotated[list[str], _says("The settings that changed, such as `log.keep`.")]
    restart: Annotated[list[str], _says("All that wait for a restart, of earlier changes too.")]
    left_alone: Annotated[list[str], _says("Sections of the file that nobody reads here.")]
