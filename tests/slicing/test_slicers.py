"""What slicers are told, and what their words mean: tables, without starting one."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.config import load
from callboard.errors import BadConfig
from callboard.slicing import inifile
from callboard.slicing.bed import Bed
from callboard.slicing.curaengine import CuraEngine
from callboard.slicing.prusaslicer import PrusaSlicer
from callboard.slicing.refusals import BadProfile
from callboard.slicing.slic3r import Slic3r
from callboard.slicing.slicer import Position, Slicer, Work

KINDS: tuple[Slicer, ...] = (PrusaSlicer(), CuraEngine(), Slic3r())


def cura(folder: Path) -> CuraEngine:
    """Return CuraEngine with definitions that are there."""
    (folder / "definitions").mkdir(parents=True)
    (folder / "definitions" / "fdmprinter.def.json").touch()
    return CuraEngine(str(folder))


def work(**more: object) -> Work:
    folder = Path("/work")
    given = {
        "program": "/usr/bin/it",
        "folder": folder,
        "model": folder / "model.stl",
        "out": folder / "out.gcode",
    }
    return Work(**{**given, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("slicer", "line", "percent"),
    [
        (PrusaSlicer(), "70 => Infilling layers", 70),
        (PrusaSlicer(), "100 => Done", 99),
        (PrusaSlicer(), "Slicing result exported to out.gcode", None),
        (CuraEngine(), "Progress:export:21:58 \t0.652753%", 65.2753),
        (CuraEngine(), "Progress: export accomplished in 0.052s", None),
        (CuraEngine(), "Progress:x:1:1 \t1.2.3%", None),
        (Slic3r(), "=> Infilling layers", 70),
        (Slic3r(), "Done. Process took 0 minutes", None),
    ],
)
def test_progress_is_read_from_the_slicers_own_words(
    slicer: Slicer, line: str, percent: float | None
) -> None:
    assert slicer.progress(line) == (pytest.approx(percent) if percent is not None else None)


@given(st.text(max_size=300), st.integers(-20, 255))
def test_any_words_of_a_slicer_are_a_percentage_or_none_and_a_reason(text: str, code: int) -> None:
    for slicer in KINDS:
        percent = slicer.progress(text)
        assert percent is None or 0 <= percent < 100
        reason = slicer.reason(code, text.splitlines())
        assert reason
        assert "\n" not in reason


@given(
    st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True), st.text(max_size=50), max_size=8)
)
def test_no_value_of_a_setting_becomes_a_setting_of_its_own(settings: dict[str, str]) -> None:
    written = inifile.written(settings)
    assert len(written.split("\n")) == len(settings) + 1


@given(st.binary(max_size=500))
def test_any_bytes_are_a_profile_or_refused(data: bytes) -> None:
    for slicer in KINDS:
        try:
            found = slicer.read_profile(data)
        except BadProfile as error:
            assert str(error).endswith(".")  # noqa: PT017
        else:
            slicer.check(found)


def test_settings_go_to_prusaslicer_and_slic3r_through_a_file(tmp_path: Path) -> None:
    settings = {"start_gcode": "G28\nG1 Z5", "layer_height": "0.2", "bed_shape": "0x0,250x0,250x210,0x210"}
    for slicer in (PrusaSlicer(), Slic3r()):
        command = slicer.command(work(settings=settings, position=Position(10, 20)))
        assert "start_gcode = G28\\nG1 Z5\n" in command.files["settings.ini"]
        assert "10.000,20.000" in command.words
        assert command.words[-1] == "model.stl"
    middle = Slic3r().command(work(settings=settings)).words
    assert middle[middle.index("--print-center") + 1] == "125.000,105.000"


def test_settings_go_to_curaengine_as_one_word_each(tmp_path: Path) -> None:
    settings = {
        "machine_start_gcode": "G28\n-o /etc/passwd",
        "definition": "creality_ender3",
        "machine_width": "220",
    }
    command = cura(tmp_path).command(
        work(settings={**settings, "machine_depth": "220"}, position=Position(10, 20))
    )
    assert "machine_start_gcode=G28\n-o /etc/passwd" in command.words
    assert str(tmp_path / "definitions" / "creality_ender3.def.json") in command.words
    assert {"mesh_position_x=-100.000", "mesh_position_y=-90.000"} <= set(command.words)
    assert command.environment["CURA_ENGINE_SEARCH_PATH"].startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("slicer", "settings", "said"),
    [
        (PrusaSlicer(), {"post_process": "/bin/sh"}, "post_process"),
        (Slic3r(), {"post_process": "/bin/sh"}, "post_process"),
        (PrusaSlicer(), {"a b": "1"}, "no setting"),
        (PrusaSlicer(), {"a": "\0"}, "no text"),
        (PrusaSlicer(), {"a": "\ud800"}, "no text"),
        (CuraEngine(), {"machine_start_gcode": "é" * 40_000}, "too long"),  # for an argument of a command
        (CuraEngine(), {"definition": "../../etc/passwd"}, "no definition"),
        (CuraEngine(), {"layer_height": "=machine_nozzle_size / 2"}, "formula"),
    ],
)
def test_settings_that_must_not_come_from_outside_are_refused(
    slicer: Slicer, settings: dict[str, str], said: str
) -> None:
    with pytest.raises(BadProfile, match=said):
        slicer.check(settings)


def test_an_exported_configuration_is_read_without_the_programs_it_would_start() -> None:
    text = b"# generated by PrusaSlicer 2.5\n\nlayer_height = 0.2\npost_process = /bin/sh\n"
    text += b"end_gcode = M84\\nM140 S0\n"
    assert PrusaSlicer().read_profile(text) == {"layer_height": "0.2", "end_gcode": "M84\nM140 S0"}
    with pytest.raises(BadProfile, match="several presets"):
        PrusaSlicer().read_profile(b"[print:a]\nlayer_height = 0.2\n[print:b]\nlayer_height = 0.3\n")


def test_a_curaprofile_is_a_zip_of_parts() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("a_global", "[general]\nversion = 4\n[values]\nlayer_height = 0.2\n")
        packed.writestr("a_extruder", "[values]\nmachine_start_gcode = G28\n\tG1 Z5\nspeed_print = 60\n")
    found = CuraEngine().read_profile(out.getvalue())
    assert found == {"layer_height": "0.2", "machine_start_gcode": "G28\nG1 Z5", "speed_print": "60"}


def test_profiles_in_the_configuration_are_read_with_all_their_faults() -> None:
    said = "{slicer: slic3r, name: draft, default: yes, settings: {layer_height: 0.3, x: yes}}"
    (profile,) = load(f"slicing: {{profiles: [{said}]}}").slicing.profiles
    assert (profile.slicer, profile.name, profile.default) == ("slic3r", "draft", True)
    assert profile.settings == {"layer_height": "0.3", "x": "1"}
    for wrong in (
        "[{slicer: scissors, name: a}]",
        "[{nome: a}]",
        "{a: b}",
        "[1]",
        "[{slicer: slic3r, name: [a]}]",
    ):
        with pytest.raises(BadConfig, match=r"slicing|unknown"):
            load(f"slicing: {{profiles: {wrong}}}")


def test_cura_without_its_definitions_says_what_to_install() -> None:
    assert "/nowhere" in CuraEngine("/nowhere").missing()


def test_a_profile_of_two_million_continued_lines_is_read_in_one_pass() -> None:
    """Joined line by line they took the whole hub minutes; too many bytes are refused once they are read."""
    with pytest.raises(BadProfile, match="too long"):
        CuraEngine().read_profile(b"[values]\na=1\n" + b" \n" * 2_000_000)


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_packed_profile_with_a_hurt_byte_is_a_bad_profile_and_nothing_worse(method: int) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as file:
        file.writestr("a.inst.cfg", "[values]\nlayer_height=0.2\n" * 20)
    whole = packed.getvalue()
    for at in range(4, len(whole)):
        with contextlib.suppress(BadProfile):
            CuraEngine().read_profile(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])


def test_a_cura_profile_can_not_have_files_of_this_machine_opened() -> None:
    CuraEngine().check({"cross_infill_density_image": ""})
    with pytest.raises(BadProfile, match="file of this machine"):
        CuraEngine().check({"cross_infill_density_image": "/home/jane/plan.png"})


def test_the_bed_of_a_cura_profile_is_that_of_its_definition_unless_it_says_another(tmp_path: Path) -> None:
    slicer = cura(tmp_path)
    sides = {"machine_width": {"default_value": 100}, "machine_depth": {"default_value": 100}}
    top = {"settings": {"machine": {"children": {**sides, "machine_height": {"default_value": 90}}}}}
    child = {"inherits": "fdmprinter", "overrides": {"machine_width": {"default_value": 220}}}
    for name, said in (("fdmprinter", top), ("ender", child)):
        (tmp_path / "definitions" / f"{name}.def.json").write_text(json.dumps(said))
    assert slicer.bed({"definition": "ender"}) == Bed((0, 0), (220, 100), 90)
    centered = {"machine_depth": "300", "machine_center_is_zero": "true"}
    assert slicer.bed(centered) == Bed((-50, -150), (50, 150), 90)
    assert slicer.bed({"definition": "none"}) is None
    assert {"machine_height", "center_object", "definition"} <= slicer.known("", {})


def test_the_settings_of_prusaslicer_are_what_it_saved_and_its_print_options_but_no_actions() -> None:
    told = "# made\nlayer_height = 0.2\nPrusaSlicer\nUsage: it [ ACTIONS ]\n--load ABCD  Load a=b.\n"
    options = (
        "Print options are processed in order.\n--top-solid-layers, --top N\n--filament-wipe N  Wipes.\n"
    )
    known = {"layer_height", "top_solid_layers", "top", "filament_wipe"}
    assert PrusaSlicer().known(told + options, {}) == known
    assert "load" in PrusaSlicer().known(told, {})


def test_what_an_export_would_start_is_named_as_left_out() -> None:
    said = b'layer_height = 0.2\npost_process = /bin/sh\nthreads = \noutput_filename_format = ""\n'
    assert PrusaSlicer().left_out(said) == ["post_process"]
