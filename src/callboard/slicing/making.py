"""One job from the model to stored G-code, in a folder of its own that is gone afterwards.

    model -> check (-> STL) -> the slicer -> is it a print -> head line, copied into the store

Raises NotSliced with a reason for people; cancelled, it leaves nothing. The result is put in its place only
after the model was looked at once more: G-code of a model that is gone or another one by now is dropped.
"""

from __future__ import annotations

import asyncio
import errno
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from callboard.files import refusals
from callboard.files.store import FileStore
from callboard.files.stored import StoredFile
from callboard.files.threads import Threads
from callboard.slicing.bed import Size
from callboard.slicing.job import Job, Order, is_id
from callboard.slicing.model import Checked, check
from callboard.slicing.process import Ended, Limits, run
from callboard.slicing.refusals import BadModel, NotSliced
from callboard.slicing.slicer import Command, Slicer, Work

SMALL: Final = 8_000_000
"""Bytes of a model that is looked at in a thread of ours; a larger one in a process, for the others' sake."""
_OUT: Final = "out.gcode"
_BLOCK: Final = 1 << 20
_FULL: Final = -25
"""The exit code of who wrote more than it may: SIGXFSZ."""
_KILLED: Final = -9

Look = tuple[int, int, int]
"""What tells one file from another: its inode, size and time."""


class Making:
    """Makes jobs, each in a folder below `folder`."""

    def __init__(
        self, store: FileStore, threads: Threads, folder: Path, limits: Limits, reading: Limits
    ) -> None:
        """`limits` hold for slicers, `reading` for what reads models."""
        self._store, self._threads, self._folder = store, threads, folder
        self._limits, self._reading = limits, reading

    def sweep(self) -> None:
        """Remove what a crash left: folders of jobs, and nothing that is somebody's own. Blocking."""
        for folder in self._folder.glob("*"):
            if is_id(folder.name):
                shutil.rmtree(folder, ignore_errors=True)

    async def make(
        self, job: Job, slicer: Slicer, program: str, progress: Callable[[float], None]
    ) -> StoredFile:
        """Return the stored G-code of a job. Raises NotSliced, or the file store's Refused."""
        folder = self._folder / job.id
        try:
            place, before = await self._threads.do(self._begin, folder, job.order)
            model, size = await self._prepared(job, folder, place)
            await self._threads.do(_measure, job, slicer, size)
            work = Work(
                program=program,
                folder=folder,
                model=model,
                out=folder / _OUT,
                settings=job.order.settings,
                position=job.order.position,
            )
            ended = await self._sliced(slicer, work, progress)
            await self._threads.do(self._check_same, job.order.file, before)
            self._check(slicer, ended)
            await self._threads.do(_check_written, work.out, slicer)
            job.storing = True
            return await self._threads.do(self._stored, job, slicer, work.out)
        except OSError as error:
            raise NotSliced(_told(error)) from None
        finally:
            await asyncio.shield(self._threads.do(shutil.rmtree, folder, ignore_errors=True))

    def _begin(self, folder: Path, order: Order) -> tuple[Path, Look]:
        (folder / "data").mkdir(parents=True)
        try:
            place = self._store.locate(order.file).absolute()
            return place, _look(place)
        except (refusals.NoSuchFile, FileNotFoundError):
            raise NotSliced(f"{order.file} was removed before it was sliced.") from None

    async def _prepared(self, job: Job, folder: Path, place: Path) -> tuple[Path, Size]:
        """Return the model as STL under a plain name, checked, and its size."""
        suffix = job.order.file.rpartition(".")[2].lower()
        model = folder / "model.stl"
        checked = Checked(suffix, ambiguous=True)
        if suffix == "stl":
            size = (await self._threads.do(place.stat)).st_size
            asked = ("check", str(place), suffix)
            here = size <= SMALL
            checked = await (self._threads.do(check, place, suffix) if here else self._aside(folder, asked))
        if checked.ambiguous:
            checked = await self._aside(folder, ("convert", str(place), suffix, str(model)))
        else:
            model.symlink_to(place)
        job.warnings = checked.warnings
        return model, checked.size

    async def _aside(self, folder: Path, words: tuple[str, ...]) -> Checked:
        return msgspec.convert(await aside(words, folder, self._reading), Checked)

    async def _sliced(self, slicer: Slicer, work: Work, progress: Callable[[float], None]) -> Ended:
        command = slicer.command(work)
        await self._threads.do(_write, command, work.folder)

        def told(line: str) -> bool:
            percent = slicer.progress(line)
            if percent is not None:
                progress(percent)
            return percent is not None

        return await run(
            command.words, work.folder, self._limits, environment=command.environment, on_line=told
        )

    def _check_same(self, file: str, before: Look) -> None:
        try:
            now = _look(self._store.locate(file))
        except (refusals.Refused, OSError):
            raise NotSliced(f"{file} was removed while it was sliced.") from None
        if now != before:
            raise NotSliced(f"{file} was replaced while it was sliced: slice it again.")

    def _check(self, slicer: Slicer, ended: Ended) -> None:
        """Raise NotSliced when the program failed."""
        if not ended.in_time:
            seconds = self._limits.seconds
            raise NotSliced(
                f"{slicer.title} took more than {seconds:g} s and was stopped: see slicing.timeout."
            )
        if ended.code == _FULL:
            raise NotSliced("The G-code would be larger than files.max_upload allows: simplify the model.")
        if ended.code == _KILLED:
            raise NotSliced(f"There was not enough memory for {slicer.title} here: simplify the model.")
        if ended.code:
            raise NotSliced(slicer.reason(ended.code, ended.lines))

    def _stored(self, job: Job, slicer: Slicer, out: Path) -> StoredFile:
        order = job.order
        with out.open("rb") as made, self._store.open_upload(order.to, overwrite=order.overwrite) as upload:
            upload.write(self._head(order, slicer).encode())
            while block := made.read(_BLOCK):
                upload.write(block)
            return upload.finish(job.by.user)

    def _head(self, order: Order, slicer: Slicer) -> str:
        """Return the first line of the result: which model this was. Source: facts 6."""
        sha256 = self._store.file(order.file).sha256
        known = f" (sha256 {sha256})" if sha256 else ""
        profile = f", profile {order.profile}" if order.profile else ""
        return f"; sliced from {order.file}{known} by {slicer.title}{profile}\n"


async def aside(words: tuple[str, ...], folder: Path, limits: Limits) -> dict[str, Any]:
    """Return what `callboard.slicing.mesh` answers, in a process with limits. Raises BadModel."""
    command = (sys.executable, "-P", "-m", "callboard.slicing.mesh", *words)
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    ended = await run(command, folder, limits, environment=threads)
    try:
        answer = msgspec.json.decode(ended.lines[-1], type=dict[str, Any])
    except (IndexError, msgspec.MsgspecError):
        answer = {}
    if ended.code == 0 and answer and "error" not in answer:
        return answer
    if not ended.in_time:
        raise BadModel(f"Reading this model took more than {limits.seconds:g} s: simplify it.")
    raise BadModel(
        answer.get("error") or "This model needs more than there is for it: simplify it, or send STL."
    )


def _write(command: Command, folder: Path) -> None:
    for name, text in command.files.items():
        (folder / name).write_text(text, "utf-8")


def _measure(job: Job, slicer: Slicer, size: Size) -> None:
    """Note what of a model is not on the bed: slicers lay it all the same, and it must not be printed."""
    bed = slicer.bed(job.order.settings)
    job.outside = bed.outside(size, job.order.position) if bed is not None else ""
    job.warnings += (job.outside,) if job.outside else ()


def _look(path: Path) -> Look:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _check_written(out: Path, slicer: Slicer) -> None:
    """Raise NotSliced when there is nothing to print in what was made, or nothing at all."""
    try:
        size = out.stat().st_size
    except FileNotFoundError:
        size = 0
    if not size:
        raise NotSliced(f"{slicer.title} ended well but wrote nothing: look at the model in another program.")
    with out.open("rb") as file:
        if slicer.layer_mark and not _has(file, slicer.layer_mark):
            raise NotSliced("Nothing of this model can be printed: it is too small, or outside of the bed.")


def _has(file: BinaryIO, mark: bytes) -> bool:
    rest = b""
    while block := file.read(_BLOCK):
        if mark in rest + block:
            return True
        rest = block[-len(mark) :]
    return False


def _told(error: OSError) -> str:
    if error.errno == errno.E2BIG:
        return "The settings are longer than a command may be: leave out what the definition says already."
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "The disk is full: make room and slice it again."
    return f"A file could not be read or written while slicing: {error.strerror or error}."
