"""The project around the code keeps its own promises."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "callboard"
REGISTRIES = [
    ".".join(host) for host in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
]
VALUES = ["errors.py", "jsontext.py", "event.py", "config", "expression", "catalog", "wire"]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))


def tracked_files() -> Iterator[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout
    names = listed.decode().split("\0")
    if listed == b"":  # an unpacked sdist
        names = [str(path.relative_to(ROOT)) for path in SOURCE.rglob("*") if path.is_file()]
    return (ROOT / name for name in names if name and (ROOT / name).is_file())


def python_files(name: str) -> list[Path]:
    path = SOURCE / name
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def test_no_file_names_a_package_registry() -> None:
    named = [
        (path.name, host)
        for path in tracked_files()
        for host in REGISTRIES
        if host.encode() in path.read_bytes()
    ]
    assert named == []


@pytest.mark.parametrize("lock", ["run.txt", "test.txt"])
def test_every_requirement_is_pinned_with_hashes(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text()
    for requirement in re.split(r"\n(?=\S)", text.strip()):
        assert re.match(r"[a-z0-9-]+(\[.*\])?==\S+", requirement), requirement
        assert "--hash=sha256:" in requirement


def test_what_runs_is_the_same_in_both_locks() -> None:
    pins = {
        name: set(
            re.findall(r"^[a-z0-9-]+==[^\s;]+", (ROOT / "requirements" / name).read_text(), re.MULTILINE)
        )
        for name in ("run.txt", "test.txt")
    }
    assert pins["run.txt"] <= pins["test.txt"]


def test_the_two_libraries_that_are_plugged_together_are_pinned() -> None:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = {line.split("==")[0] for line in dependencies if "==" in line}
    assert pinned == {"picows", "uvicorn"}


def test_whatever_is_imported_is_a_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    declared = {re.split(r"[^a-z0-9-]", line)[0] for line in wanted}
    named = {
        "ruamel": "ruamel",
        "prometheus_client": "prometheus-client",
        "nats": "nats-py",
        "serial": "pyserial",
        "PIL": "pillow",
        "imageio_ffmpeg": "imageio-ffmpeg",
    }
    imported = {
        named.get(name, name)
        for path in SOURCE.rglob("*.py")
        for name in outside_names(ast.parse(path.read_text()))
    }
    assert imported <= declared


def outside_names(tree: ast.Module) -> Iterator[str]:
    """Yield the top names of the modules that are imported from other distributions."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from ({name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"callboard"})


def test_dev_help_lists_each_verb() -> None:
    script = (ROOT / "dev").read_text()
    verbs = re.findall(
        r"^    ([a-z]+)(?: \| -h \| --help)?\)", script.partition("case $verb in")[2], re.MULTILINE
    )
    shown = subprocess.run(["./dev", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert verbs == ["run", "test", "lint", "types", "fmt", "docs", "bench", "help"]
    assert all(re.search(rf"^  {verb} ", shown, re.MULTILINE) for verb in verbs)


def test_dev_refuses_an_unknown_verb_with_exit_code_2() -> None:
    assert subprocess.run(["./dev", "tset"], cwd=ROOT, capture_output=True, check=False).returncode == 2


def test_ci_runs_nothing_but_dev_test() -> None:
    commands = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if not line.startswith("#")]
    assert commands[-1] == "exec ./dev test </dev/null"


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: str(page.stem))
def test_a_decision_says_what_and_why_and_what_lost(page: Path) -> None:
    said = re.findall(r"^(?:## |\*\*)(What lost|What|Why)\b", page.read_text(), re.MULTILINE)
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+", page.stem)
    assert {"What", "Why", "What lost"} <= set(said)


def test_decisions_have_numbers_of_their_own() -> None:
    numbers = [page.stem[:4] for page in DECISIONS]
    assert len(numbers) == len(set(numbers))


def test_one_event_names_files_that_exist() -> None:
    named = re.findall(
        r"`((?:src|tests|docs|benchmarks|examples)/[^`\s]+)`", (ROOT / "docs/one-event.md").read_text()
    )
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_links_between_the_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert broken == []


def test_the_glossary_is_in_order_and_has_the_words_of_the_house() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    house = {
        *("topic", "subscriber", "subscription", "expression", "target", "reply", "hook", "placeholder"),
        *("job", "entry", "position", "cursor", "recipient", "event", "log", "bus", "room", "principal"),
    }
    assert words == sorted(words)
    assert house <= set(words)


@pytest.mark.parametrize("name", VALUES)
def test_values_never_await(name: str) -> None:
    waiting = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files(name)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await)
    ]
    assert waiting == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "manager", "common", "base", "misc"}
    assert [path for path in SOURCE.rglob("*.py") if path.stem in empty] == []


def test_modules_are_at_most_350_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in SOURCE.rglob("*.py")
        if (lines := path.read_text().count("\n")) > 350
    }
    assert long == {}


def test_functions_are_small() -> None:
    lengths = sorted(
        (node.end_lineno or node.lineno) - node.body[0].lineno + 1
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert lengths[len(lengths) // 2] <= 8


def test_the_command_line_starts_without_the_heavy_parts() -> None:
    """A slow start is felt: the server and the drivers are imported by the commands that need them."""
    heavy = {
        "aiohttp",
        "nats",
        "picows",
        "prometheus_client",
        "sqlalchemy",
        "sqlite3",
        "starlette",
        "uvicorn",
        "watchfiles",
    }
    show = f"import sys, callboard.cli; print(*({heavy!r} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True).stdout
    assert shown.split() == []


@pytest.mark.slow
def test_the_wheel_has_what_the_package_needs(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    data = [
        path.relative_to(SOURCE.parent) for path in SOURCE.rglob("*") if path.suffix in {".sql", ".typed"}
    ]
    assert {str(path) for path in data} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests/") for name in names)
