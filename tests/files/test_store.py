"""The store on a real disk: in and out, about, and nothing outside of it."""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import UNSET

from callboard.files.adopting import adopt, look, sweep_all
from callboard.files.metadata import SHEET, Print
from callboard.files.refusals import BadName, Busy, DiskFull, NoSuchFile, Refused, Taken, TooLarge, WrongType
from callboard.files.store import FileStore
from callboard.files.stored import PrintInfo, StoredFile, info

PROGRAM = b"G28\nG1 X10 F3000\n"
HERE = Path(__file__).parent
SECRET = "not yours\n"


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.gcode").write_text(SECRET)
    return FileStore(tmp_path / "files")


def put(store: FileStore, path: str, data: bytes = PROGRAM, *, overwrite: bool = False) -> StoredFile:
    with store.open_upload(path, overwrite=overwrite) as upload:
        upload.write(data)
        return upload.finish("jane")


def content(store: FileStore, path: str) -> bytes:
    with store.open(path) as file:
        return file.read()


def descriptors() -> int:
    """Return how many files this process has open, where the system tells."""
    there = Path("/proc/self/fd")
    return len(list(there.iterdir())) if there.exists() else 0


def on_disk(store: FileStore) -> list[str]:
    """Return all that lies in the base folder but the sheets, hidden or not."""
    found = (path.relative_to(store.base) for path in store.base.rglob("*"))
    return sorted(str(path) for path in found if path.name != SHEET)


def listed(store: FileStore) -> list[str]:
    return [one.path for one in store.entries(recursive=True)]


def test_an_upload_is_there_whole_with_its_hash_and_who_brought_it(store: FileStore) -> None:
    with store.open_upload("parts/arm.gcode", display="Arm?.gcode") as upload:
        for piece in (PROGRAM[:5], PROGRAM[5:]):
            upload.write(piece)
        assert listed(store) == []
        made = upload.finish("jane")
    assert content(store, "parts/arm.gcode") == PROGRAM
    assert store.locate("parts/arm.gcode").read_bytes() == PROGRAM
    assert made == store.file("parts/arm.gcode")
    assert made.sha256 == hashlib.sha256(PROGRAM).hexdigest()
    assert (made.user, made.display, made.size, made.type) == (
        "jane",
        "Arm?.gcode",
        len(PROGRAM),
        "machinecode",
    )
    assert on_disk(store) == ["parts", "parts/arm.gcode"]


def test_what_is_not_finished_leaves_nothing(store: FileStore) -> None:
    with store.open_upload("parts/arm.gcode") as upload:
        upload.write(PROGRAM)
    assert on_disk(store) == []


HOSTILE = [
    "../outside/secret.gcode",
    "..",
    "a/../../outside/secret.gcode",
    "a\0b.gcode",
    "a\nb.gcode",
    "CON.gcode",
    "nul.gcode",
    ".hidden.gcode",
    ".callboard.json",
    ".upload-x.part",
    "x" * 250 + ".gcode",
    "ü" * 125 + ".gcode",
    "a\\b.gcode",
    "e\u0301.gcode",
    "link/secret.gcode",
    "linked.gcode",
    "pipe.gcode",
    "",
    "/",
    "missing/x",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_name_reads_writes_moves_and_removes_nothing(store: FileStore, path: str) -> None:
    outside = store.base.parent / "outside"
    (store.base / "link").symlink_to(outside)
    (store.base / "linked.gcode").symlink_to(outside / "secret.gcode")
    os.mkfifo(store.base / "pipe.gcode")
    put(store, "mine.gcode")
    before = (on_disk(store), [SECRET])
    acts: tuple[Callable[[], object], ...] = (
        lambda: store.open(path),
        lambda: store.locate(path),
        lambda: store.file(path),
        lambda: put(store, path, overwrite=True),
        lambda: store.move("mine.gcode", path),
        lambda: store.move(path, "theirs.gcode"),
        lambda: store.copy("mine.gcode", path),
        lambda: store.copy(path, "theirs.gcode"),
        lambda: store.remove(path, recursive=True),
        lambda: store.update(path, user="eve"),
        lambda: store.hold(path),
    )
    for act in acts:
        with pytest.raises(Refused):
            act()
    assert (on_disk(store), [one.read_text() for one in outside.iterdir()]) == before
    assert listed(store) == ["mine.gcode"]


def test_a_folder_that_is_a_link_is_refused_even_inside(store: FileStore) -> None:
    put(store, "parts/arm.gcode")
    (store.base / "alias").symlink_to(store.base / "parts")
    with pytest.raises(BadName, match="link"):
        store.open("alias/arm.gcode")
    with pytest.raises(BadName, match="link"):
        put(store, "alias/new.gcode")
    assert listed(store) == ["parts", "parts/arm.gcode"]


def test_a_folder_whose_name_begins_like_the_base_is_outside(store: FileStore) -> None:
    neighbour = store.base.parent / f"{store.base.name}-other"
    neighbour.mkdir()
    (neighbour / "x.gcode").write_bytes(PROGRAM)
    with pytest.raises(BadName):
        store.open(f"../{neighbour.name}/x.gcode")


def test_removing_a_folder_never_follows_a_link_in_it(store: FileStore) -> None:
    put(store, "parts/arm.gcode")
    (store.base / "parts" / "link").symlink_to(store.base.parent / "outside")
    store.remove("parts", recursive=True)
    assert (store.base.parent / "outside" / "secret.gcode").read_text() == SECRET
    assert on_disk(store) == []


def test_a_name_that_is_taken_stays_as_it_is_unless_overwriting_is_allowed(store: FileStore) -> None:
    put(store, "arm.gcode")
    with pytest.raises(Taken, match="overwriting"):
        put(store, "arm.gcode", b"other")
    with store.open_upload("late.gcode") as upload:
        put(store, "late.gcode")
        upload.write(b"other")
        with pytest.raises(Taken):
            upload.finish()
    assert content(store, "late.gcode") == PROGRAM
    assert put(store, "arm.gcode", b"other", overwrite=True).size == 5
    assert on_disk(store) == ["arm.gcode", "late.gcode"]


@pytest.mark.parametrize(
    ("there", "new"), [("Arm.gcode", "arm.gcode"), ("Straße.g", "STRASSE.g"), ("A/x.g", "a/x.g")]
)
def test_names_that_differ_in_case_only_are_one_name(store: FileStore, there: str, new: str) -> None:
    put(store, there)
    with pytest.raises(Taken, match="case only"):
        put(store, new)
    put(store, "other.gcode")
    with pytest.raises(Taken, match="case only"):
        store.move("other.gcode", new)


def test_a_file_may_change_its_own_case(store: FileStore) -> None:
    put(store, "arm.gcode")
    assert store.move("arm.gcode", "Arm.gcode").path == "Arm.gcode"
    assert listed(store) == ["Arm.gcode"]


def test_other_types_are_refused_and_not_listed(store: FileStore) -> None:
    with pytest.raises(WrongType):
        put(store, "virus.exe")
    put(store, "arm.stl")
    (store.base / "notes.txt").write_text("x")
    assert listed(store) == ["arm.stl"]
    assert store.file("arm.stl").type == "model"
    with pytest.raises(WrongType):
        store.move("arm.stl", "arm.exe")


def test_a_folder_cannot_be_called_like_a_file(store: FileStore) -> None:
    with pytest.raises(Taken, match="name of a file"):
        store.make_folder("arm.gcode")
    with pytest.raises(Taken, match="name of a file"):
        put(store, "arm.gcode/x.gcode")


def test_folders_are_made_listed_moved_and_removed(store: FileStore) -> None:
    store.make_folder("a/b")
    put(store, "a/b/x.gcode")
    assert [one.path for one in store.entries("a")] == ["a/b"]
    store.note_print("a/b/x.gcode", Print(timestamp=1.0, success=True, print_time=5.0, printer="mk3"))
    store.move("a", "c")
    assert listed(store) == ["c", "c/b", "c/b/x.gcode"]
    assert store.file("c/b/x.gcode").statistics.average_print_time == {"mk3": 5.0}
    with pytest.raises(BadName, match="into itself"):
        store.move("c", "c/b/d")
    with pytest.raises(Taken, match="not empty"):
        store.remove("c")
    store.remove("c", recursive=True)
    assert on_disk(store) == []
    store.make_folder("empty")
    store.remove("empty")
    with pytest.raises(NoSuchFile):
        store.remove("")


def test_a_move_carries_what_is_known_and_a_copy_all_but_the_prints(store: FileStore) -> None:
    put(store, "arm.gcode")
    store.update("arm.gcode", analysis={"estimatedPrintTime": 60.0}, data={"note": "fine"})
    store.note_print("arm.gcode", Print(timestamp=1.0, success=False, printer="mk3"))
    moved = store.move("arm.gcode", "old/arm2.gcode")
    assert isinstance(moved, StoredFile)
    assert (moved.user, moved.analysis, len(moved.history)) == ("jane", {"estimatedPrintTime": 60.0}, 1)
    assert moved.display == "arm2.gcode"
    store.copy("old", "new")
    copied = store.file("new/arm2.gcode")
    assert (copied.analysis, copied.data, copied.history) == (
        {"estimatedPrintTime": 60.0},
        {"note": "fine"},
        (),
    )
    assert copied.sha256 == moved.sha256


def test_the_same_bytes_keep_their_history_and_others_begin_anew(store: FileStore) -> None:
    put(store, "arm.gcode")
    store.note_print("arm.gcode", Print(timestamp=1.0, success=True, print_time=5.0))
    assert len(put(store, "arm.gcode", overwrite=True).history) == 1
    assert put(store, "arm.gcode", b"G29\n", overwrite=True).history == ()


def test_a_file_that_prints_cannot_be_changed_moved_or_removed(store: FileStore) -> None:
    put(store, "parts/arm.gcode")
    store.hold("parts/arm.gcode", "mk3")
    store.hold("/parts/arm.gcode", "mk4")
    assert store.file("parts/arm.gcode").busy
    acts: tuple[Callable[[], object], ...] = (
        lambda: put(store, "parts/arm.gcode", overwrite=True),
        lambda: store.move("parts/arm.gcode", "x.gcode"),
        lambda: store.move("parts", "other"),
        lambda: store.remove("parts/arm.gcode"),
        lambda: store.remove("parts", recursive=True),
    )
    for act in acts:
        with pytest.raises(Busy, match="printing on mk3, mk4"):
            act()
    store.copy("parts/arm.gcode", "copy.gcode")
    store.release("parts/arm.gcode", "mk3")
    store.release("parts/arm.gcode", "mk3")
    with pytest.raises(Busy):
        store.remove("parts/arm.gcode")
    store.release("parts/arm.gcode", "mk4")
    store.remove("parts/arm.gcode")
    with pytest.raises(NoSuchFile):
        store.hold("parts/arm.gcode")


def test_a_print_that_begins_during_an_upload_wins(store: FileStore) -> None:
    put(store, "arm.gcode")
    with store.open_upload("arm.gcode", overwrite=True) as upload:
        upload.write(b"G29\n")
        store.hold("arm.gcode")
        with pytest.raises(Busy):
            upload.finish()
    assert content(store, "arm.gcode") == PROGRAM


def test_who_reads_a_file_goes_on_reading_it_when_another_takes_its_place(store: FileStore) -> None:
    put(store, "arm.gcode")
    with store.open("arm.gcode") as file:
        put(store, "arm.gcode", b"G29\n", overwrite=True)
        assert file.read() == PROGRAM


def test_a_folder_may_move_while_a_file_comes_into_it(store: FileStore) -> None:
    store.make_folder("parts")
    with store.open_upload("parts/arm.gcode") as upload:
        upload.write(PROGRAM)
        store.move("parts", "old")
        upload.finish()
    assert listed(store) == ["old", "parts", "parts/arm.gcode"]
    assert on_disk(store) == listed(store)


def test_a_file_may_not_be_larger_than_is_allowed(tmp_path: Path) -> None:
    store = FileStore(tmp_path, max_upload=100)
    with store.open_upload("a.gcode") as upload:
        with pytest.raises(TooLarge, match="100 bytes"):
            upload.expect(101)
        upload.write(b"x" * 100)
        with pytest.raises(TooLarge):
            upload.write(b"x")
    assert on_disk(store) == []


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    libc = ctypes.CDLL(None, use_errno=True)
    disk = tmp_path / "disk"
    disk.mkdir()
    if sys.platform != "linux" or libc.mount(b"none", bytes(disk), b"tmpfs", 0, b"size=256k") != 0:
        pytest.skip("only root may mount a disk of its own")
    try:
        yield disk
    finally:
        libc.umount(bytes(disk))


def test_a_full_disk_is_told_and_nothing_is_lost(tiny: Path) -> None:
    store = FileStore(tiny / "files")
    put(store, "arm.gcode")
    store.update("arm.gcode", analysis={"layers": 3})
    with store.open_upload("arm.gcode", overwrite=True) as upload, pytest.raises(DiskFull, match="make room"):
        upload.write(b"x" * 1_000_000)
    with store.open_upload("big.gcode") as upload, pytest.raises(DiskFull, match="no room for"):
        upload.expect(1_000_000)
    with pytest.raises(DiskFull):
        store.update("arm.gcode", data={"text": "x" * 300_000})
    assert on_disk(store) == ["arm.gcode"]
    assert content(store, "arm.gcode") == PROGRAM
    assert store.file("arm.gcode").analysis == {"layers": 3}


def run(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HERE / "storing.py"), *words], stdout=subprocess.PIPE, text=True
    )


def test_a_bound_on_file_sizes_is_a_full_disk(tmp_path: Path) -> None:
    with run("bounded", str(tmp_path)) as process:
        said, _ = process.communicate(timeout=20)
    assert said.startswith("DiskFull")
    assert list(tmp_path.iterdir()) == []


def test_a_kill_in_the_middle_of_an_upload_leaves_nothing(tmp_path: Path) -> None:
    with run("kill", str(tmp_path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        process.kill()
    store = FileStore(tmp_path)
    assert listed(store) == []
    with store.open_upload("other.gcode") as upload:
        upload.write(PROGRAM)
        assert sweep_all(store) == 1
        upload.finish()
    assert on_disk(store) == ["other.gcode"]


def test_many_threads_may_use_one_store(store: FileStore) -> None:
    faults: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                path = f"f{number % 3}/{number}-{turn}.gcode"
                put(store, path)
                store.note_print(path, Print(timestamp=float(turn), success=True, print_time=1.0))
                store.move(path, f"done/{number}-{turn}.gcode")
                store.entries(recursive=True)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    files = store.entries("done")
    assert len(files) == 40
    assert all(isinstance(one, StoredFile) and len(one.history) == 1 for one in files)


def test_a_list_leaves_out_what_is_long(store: FileStore) -> None:
    put(store, "a.gcode")
    store.update("a.gcode", analysis={"layers": 2, "timeline": [0.0, 1.0]})
    store.note_print("a.gcode", Print(timestamp=1e18, success=True))
    made = store.file("a.gcode")
    assert info(made).analysis == {"layers": 2}
    assert info(made).history is UNSET
    assert info(made, whole=True).analysis == {"layers": 2, "timeline": [0.0, 1.0]}
    assert info(made, whole=True).history == [PrintInfo("9999-12-31T23:59:59.000Z", True)]


def test_a_store_keeps_no_descriptor_open(store: FileStore) -> None:
    put(store, "a/b.gcode")
    before = descriptors()
    for _ in range(20):
        put(store, "a/b.gcode", overwrite=True)
        store.entries(recursive=True)
        for path in ("a/missing.gcode", "a/b.gcode/c.gcode", "nope/x.gcode"):
            with pytest.raises(Refused):
                store.open(path)
        with store.open_upload("c.gcode"):
            pass
    after = descriptors()
    assert after == before


def test_a_file_put_in_by_hand_is_taken_in_under_a_safe_name(store: FileStore) -> None:
    for name in ("fine.gcode", "b?d;.gcode", "bd.gcode", "CON.gcode", "???.gco"):
        (store.base / name).write_bytes(PROGRAM)
    (store.base / os.fsdecode(b"caf\xe9.gcode")).write_bytes(PROGRAM)
    (store.base / "notes.txt").write_text("x")
    found = look(store)
    assert found.odd == ("notes.txt",)
    taken = adopt(store, found.strangers)
    assert sorted(one.path for one in taken) == [
        "CON_.gcode",
        "bd.gcode",
        "bd_2.gcode",
        "caf.gcode",
        "file.gco",
        "fine.gcode",
    ]
    assert all(one.sha256 for one in taken)
    assert store.file("bd_2.gcode").display == "b?d;.gcode"
    assert not look(store).strangers


def test_a_file_changed_by_hand_is_new_and_one_removed_by_hand_is_gone(store: FileStore) -> None:
    put(store, "a.gcode")
    put(store, "b.gcode")
    store.update("a.gcode", analysis={"layers": 1})
    (store.base / "a.gcode").write_bytes(b"G29 ; other\n")
    (store.base / "b.gcode").unlink()
    assert store.file("a.gcode").analysis is None
    found = look(store)
    assert list(found.strangers) == [("a.gcode",)]
    assert found.gone == ("b.gcode",)
    assert adopt(store, [("a.gcode",)]) == [store.file("a.gcode")]
    assert store.forget("b.gcode")
    assert not store.forget("a.gcode")
    assert look(store).gone == ()


def test_a_folder_made_by_hand_gets_a_safe_name_first(store: FileStore) -> None:
    (store.base / "un;safe").mkdir()
    (store.base / "un;safe" / "x.gcode").write_bytes(PROGRAM)
    assert adopt(store, [("un;safe",), ("un;safe", "x.gcode")]) == []
    assert [one.path for one in adopt(store, [("unsafe", "x.gcode")])] == ["unsafe/x.gcode"]
    assert listed(store) == ["unsafe", "unsafe/x.gcode"]
