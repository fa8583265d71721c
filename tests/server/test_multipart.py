"""Forms with files: any cut of the same bytes gives the same parts; what is no form is refused."""

from __future__ import annotations

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.server.multipart import MAX_PARTS, BadForm, Form, Head, boundary_of

MARK = b"bound4ry"


def form(*parts: tuple[str, str | None, bytes], mark: bytes = MARK) -> bytes:
    """Return the bytes of a form."""
    out = b""
    for name, filename, data in parts:
        file = f'; filename="{filename}"' if filename is not None else ""
        head = f'Content-Disposition: form-data; name="{name}"{file}\r\nContent-Type: text/plain'
        out += b"--" + mark + b"\r\n" + head.encode() + b"\r\n\r\n" + data + b"\r\n"
    return out + b"--" + mark + b"--\r\n"


def parsed(*pieces: bytes) -> list[tuple[Head, bytes]]:
    """Return the parts, each with all of its bytes."""
    reader, parts = Form(MARK), list[tuple[Head, bytes]]()
    for piece in pieces:
        for one in reader.feed(piece):
            if isinstance(one, Head):
                parts.append((one, b""))
            else:
                parts[-1] = (parts[-1][0], parts[-1][1] + one)
    assert reader.done
    return parts


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[first:last] for first, last in pairwise(at)]


bodies = st.binary(max_size=200) | st.text(st.sampled_from("\r\n-bound4ry"), max_size=80).map(str.encode)


@given(st.lists(bodies, max_size=5), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_cut_of_the_bytes_gives_the_same_parts(contents: list[bytes], places: list[int]) -> None:
    mine = [body for body in contents if b"--" + MARK not in body]
    data = form(*(("file", f"{number}.gcode", body) for number, body in enumerate(mine)))
    assert parsed(*cut(data, places)) == [
        (Head("file", f"{number}.gcode"), body) for number, body in enumerate(mine)
    ]


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=4))
def test_garbage_is_refused_or_read_and_nothing_else(data: bytes, places: list[int]) -> None:
    reader = Form(MARK)
    try:
        for piece in cut(b"--" + MARK + b"\r\n" + data, places):
            reader.feed(piece)
    except BadForm:
        return


def test_bytes_of_a_long_part_are_not_kept() -> None:
    reader = Form(MARK)
    reader.feed(form(("file", "a.gcode", b""))[: -len(MARK) - 8])
    for _ in range(100):
        (given_,) = reader.feed(b"x" * 100_000)
        assert len(given_) >= 99_000  # type: ignore[arg-type]
        assert len(reader._waiting) < 100


@pytest.mark.parametrize(
    ("disposition", "head"),
    [
        ('form-data; name="file"; filename="a;b \\"c\\".gcode"', Head("file", 'a;b "c".gcode')),
        ("form-data; name=print", Head("print", None)),
        ("form-data; name=\"file\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.gcode", Head("file", "größe.gcode")),
        ('form-data; name="file"; filename="größe.gcode"', Head("file", "größe.gcode")),
        ('form-data; name="file"; filename=""', Head("file", "")),
    ],
)
def test_names_are_read_as_browsers_and_slicers_write_them(disposition: str, head: Head) -> None:
    data = b"--" + MARK + f"\r\ncontent-disposition: {disposition}\r\n\r\nx\r\n--".encode() + MARK + b"--"
    assert parsed(data) == [(head, b"x")]


@pytest.mark.parametrize(
    "data",
    [
        b"x" * 2000,
        b"--" + MARK + b"xx",
        b"--" + MARK + b"\r\nContent-Type: text/plain\r\n\r\n",
        b"--" + MARK + b"\r\nContent-Disposition: form-data\r\n\r\n",
        b"--" + MARK + b"\r\n" + b"x" * 9000,
        form(*(("a", None, b""),) * (MAX_PARTS + 1)),
    ],
)
def test_what_is_no_form_is_refused(data: bytes) -> None:
    with pytest.raises(BadForm):
        Form(MARK).feed(data)


def test_a_boundary_is_read_from_the_content_type() -> None:
    assert boundary_of('multipart/form-data; boundary="a b"; charset=utf-8') == b"a b"
    for wrong in ("multipart/form-data", "multipart/form-data; boundary=", f"x; boundary={'x' * 300}", ""):
        with pytest.raises(BadForm):
            boundary_of(wrong)


_WORDS = st.sampled_from(
    ["filename", "filename*0*", "name*1", "name", "*", "=", ";", '"', "utf-16''%00", "x''%ff", "9" * 30]
)


@given(st.lists(_WORDS, max_size=12).map("".join))
def test_whatever_parameters_say_it_is_a_form_or_none(said: str) -> None:
    head = f"--b\r\nContent-Disposition: form-data; {said}\r\n\r\n".encode()
    with contextlib.suppress(BadForm):
        Form(b"b").feed(head)
    with contextlib.suppress(BadForm):
        boundary_of(f"multipart/form-data; {said}")


@pytest.mark.parametrize("said", ["filename*0*;filename*", "filename*;filename*0*"])
def test_parameters_that_stand_in_pieces_and_whole_are_no_form(said: str) -> None:
    with pytest.raises(BadForm):
        Form(b"b").feed(f"--b\r\nContent-Disposition: form-data; {said}\r\n\r\n".encode())
