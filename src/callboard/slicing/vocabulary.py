"""What settings a slicer knows, learnt from the program itself: a slip in a name must not be left out.

    program --asked--> its settings --Slicer.known--> names, kept while the program is the same

Profiles keep what is strange to this version: they may come from another one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from callboard.files.threads import Threads
from callboard.slicing.job import new_id
from callboard.slicing.process import Limits, run
from callboard.slicing.refusals import BadProfile
from callboard.slicing.slicer import TOLD, Settings, Slicer
from callboard.verbs import near

_SECONDS: Final = 5.0
_MOST: Final = 5000
"""Lines that are listened to."""

Key = tuple[str, int]


class Vocabulary:
    """Asks programs, in folders of their own below `folder`, which are swept with those of jobs."""

    def __init__(self, threads: Threads, folder: Path, limits: Limits) -> None:
        self._threads, self._folder = threads, folder
        self._limits = Limits(_SECONDS, 1 << 20, limits.memory)
        self._told: dict[Key, str] = {}

    async def check(self, slicer: Slicer, program: str, settings: Settings, said: Iterable[str]) -> None:
        """Raise BadProfile for a name in `said` that is none; where nothing can be learnt, all are taken."""
        names = list(said)
        if not names:
            return
        told = await self._learnt(slicer, program) if slicer.asked else ""
        known = await self._threads.do(slicer.known, told, settings)
        for name in names if known else ():
            if name not in known:
                raise BadProfile(f"{slicer.title} knows no setting {name[:80]!r}{near(name, known)}.")

    async def _learnt(self, slicer: Slicer, program: str) -> str:
        key = program, (await self._threads.do(Path(program).stat)).st_mtime_ns
        if key not in self._told:
            told = await self._ask(slicer, program)
            if not told:
                return ""
            self._told = {of: text for of, text in self._told.items() if of[0] != program} | {key: told}
        return self._told[key]

    async def _ask(self, slicer: Slicer, program: str) -> str:
        folder, lines = self._folder / new_id(), list[str]()

        def hear(line: str) -> bool:
            lines.extend([line] if len(lines) < _MOST else [])
            return True

        try:
            await self._threads.do((folder / "data").mkdir, parents=True)
            await run([program, *slicer.asked], folder, self._limits, on_line=hear)
            return await self._threads.do(_written, folder / TOLD, lines)
        except OSError:
            return ""
        finally:
            await self._threads.do(shutil.rmtree, folder, ignore_errors=True)


def _written(path: Path, lines: list[str]) -> str:
    """Return what a program wrote of its settings and what it said; nothing if it wrote none."""
    return "\n".join([path.read_text("utf-8", "replace"), *lines])
