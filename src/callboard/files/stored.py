"""What the store tells of a file or a folder, and the same in the shape that HTTP and replies have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from callboard.files.metadata import Print, Statistics, statistics
from callboard.files.names import Kind


class StoredFile(Struct, frozen=True, kw_only=True):
    """A file in the store. `size` in bytes, `modified` and `added` in seconds since 1970.

    `sha256` is empty while nobody has read the file; `busy` while it prints.
    """

    path: str
    name: str
    display: str
    size: int
    modified: float
    kind: Kind
    sha256: str = ""
    user: str = ""
    added: float = 0.0
    analysis: Mapping[str, Any] | None = None
    history: tuple[Print, ...] = ()
    data: Mapping[str, Any] = {}
    busy: bool = False

    @property
    def type(self) -> str:
        """The coarse kind: machinecode or model."""
        return self.kind.value

    @property
    def statistics(self) -> Statistics:
        """How long its prints took, by printer."""
        return statistics(self.history)


class StoredFolder(Struct, frozen=True, kw_only=True):
    """A folder in the store."""

    path: str
    name: str
    modified: float


Stored = StoredFile | StoredFolder


def _says(text: str) -> Meta:
    return Meta(description=text)


Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class PrintInfo(Struct, rename="camel", omit_defaults=True):
    """One print of a file."""

    date: Annotated[Time, _says("When it ended.")]
    success: bool
    print_time: Annotated[float | None, _says("How long it took, in seconds.")] = None
    printer: str = ""


class PrintsInfo(Struct, omit_defaults=True):
    """How often a file was printed."""

    success: int
    failure: int
    last: PrintInfo | None = None


PICTURES: Final = "/v1/pictures"
"""Where pictures of files answer over HTTP."""


class Refs(Struct, omit_defaults=True):
    """Where a file answers over HTTP."""

    resource: str
    download: str | UnsetType = UNSET
    picture: Annotated[str | UnsetType, _says("A picture of the model, or of what the G-code lays.")] = UNSET


class FileInfo(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A file, or a folder with what lies in it."""

    origin: Annotated[str, _says("Where it lies: local, or sdcard for a printer's card.")]
    path: Annotated[str, _says("Its path inside that storage.")]
    name: Annotated[str, _says("The last part of its path.")]
    type: Annotated[str, _says("machinecode, model or folder.")]
    display: Annotated[str | UnsetType, _says("What it was called before its name was made safe.")] = UNSET
    type_path: Annotated[list[str] | UnsetType, _says("The type from coarse to fine.")] = UNSET
    size: Annotated[int | UnsetType | None, _says("Bytes.")] = UNSET
    date: Annotated[Time | UnsetType, _says("When it was changed last.")] = UNSET
    sha256: Annotated[
        str | UnsetType, _says("Of its bytes, in hexadecimal; missing while not yet known.")
    ] = UNSET
    user: Annotated[str | UnsetType, _says("Who brought it.")] = UNSET
    busy: Annotated[bool | UnsetType, _says("True while it prints: it can't be changed or removed.")] = UNSET
    printer: Annotated[str | UnsetType, _says("On sdcard: whose card it is.")] = UNSET
    analysis: Annotated[
        dict[str, Any] | UnsetType | None, _says("What its G-code says: estimatedPrintTime, filament, ...")
    ] = UNSET
    prints: PrintsInfo | UnsetType = UNSET
    statistics: Statistics | UnsetType = UNSET
    history: Annotated[
        list[PrintInfo] | UnsetType, _says("Its prints, oldest first; with one file only.")
    ] = UNSET
    data: Annotated[dict[str, Any] | UnsetType, _says("What others have noted of it.")] = UNSET
    refs: Refs | UnsetType = UNSET
    children: Annotated[list[FileInfo] | UnsetType, _says("With a folder: what lies in it.")] = UNSET


class FileList(Struct, omit_defaults=True):
    """Files and folders, and the room that is left."""

    files: list[FileInfo]
    free: Annotated[int | UnsetType, _says("Bytes that are free on the disk of the files.")] = UNSET
    total: Annotated[int | UnsetType, _says("Bytes that this disk has.")] = UNSET


def iso(seconds: float) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC; a time beyond the calendar is its edge."""
    moment = datetime.fromtimestamp(min(max(seconds, 0.0), 253402300799.0), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def info(stored: Stored, address: str = "", *, whole: bool = False) -> FileInfo:
    """Return the shape of a file or folder; `address` is where files answer, `whole` shows all its prints."""
    refs = Refs(f"{address}/local/{_quoted(stored.path)}") if address else UNSET
    if isinstance(stored, StoredFolder):
        return FileInfo(
            origin="local",
            path=stored.path,
            name=stored.name,
            type="folder",
            date=iso(stored.modified),
            refs=refs,
        )
    if refs:
        picture = f"{PICTURES}/local/{_quoted(stored.path)}"
        refs = Refs(refs.resource, f"{refs.resource}?download=true", picture)
    return _file_info(stored, refs, whole=whole)


def _file_info(stored: StoredFile, refs: Refs | UnsetType, *, whole: bool) -> FileInfo:
    prints = [_print_info(one) for one in stored.history]
    return FileInfo(
        origin="local",
        path=stored.path,
        name=stored.name,
        type=stored.type,
        display=stored.display,
        type_path=stored.kind.types,
        size=stored.size,
        date=iso(stored.modified),
        sha256=stored.sha256 or UNSET,
        user=stored.user or UNSET,
        busy=stored.busy,
        analysis=_analysis(stored.analysis, whole=whole) if stored.analysis is not None else UNSET,
        prints=_prints(prints) if prints else UNSET,
        statistics=stored.statistics if prints else UNSET,
        history=prints if whole else UNSET,
        data=dict(stored.data) if stored.data else UNSET,
        refs=refs,
    )


def _analysis(found: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """Return an analysis; a list of files would be long with the series in it, such as its timeline."""
    return {key: value for key, value in found.items() if whole or not isinstance(value, list)}


def _prints(prints: list[PrintInfo]) -> PrintsInfo:
    good = sum(one.success for one in prints)
    return PrintsInfo(good, len(prints) - good, prints[-1])


def _print_info(one: Print) -> PrintInfo:
    return PrintInfo(iso(one.timestamp), one.success, one.print_time, one.printer)


def tree(flat: Iterable[FileInfo], top: str = "") -> list[FileInfo]:
    """Return files and folders as a tree: what lies in a folder is among its children."""
    roots: list[FileInfo] = []
    folders: dict[str, FileInfo] = {}
    for one in flat:
        parent = folders.get(one.path.rpartition("/")[0]) if one.path != top else None
        siblings = parent.children if parent is not None else roots
        assert isinstance(siblings, list)
        siblings.append(one)
        if one.type == "folder":
            one.children = []
            folders[one.path] = one
    return roots


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(path)
