"""Names: whatever comes in is made safe once, or refused."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.files.names import (
    MAX_BYTES,
    Kind,
    clean,
    clean_name,
    display_of,
    folded,
    kind_of,
    known_kind,
    numbered,
    parts,
    safe,
)
from callboard.files.refusals import BadName, WrongType

anything = st.text(max_size=400)
nasty = st.text(st.sampled_from("ab.;/\\ |&?$*<>~\0\n\r\x1b\x7f\u202eé\u0301\u037eCONcon1_"), max_size=60)


@given(anything | nasty)
def test_a_safe_name_has_nothing_that_a_disk_or_shell_or_terminal_minds(name: str) -> None:
    made = safe(name)
    assert len(made.encode()) <= MAX_BYTES
    assert unicodedata.is_normalized("NFC", made)
    assert not made.startswith((".", " "))
    assert not made.endswith((".", " "))
    assert not set(made) & set(";|&?$*<>/\\\0\n\r\x1b\x7f\u202e")


@given(anything | nasty)
def test_what_is_safe_stays_as_it_is(name: str) -> None:
    assert safe(safe(name)) == safe(name)


@given(anything | nasty)
def test_a_path_that_is_made_safe_is_taken_as_safe(path: str) -> None:
    try:
        made = clean(path)
    except BadName:
        return
    assert "/".join(parts(made)) == made
    assert ".." not in made.split("/")


@given(
    st.text(max_size=400).filter(lambda text: "/" not in text), st.sampled_from(["gcode", "GCO", "g", "stl"])
)
def test_a_long_name_is_cut_and_keeps_its_suffix(stem: str, suffix: str) -> None:
    name = f"x{stem}é" * 3 + f".{suffix}"
    assert kind_of(safe(name)) is kind_of(name)
    assert kind_of(numbered(safe(name), 12)) is kind_of(name)
    assert len(numbered(safe(name), 12).encode()) <= MAX_BYTES


@pytest.mark.parametrize(
    ("given_", "made"),
    [
        ("arm.gcode", "arm.gcode"),
        ("CON.gcode", "CON_.gcode"),
        ("con .gcode", "con_.gcode"),
        ("com1.tar.gcode", "com1_.tar.gcode"),
        ("LPT¹.g", "LPT¹_.g"),
        ("nul", "nul_"),
        ("console.gcode", "console.gcode"),
        ("...hidden.gcode", "hidden.gcode"),
        ("a\0b\n\x1b[31m.gcode", "ab[31m.gcode"),
        ("rm -rf $HOME; `x` & 'y' \"z\".gcode", "rm -rf HOME `x`  'y' \"z\".gcode"),
        ("e\u0301.gcode", "é.gcode"),
        ("a\u037eb.gcode", "ab.gcode"),
        ("gnp.edocg\u202e.gcode", "gnp.edocg.gcode"),
        ("part.gcode. . ", "part.gcode"),
        ("Größe 3 (2).gcode", "Größe 3 (2).gcode"),
        ("???", ""),
    ],
)
def test_names_come_out_like_this(given_: str, made: str) -> None:
    assert safe(given_) == made


def test_255_bytes_of_utf8_are_counted_in_bytes_and_cut_between_letters() -> None:
    fits = "ü" * 124 + "x.gcode"
    assert len(fits.encode()) == 255
    assert safe(fits) == fits
    assert safe("ü" * 125 + "x.gcode") == "ü" * 124 + ".gcode"
    assert safe("\N{PILE OF POO}" * 100 + ".gcode") == "\N{PILE OF POO}" * 62 + ".gcode"


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../a.gcode",
        "a/../b.gcode",
        "a/.. /b.gcode",
        "a/./b.gcode",
        "a\\..\\b.gcode",
        "",
        "/",
        "a/???/b.gcode",
    ],
)
def test_a_path_that_leads_elsewhere_or_nowhere_is_refused(path: str) -> None:
    with pytest.raises(BadName):
        clean(path)


@pytest.mark.parametrize("path", ["a" * 10_000, "/".join("a" * 17), "/".join(["a" * 200] * 6)])
def test_a_path_is_bounded_in_length_and_depth(path: str) -> None:
    with pytest.raises(BadName, match="at most"):
        clean(path)
    with pytest.raises(BadName, match="at most"):
        parts(path)


def test_a_slash_at_the_beginning_is_nothing() -> None:
    assert clean("/etc//passwd.gcode") == "etc/passwd.gcode"


@pytest.mark.parametrize("path", ["a//b", "a/.x", "a;b", "../x", "a/..", "x\0", ".hidden", "a\\b", "e\u0301"])
def test_a_path_that_should_be_ours_is_not_mended_but_refused(path: str) -> None:
    with pytest.raises(BadName):
        parts(path)


def test_a_browsers_whole_path_is_only_its_last_part() -> None:
    assert clean_name("C:\\fakepath\\arm.gcode") == "arm.gcode"
    assert clean_name("/home/jane/arm.gcode") == "arm.gcode"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.gcode", Kind.GCODE),
        ("a.GCO", Kind.GCODE),
        ("a.b.g", Kind.GCODE),
        ("a.gc~", Kind.GCODE),
        ("a.stl", Kind.MODEL),
        ("a.3MF", Kind.MODEL),
        ("a.obj", Kind.MODEL),
        ("a.exe", None),
        ("gcode", None),
        ("a.gcode.exe", None),
    ],
)
def test_the_last_suffix_says_what_a_file_is(name: str, kind: Kind | None) -> None:
    assert kind_of(name) is kind
    if kind is None:
        with pytest.raises(WrongType, match=r"is not taken: G-code ends in \.gcode"):
            known_kind(name)


def test_names_that_some_disks_cannot_tell_apart_fold_alike() -> None:
    assert folded("Straße.gcode") == folded("STRASSE.gcode")
    assert folded("É.g") == folded("e\u0301.g")
    assert folded("a.g") != folded("b.g")


def test_a_file_is_shown_as_it_was_called_without_what_steers_a_terminal() -> None:
    assert display_of("A?\x1b[2J\n.gcode", "A[2J.gcode") == "A?[2J.gcode"
    assert display_of("\0", "x/file.gcode") == "file.gcode"
