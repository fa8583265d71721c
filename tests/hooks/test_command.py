"""Commands: cut before any value is known, so that no value can be more than text."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.event import Event, Stamp
from callboard.hooks.command import MAX_ARGUMENT, for_shell, of_arguments, without_shell
from callboard.hooks.template import BadTemplate, Refused, Values
from tests.hooks import hostile


def values(file: str) -> Values:
    return Values(Event("octoprint.PrintDone", {"file": file}, entry=Stamp("l-1", 1.0, "mk3")))


SEED = (
    'python ~/growl.py -t mygrowlserver -d "Completed {file}" -a OctoPrint -i http://raspi/Octoprint_logo.png'
)


def test_the_seeds_own_command_is_split_as_it_says() -> None:
    argv = without_shell(SEED).fill(values("a b.gcode")).argv
    assert argv == (
        *("python", str(Path("~/growl.py").expanduser()), "-t", "mygrowlserver", "-d", "Completed a b.gcode"),
        *("-a", "OctoPrint", "-i", "http://raspi/Octoprint_logo.png"),
    )


SAFE = st.text(
    st.characters(exclude_characters="{}|&;<>()$`*?[#\n~\0", exclude_categories=["Cs"]), min_size=1
)


@given(SAFE)
def test_a_text_without_shell_syntax_is_split_as_shlex_does(text: str) -> None:
    try:
        expected = shlex.split(text)
    except ValueError:
        with pytest.raises(BadTemplate):
            without_shell(text)
        return
    try:
        argv = without_shell(text).fill(values("")).argv
    except BadTemplate:
        assert not "".join(expected) or "=" in expected[0] or without_shell(f"x {text}").arguments
        return
    assert list(argv) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a | b", "pipe"),
        ("a > b", "redirect"),
        ("a < b", "redirect"),
        ("a && b", "&"),
        ("a &", "&"),
        ("a; b", "several commands"),
        ("echo $HOME", "variable"),
        ('echo "$HOME"', "variable"),
        ("echo $(date)", r"\$\("),
        ("echo `date`", "backticks"),
        ("ls *.gcode", "glob"),
        ("ls part?.gcode", "glob"),
        ("ls [ab].gcode", "glob"),
        ("(a)", "subshell"),
        ("a\nb", "several lines"),
        ("A=1 b", "env"),
        ("cd /tmp", "part of the shell"),
        ("echo # note", "comment"),
    ],
)
def test_what_needs_a_shell_and_does_not_say_so_is_refused_with_the_fix(text: str, reason: str) -> None:
    with pytest.raises(BadTemplate, match=f"needs a shell for .*{reason}.*shell: true"):
        without_shell(text)


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("curl http://host/api?apikey=x", ["curl", "http://host/api?apikey=x"]),
        ("echo '$HOME | *' \"a;b\"", ["echo", "$HOME | *", "a;b"]),
        (r"echo a\ b \$x", ["echo", "a b", "$x"]),
        ("[ -f x ]", ["[", "-f", "x", "]"]),
        ("echo ''", ["echo", ""]),
        ("echo done\n", ["echo", "done"]),
        ("echo 100% a~b x@y", ["echo", "100%", "a~b", "x@y"]),
    ],
)
def test_what_needs_no_shell_is_taken_as_it_is(text: str, argv: list[str]) -> None:
    assert list(without_shell(text).fill(values("")).argv) == argv


DANGEROUS = [
    'sh -c "echo {file}"',
    "bash -lc 'echo {file}'",
    "bash -o pipefail -c 'echo {file}'",
    "sudo sh -ec 'x {file}'",
    "/usr/bin/env bash -c {file}",
    "busybox sh -c 'x {file}'",
    "python3 -c \"print('{file}')\"",
    "python3.11 -cprint({file})".replace("(", "\\(").replace(")", "\\)"),
    "perl -ne 'print {file}'",
    "ruby -e {file}",
    "node -e 'x({file})'",
    "node --eval={file}",
    "php -r {file}",
    "awk '/{file}/'",
    "sed s/x/{file}/ out",
    "sed -e s/x/{file}/ out",
    "sqlite3 a.db 'insert {file}'",
    "psql -c 'select {file}'",
    "ssh host notify {file}",
    "xargs {file}",
    "su pi -c 'x {file}'",
    "{file}",
    "{file} x",
    "/opt/{file}.sh",
    "sudo {file}",
    "env A=1 {file}",
    "timeout 5 {file}",
    "nice -n 5 {file}",
    "env {file}=1 notify",
]


@pytest.mark.parametrize("text", DANGEROUS)
@pytest.mark.parametrize("read", [without_shell, for_shell])
def test_a_placeholder_that_a_program_would_run_is_refused_when_it_loads(text: str, read) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadTemplate, match="in danger"):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "sh -c 'echo \"$1\"' _ {file}",
        "python3 notify.py -c {file}",
        "python3 -m notify {file}",
        "awk '{{print $1}}' {file}",
        "sed -n 1p {file}",
        "sqlite3 {file} .tables",
        "bash notify.sh -c {file}",
        "env A={file} notify",
        "curl -d {file} http://host",
    ],
)
def test_a_placeholder_that_is_only_data_is_taken(text: str) -> None:
    assert "x y" in " ".join(without_shell(text).fill(values("x y")).argv)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("rm {file}", False),
        ("rm {file}.bak", False),
        ('rm "{file}"', False),
        ("rm -- {file}", True),
        ("growl -d {file}", True),
        ("echo x{file}", True),
        ("echo --title={file}", True),
    ],
)
@pytest.mark.parametrize("read", [without_shell, for_shell])
def test_a_value_that_looks_like_an_option_is_refused(text: str, allowed: bool, read) -> None:  # type: ignore[no-untyped-def]
    command = read(text)
    if allowed:
        command.fill(values("-rf"))
    else:
        with pytest.raises(Refused, match="begins with a dash"):
            command.fill(values("-rf"))


def test_the_unknown_height_is_no_option() -> None:
    assert without_shell("log {__currentZ}").fill(values("")).argv == ("log", "-1")


@pytest.mark.parametrize("value", ["a\0b", "x" * MAX_ARGUMENT, "\ud800"])
@pytest.mark.parametrize("read", [without_shell, for_shell])
def test_what_an_argument_can_not_hold_refuses_the_run_and_names_stdin(value: str, read) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Refused, match="standard input"):
        read('echo "x {file}"').fill(values(value))


UNSAFE_IN_SHELL = [
    'echo "$(echo {file})"',
    "echo `echo {file}`",
    "echo ${{X:-{file}}}",
    "echo $(( {file} ))",
    "(( x = {file} ))",
    "[[ {file} -eq 1 ]]",
    "cat <<E\n{file}\nE",
    "eval echo {file}",
    "trap 'x' {file}",
    "echo $'{file}'",
    "echo ${file}",
    "echo \\{file}",
    'echo "\\{file}"',
    "echo '{file}",
    'echo "{file}',
]


@pytest.mark.parametrize("text", UNSAFE_IN_SHELL)
def test_a_placeholder_where_a_shell_reads_code_is_refused_when_it_loads(text: str) -> None:
    with pytest.raises(BadTemplate):
        for_shell(text)


def test_a_value_may_be_kept_in_a_variable_of_the_shell() -> None:
    script = for_shell('F="{file}"; echo "$F"')
    assert script.text == 'F="${CALLBOARD_ARG_1}"; echo "$F"'


def test_arguments_given_one_by_one_are_not_cut() -> None:
    command = of_arguments(["echo", "a b {file}", "$HOME | x", "~/x"])
    assert command.fill(values("'c")).argv == ("echo", "a b 'c", "$HOME | x", str(Path("~/x").expanduser()))


TOGETHER = 8
"""Values that one shell gets: to start it takes longer than what it does with them."""
SHELL_LINE = """printf '%s\\n' x{file}y "a {file} b" '<{file}>' "$(echo in)" -- {file} "{file}"
"""


def shell_says(shell: str, files: list[str], folder: Path) -> bytes:
    named = {f"v{number}": file for number, file in enumerate(files)}
    template = "".join(SHELL_LINE.replace("{file}", f"{{{name}}}") for name in named)
    event = Event("octoprint.PrintDone", named, entry=Stamp("l-1", 1.0, "mk3"))
    invocation = for_shell(template).fill(Values(event))
    environment = {"PATH": str(folder / "bin"), "HOME": "/nowhere", **invocation.environment}
    return subprocess.run(
        [shell, *invocation.argv[1:]],
        env=environment,
        cwd=folder,
        capture_output=True,
        check=True,
        timeout=20,
    ).stdout


def tripwires(folder: Path) -> Path:
    """Make programs that tell when anybody starts them, and a folder where nothing may appear."""
    (folder / "bin").mkdir()
    for name in ("touch", "id", "sh", "cat", "ls", "reboot"):
        program = folder / "bin" / name
        program.write_text(f"#!/bin/sh\n: > {folder}/started-{name}\n")
        program.chmod(0o755)
    return folder


def check_shell(shell: str, files: list[str], folder: Path) -> None:
    try:
        said = shell_says(shell, files, folder)
    except Refused:
        if len(files) == 1:
            check_refused(files[0])
            return
        for file in files:
            check_shell(shell, [file], folder)
        return
    assert said == b"".join(map(as_told, files)), files
    assert [path.name for path in folder.iterdir()] == ["bin"], files


def check_refused(file: str) -> None:
    assert "\0" in file or len(file) > 100_000 or any("\ud800" <= char <= "\udfff" for char in file)


def as_told(file: str) -> bytes:
    told = os.fsencode(file)
    expected = [b"x" + told + b"y", b"a " + told + b" b", b"<" + told + b">", b"in", b"--", told, told]
    return b"\n".join(expected) + b"\n"


def together(files: Iterable[str]) -> Iterator[list[str]]:
    waiting = iter(files)
    return iter(lambda: list(islice(waiting, TOGETHER)), [])


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_no_hostile_value_starts_a_process_or_breaks_a_shell_command(shell: str, tmp_path: Path) -> None:
    folder = tripwires(tmp_path)
    for files in together(hostile.values(150)):
        check_shell(shell, files, folder)


@pytest.mark.slow
def test_ten_thousand_hostile_values_start_nothing(tmp_path: Path) -> None:
    folder = tripwires(tmp_path)
    for files in together(hostile.values(10_000, seed=2)):
        check_shell("/bin/sh", files, folder)


def test_no_hostile_value_moves_an_argument() -> None:
    command = without_shell("probe {file} -d \"Done {file}\" 'x{file}' -- {file}")
    for file in hostile.values(10_000):
        try:
            argv = command.fill(values(file)).argv
        except Refused:
            continue
        assert argv == ("probe", file, "-d", f"Done {file}", f"x{file}", "--", file)
        assert not file.startswith("-")


@given(st.text(max_size=2000))
def test_reading_a_command_ends_with_a_command_or_a_reason(text: str) -> None:
    for read in (without_shell, for_shell):
        with suppress(BadTemplate):
            assert read(text).source == text
