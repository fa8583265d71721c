"""Files of G-code, as they are and as they should not be."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.printing.program import BLOCK, LONGEST, BadProgram, FileProgram


def lines_of(data: bytes) -> list[tuple[str, int]]:
    program = FileProgram(io.BytesIO(data))
    return list(iter(program.line, None))


def test_lines_come_with_the_position_behind_them() -> None:
    assert lines_of(b"G28\nG1 X1\n") == [("G28\n", 4), ("G1 X1\n", 10)]


def test_the_last_line_needs_no_end() -> None:
    assert lines_of(b"G28\nM84") == [("G28\n", 4), ("M84", 7)]


def test_crlf_and_cr_end_a_line() -> None:
    assert [text.strip() for text, _ in lines_of(b"G28\r\nG1 X1\rM84\r\n")] == ["G28", "G1 X1", "M84"]


def test_a_byte_order_mark_is_no_part_of_the_first_line_and_counts() -> None:
    assert lines_of(b"\xef\xbb\xbfG28\n") == [("G28\n", 7)]


def test_bytes_that_are_no_utf8_don_t_end_a_program() -> None:
    assert [text for text, _ in lines_of(b"M117 \xff\xfe\n")] == ["M117 \ufffd\ufffd\n"]


def test_an_empty_file_has_no_lines() -> None:
    assert lines_of(b"") == []


def test_a_crlf_across_two_blocks_is_one_line_end() -> None:
    head = b";" + b"x" * 98 + b"\n"
    data = head * (BLOCK // 100) + b"G1 X1" + b" " * (BLOCK % 100 - 6) + b"\r\nM84\n"
    lines = lines_of(data)
    assert [text.strip() for text, _ in lines[-2:]] == ["G1 X1", "M84"]
    assert lines[-1][1] == len(data)


def test_a_comment_of_a_megabyte_is_a_line_of_a_few_bytes() -> None:
    data = b"G28\n;" + b"x" * 1_000_000 + b"\nM84\n"
    lines = lines_of(data)
    assert [text.strip()[:4] for text, _ in lines] == ["G28", ";xxx", "M84"]
    assert max(len(text) for text, _ in lines) <= LONGEST
    assert lines[-1][1] == len(data)


def test_a_line_of_a_megabyte_that_is_no_comment_is_no_gcode() -> None:
    with pytest.raises(BadProgram, match="line 1 is longer than 4,096 bytes"):
        FileProgram(io.BytesIO(b"G1 X" + b"1" * 1_000_000 + b"\n"))


def test_a_binary_file_is_refused_when_it_is_opened() -> None:
    with pytest.raises(BadProgram, match="byte 4 is NUL"):
        FileProgram(io.BytesIO(b"GCDE\0\1\2\3" * 100))


def test_a_nul_far_down_is_found_before_its_line_is_given() -> None:
    program = FileProgram(io.BytesIO(b"G1 X1\n" * 20_000 + b"\0\n"))
    with pytest.raises(BadProgram, match=r"byte 120,000 is NUL"):
        list(iter(program.line, None))


def test_a_program_can_be_read_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.gcode"
    path.write_bytes(b"\xef\xbb\xbfG28\nM84\n")
    program = FileProgram(path, path="sub/a.gcode")
    first = list(iter(program.line, None))
    program.rewind()
    assert list(iter(program.line, None)) == first
    assert (program.path, program.name, program.size) == ("sub/a.gcode", "a.gcode", 11)
    program.close()
    program.close()


@given(st.binary(max_size=300).map(lambda data: data.replace(b"\0", b"\n")))
def test_whatever_a_file_holds_its_lines_make_up_all_of_it(data: bytes) -> None:
    lines = lines_of(data)
    assert all(before < after for (_, before), (_, after) in itertools.pairwise(lines))
    if lines:
        assert lines[-1][1] == len(data)
