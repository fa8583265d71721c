"""Models are looked at before a slicer sees them: what is wrong is a sentence, whatever the bytes are."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.slicing.model import Checked, check
from callboard.slicing.refusals import BadModel
from tests.slicing.models import binary, box, obj, packed, text, zipped


def checked(folder: Path, data: bytes, suffix: str = "stl") -> Checked:
    path = folder / f"model.{suffix}"
    path.write_bytes(data)
    return check(path, suffix)


def converted(folder: Path, data: bytes, suffix: str) -> dict[str, object]:
    """Return what the process that reads models of others says."""
    path = folder / f"model.{suffix}"
    path.write_bytes(data)
    words = (sys.executable, "-m", "callboard.slicing.mesh", "convert", str(path), suffix)
    done = subprocess.run([*words, str(folder / "out.stl")], check=False, capture_output=True, timeout=60)
    return msgspec.json.decode(done.stdout, type=dict[str, object])


@pytest.mark.parametrize("write", [binary, text])
def test_a_closed_box_is_a_model_without_warnings(tmp_path: Path, write: object) -> None:
    assert callable(write)
    found = checked(tmp_path, write(box()))
    assert (found.triangles, found.warnings) == (12, ())


@pytest.mark.parametrize("write", [binary, text])
def test_a_box_without_a_lid_can_be_sliced_with_a_warning(tmp_path: Path, write: object) -> None:
    assert callable(write)
    (warning,) = checked(tmp_path, write(box()[:-1])).warnings
    assert "not closed" in warning


@given(st.integers(0, 11), st.floats(0.1, 1000), st.floats(-1000, 1000))
def test_only_a_whole_surface_is_closed_wherever_it_is(missing: int, scale: float, shift: float) -> None:
    import numpy as np

    from callboard.slicing.surface import edge_balance

    whole = np.array(box(), np.float32) * np.float32(scale) + np.float32(shift)
    assert edge_balance(whole) == 0
    assert edge_balance(np.delete(whole, missing, axis=0)) != 0


def test_a_binary_stl_whose_head_says_solid_is_no_text(tmp_path: Path) -> None:
    assert checked(tmp_path, b"solid" + binary(box())[5:]).kind == "binary STL"


WRONG = {
    "nothing": (b"", "there is not one byte"),
    "no triangles": (binary([]), "no triangles"),
    "no triangles in text": (text([]), "no triangles"),
    "decimal commas": (text(box(), point=","), "Line 4 of the model has decimal commas"),
    "no numbers": (text(box()).replace(b"10.000", b"ten", 1), "is no corner"),
    "two coordinates": (text(box()).replace(b"0.000 0.000 0.000", b"0.000 0.000", 1), "is no corner"),
    "cut off": (binary(box())[:-60], "12 triangles are announced, 10 are there"),
    "cut off text": (text(box()[:1]).replace(b"vertex", b"vrtx", 1), "cut off"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(1, 200)), "triangles are announced"),
    "a few bytes": (b"hello", "shorter than"),
    "nowhere": (binary([((float("nan"), 0, 0), (1, 0, 0), (0, 1, 1))]), "lies nowhere"),
    "far away": (binary([((1e30, 0, 0), (1, 0, 0), (0, 1, 1))]), "lies nowhere"),
    "flat": (binary([((0, 0, 0), (1, 0, 0), (0, 1, 0))]), "flat"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_model_is_told_in_a_sentence(tmp_path: Path, name: str) -> None:
    data, said = WRONG[name]
    with pytest.raises(BadModel, match=said):
        checked(tmp_path, data)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["stl", "3mf", "obj"]), st.booleans())
def test_any_bytes_are_a_model_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str, solid: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(b"solid\nvertex " + data if solid else data)
    try:
        assert check(path, suffix).kind
    except BadModel as error:
        assert str(error).endswith((".", "!"))  # noqa: PT017


BOMBS = {
    "traversal": (zipped({"../../etc/cron.d/x.model": b"x"}), "leads elsewhere"),
    "an absolute name": (zipped({"/etc/x.model": b"x"}), "leads elsewhere"),
    "a drive": (zipped({"C:\\x.model": b"x"}), "leads elsewhere"),
    "a bomb": (zipped({"3D/3dmodel.model": bytes(50_000_000)}), "unpacks to"),
    "no model": (zipped({"readme.txt": b"x"}), "no model in this 3MF"),
    "many parts": (zipped({f"{n}.model": b"" for n in range(10_001)}), "more than 10000"),
    "no zip": (b"PK\3\4nothing", "no 3MF"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_3mf_that_means_ill_is_never_opened(tmp_path: Path, name: str) -> None:
    data, said = BOMBS[name]
    with pytest.raises(BadModel, match=said):
        checked(tmp_path, data, "3mf")


def test_3mf_and_obj_become_the_same_box(tmp_path: Path) -> None:
    for data, suffix in ((packed(box()), "3mf"), (obj(box()), "obj")):
        found = converted(tmp_path, data, suffix)
        assert (found["triangles"], found["warnings"]) == (12, []), found
        assert checked(tmp_path, (tmp_path / "out.stl").read_bytes()).triangles == 12


def test_a_3mf_in_inches_is_as_large_as_it_says(tmp_path: Path) -> None:
    import numpy as np

    converted(tmp_path, packed(box(1, 1, 1), unit="inch"), "3mf")
    corners = np.frombuffer((tmp_path / "out.stl").read_bytes()[84:], np.uint8).reshape(-1, 50)[:, 12:48]
    assert np.ascontiguousarray(corners).view("<f4").max() == pytest.approx(25.4)


def test_what_a_3mf_says_wrongly_inside_is_a_sentence_too(tmp_path: Path) -> None:
    broken = zipped({"3D/3dmodel.model": b"<model><resources>"})
    assert "can't be read" in str(converted(tmp_path, broken, "3mf")["error"])
    more = "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 20}">' for n in range(8))
    laughs = f'<!DOCTYPE m [<!ENTITY a "{"x" * 1000}">{more}]><m>&i;</m>'.encode()
    said = converted(tmp_path, zipped({"3D/3dmodel.model": laughs}), "3mf")
    assert "error" in said


def test_an_obj_reads_no_other_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.mtl"
    os.mkfifo(secret)  # whoever opens it waits for ever
    assert converted(tmp_path, obj(box(), f"mtllib {secret}\nusemtl x"), "obj")["triangles"] == 12


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of its memory from /proc")
def test_a_model_of_500_mb_takes_little_memory(tmp_path: Path) -> None:
    path, triangles = tmp_path / "large.stl", 10_000_000
    rows = binary(box())[84:] * 10_000
    with path.open("wb") as file:
        file.write(bytes(80) + triangles.to_bytes(4, "little"))
        for begin in range(0, triangles, 120_000):
            file.write(rows[: 50 * min(120_000, triangles - begin)])
    code = (  # of the program itself: getrusage counts what the process was before it, too
        "import sys; from callboard.slicing.mesh import main; main(sys.argv[1:]);"
        "from pathlib import Path; print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    words = [sys.executable, "-c", code, "check", str(path), "stl"]
    done = subprocess.run(words, check=True, capture_output=True, timeout=300)
    told, peak = done.stdout.splitlines()
    assert msgspec.json.decode(told)["triangles"] == triangles
    assert int(peak) * 1024 < 250_000_000
    assert resource.getpagesize() > 0
