"""File locations: which paths they give on which platform, and that nothing leads out of them."""

from __future__ import annotations

import errno
import hashlib
import io
import ntpath
import os
import posixpath
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.files.refusals import BadName, Refused, Taken
from callboard.studio.locations import (
    BadPath,
    FileLocation,
    NotThere,
    Platform,
    UnknownPlatform,
    elements,
    platform_of,
)

LONDON = FileLocation(
    "london", Path("/mnt/london"), {Platform.WINDOWS: "L:\\", Platform.DARWIN: "/Volumes/london/"}
)
INSIDE = "opera/sh010/hero/v003/main.stl"


@pytest.fixture
def place(tmp_path: Path) -> FileLocation:
    folder = tmp_path / "disk"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    return FileLocation("disk", folder)


@pytest.mark.parametrize(
    ("platform", "path"),
    [
        (Platform.LINUX, "/mnt/london/opera/sh010/hero/v003/main.stl"),
        (Platform.DARWIN, "/Volumes/london/opera/sh010/hero/v003/main.stl"),
        (Platform.WINDOWS, "L:\\opera\\sh010\\hero\\v003\\main.stl"),
    ],
)
def test_each_platform_has_its_own_path(platform: Platform, path: str) -> None:
    assert LONDON.path(INSIDE, platform) == path


@pytest.mark.parametrize(
    ("prefix", "path"),
    [
        ("L:", "L:\\a\\b"),
        ("\\\\server\\share\\", "\\\\server\\share\\a\\b"),
        ("//server/share", "\\\\server\\share\\a\\b"),
    ],
)
def test_windows_paths_are_written_as_windows_writes_them(prefix: str, path: str) -> None:
    assert FileLocation("l", Path("/l"), {Platform.WINDOWS: prefix}).path("a/b", Platform.WINDOWS) == path


def test_a_client_on_windows_may_have_written_the_identifier() -> None:
    assert LONDON.path("opera\\sh010\\a.exr", Platform.LINUX) == "/mnt/london/opera/sh010/a.exr"


@pytest.mark.parametrize("name", ["linux", "Linux", " LINUX "])
def test_platforms_are_known_by_whatever_clients_call_them(name: str) -> None:
    assert platform_of(name) is Platform.LINUX
    assert (platform_of("macOS"), platform_of("win32")) == (Platform.DARWIN, Platform.WINDOWS)


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/mnt/london/a/b.stl", "a/b.stl"),
        ("/Volumes/london/a/b.stl", "a/b.stl"),
        ("L:\\a\\b.stl", "a/b.stl"),
        ("l:/A/b.stl", "A/b.stl"),
        *dict.fromkeys(("/mnt/london", "/mnt/london/", "/mnt/london2/a", "M:\\a", "a/b", ""), None).items(),
        *dict.fromkeys(("/mnt/london/../a", "L:\\..\\a", "L:\\C:\\a", "/mnt/london//etc"), None).items(),
        ("/MNT/london/a", None),
    ],
)
def test_an_absolute_path_is_known_on_whichever_platform_it_was_written(
    path: str, inside: str | None
) -> None:
    assert LONDON.inside(path) == inside


def test_a_platform_without_a_path_is_named_with_the_way_out() -> None:
    bare = FileLocation("bare", Path("/mnt/bare"))
    with pytest.raises(UnknownPlatform, match=r"no path on Windows: add it under `paths`"):
        bare.path("a", Platform.WINDOWS)
    with pytest.raises(UnknownPlatform, match="'Amiga' is no platform: there are Linux, Windows, Darwin"):
        platform_of("Amiga")


@pytest.mark.parametrize(
    "resource",
    [
        *("", ".", "..", "../x", "a/../../x", "a/..", "a//b", "a/./b", "/etc/passwd", "\\etc", "\\\\host\\x"),
        *("C:\\x", "c:x", "C:/x", "a\\..\\..\\x", ".. /x", " ../x", "a/ /b"),
        *("a\0b", "a\nb", "a\x7fb", "a\ud800b", "x" * 5000, "/".join("a" * 200)),
    ],
)
@pytest.mark.parametrize("platform", Platform)
def test_what_leads_elsewhere_is_refused(resource: str, platform: Platform) -> None:
    with pytest.raises(BadPath):
        LONDON.path(resource, platform)


@pytest.mark.parametrize(
    "resource",
    ["con", "a/NUL.txt", "COM1", "lpt9.stl", "aux .x", "a.", "a ", "a/b:c", "a?b", "a|b", "a*", 'a"b', "<a>"],
)
def test_names_that_mean_something_else_on_windows_are_refused_there_alone(resource: str) -> None:
    with pytest.raises(BadPath, match="can't be a name on Windows"):
        LONDON.path(resource, Platform.WINDOWS)
    assert LONDON.path(resource, Platform.LINUX).startswith("/mnt/london/")


@given(
    st.one_of(st.text(), st.text(alphabet="./\\:a C\0", max_size=12)),
    st.sampled_from([Platform.LINUX, Platform.WINDOWS]),
)
def test_whatever_is_asked_for_no_path_is_outside(resource: str, platform: Platform) -> None:
    try:
        path = LONDON.path(resource, platform)
    except BadPath:
        return
    if platform is Platform.LINUX:
        assert posixpath.normpath(path).startswith("/mnt/london/")
    else:
        assert ntpath.normpath(path).startswith("L:\\")
        assert ntpath.splitdrive(ntpath.normpath(path))[0] == "L:"
    assert len(elements(resource)) >= 1


def test_a_link_that_leads_out_is_refused_and_one_that_stays_is_followed(
    place: FileLocation, tmp_path: Path
) -> None:
    (place.folder / "out").symlink_to(tmp_path)
    (place.folder / "file.txt").symlink_to(tmp_path / "secret.txt")
    (place.folder / "real").mkdir()
    (place.folder / "real" / "a.txt").write_text("a")
    (place.folder / "same").symlink_to("real")
    for way in ("out/secret.txt", "file.txt", "out/new/x.txt"):
        with pytest.raises(BadPath, match="lies behind a link that leads out of 'disk'"):
            place.path(way, Platform.LINUX)
        with pytest.raises(BadPath):
            place.open(way)
        with pytest.raises(BadPath):
            place.put(io.BytesIO(b"x"), way)
    assert place.path("same/a.txt", Platform.LINUX) == f"{place.folder}/same/a.txt"
    with place.open("same/a.txt") as file:
        assert file.read() == b"a"
    place.put(io.BytesIO(b"b"), "same/b.txt")
    assert (place.folder / "real" / "b.txt").read_bytes() == b"b"
    assert not (tmp_path / "new").exists()


def test_a_file_is_put_in_whole_and_never_over_another(place: FileLocation) -> None:
    data = os.urandom(3_000_000)
    put = place.put(io.BytesIO(data), INSIDE)
    assert (put.size, put.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert place.holds(INSIDE)
    with pytest.raises(Taken, match="nothing in a location is overwritten"):
        place.put(io.BytesIO(b"other"), INSIDE)
    assert (place.folder / INSIDE).read_bytes() == data
    assert [each.name for each in (place.folder / INSIDE).parent.iterdir()] == ["main.stl"]


def test_a_copy_that_breaks_leaves_nothing(place: FileLocation) -> None:
    class Breaks(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(Refused, match="Input/output error"):
        place.put(Breaks(), "a/b.txt")
    assert list(place.folder.iterdir()) == []
    assert not place.holds("a/b.txt")


def test_two_at_once_put_one_file(place: FileLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def later(*names: str, **folders: Any) -> None:
        (place.folder / "a.txt").write_bytes(b"quicker")
        link(*names, **folders)

    monkeypatch.setattr(os, "link", later)
    with pytest.raises(Taken, match="nothing in a location is overwritten"):
        place.put(io.BytesIO(b"slower"), "a.txt")
    assert (place.folder / "a.txt").read_bytes() == b"quicker"
    assert [each.name for each in place.folder.iterdir()] == ["a.txt"]


def test_a_file_is_taken_back_and_placed_elsewhere(place: FileLocation) -> None:
    part = place.put(io.BytesIO(b"x"), "a/x.txt")
    place.take_back(part, "a/x.txt")
    assert not place.holds("a/x.txt")
    place.place(part, "b/x.txt")
    assert (place.folder / "b/x.txt").read_bytes() == b"x"
    place.take_back(part, "b/x.txt")
    place.drop(part)
    place.drop(part)
    assert [each.name for each in place.folder.iterdir() if each.is_file()] == []
    with pytest.raises(NotThere, match=r"'a/x\.txt' is not in the location 'disk'"):
        place.open("a/x.txt")


def test_a_disk_without_links_takes_files_too(place: FileLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuses)
    place.put(io.BytesIO(b"x"), "a/x.txt")
    assert (place.folder / "a/x.txt").read_bytes() == b"x"
    with pytest.raises(Taken):
        place.put(io.BytesIO(b"y"), "a/x.txt")
    assert [each.name for each in place.folder.iterdir()] == ["a"]


def test_what_a_crash_left_is_swept_when_it_is_old(place: FileLocation) -> None:
    part = place.take(io.BytesIO(b"x"))
    (place.folder / ".callboard-mine.part").touch()
    assert place.sweep() == 0
    os.utime(place.folder / part.name, (0, 0))
    assert place.sweep() == 1
    assert [each.name for each in place.folder.iterdir()] == [".callboard-mine.part"]


def test_a_disk_that_is_not_mounted_is_named_and_nothing_is_made_in_its_place(tmp_path: Path) -> None:
    gone = FileLocation("gone", tmp_path / "gone")
    with pytest.raises(NotThere, match="is its disk mounted"):
        gone.put(io.BytesIO(b"x"), "a.txt")
    with pytest.raises(NotThere):
        gone.open("a.txt")
    assert gone.path("a.txt", Platform.LINUX) == f"{tmp_path}/gone/a.txt"
    assert not gone.folder.exists()


def test_no_pipe_or_folder_is_opened(place: FileLocation) -> None:
    os.mkfifo(place.folder / "pipe")
    (place.folder / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises((NotThere, BadName)):
            place.open(name)
