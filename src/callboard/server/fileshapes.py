"""The shapes of files over HTTP, beside those that replies on the bus have too (files/stored.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from callboard.files.stored import FileInfo

CARDS = "printers/"
"""What the state keys of printers begin with; `printers/<name>/sd` is what lies on a printer's card."""


def _says(text: str) -> Meta:
    return Meta(description=text)


class Uploaded(Struct, rename="camel"):
    """A file that came in, and whether a printer took it up."""

    file: FileInfo
    select: Annotated[bool, _says("Whether it was to be selected.")]
    print: Annotated[bool, _says("Whether it was to be printed.")]
    effective_select: Annotated[bool, _says("Whether it was selected.")]
    effective_print: Annotated[bool, _says("Whether its print began.")]


class FileCommand(Struct, forbid_unknown_fields=True):
    """What shall be done with a file or folder."""

    command: Literal["move", "copy", "analyse", "folder"]
    destination: Annotated[
        str | UnsetType, _says("With move and copy: the new path; a folder that is there means inside it.")
    ] = UNSET


class UploadForm(Struct):
    """What a form may hold, as OctoPrint's clients send it: a file, or the name of a folder to make."""

    file: bytes | UnsetType = UNSET
    path: Annotated[str | UnsetType, _says("The folder it goes into.")] = UNSET
    select: Annotated[str | UnsetType, _says("true, or the name of a printer.")] = UNSET
    print: Annotated[str | UnsetType, _says("true, or the name of a printer.")] = UNSET
    printer: Annotated[str | UnsetType, _says("Which printer `true` means; needed if there are several.")] = (
        UNSET
    )
    noOverwrite: Annotated[str | UnsetType, _says("true: refuse a name that is taken.")] = UNSET  # noqa: N815
    userdata: Annotated[str | UnsetType, _says("JSON that the event Upload carries along.")] = UNSET
    foldername: Annotated[str | UnsetType, _says("Instead of a file: a folder to make.")] = UNSET


def cards(state: Mapping[str, Any]) -> Iterator[FileInfo]:
    """Yield what lies on the cards of printers, by their state keys; what makes no sense is left out."""
    for key, value in sorted(state.items()):
        printer, _, what = key.removeprefix(CARDS).rpartition("/")
        listed = value.get("files") if what == "sd" and isinstance(value, dict) else None
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, dict) and isinstance(one.get("name"), str):
                yield _on_card(printer, one)


def _on_card(printer: str, one: Mapping[str, Any]) -> FileInfo:
    path = one["name"].strip("/")
    size, long = one.get("size"), one.get("long")
    return FileInfo(
        origin="sdcard",
        path=path,
        name=path.rpartition("/")[2],
        type="machinecode",
        type_path=["machinecode", "gcode"],
        display=long if isinstance(long, str) and long else path,
        size=size if isinstance(size, int) else None,
        printer=printer,
    )


def printers_in(state: Mapping[str, Any]) -> list[str]:
    """Return the names of the printers there are, by their state keys."""
    return sorted({key.removeprefix(CARDS).partition("/")[0] for key in state})
