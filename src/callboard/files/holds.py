"""Which files are held, since they print: they can't be changed, moved or removed, nor what they lie in."""

from __future__ import annotations

from callboard.files.refusals import Busy


class Holds:
    """Paths and who holds each; a file may be held by several printers, each as often as it likes."""

    def __init__(self) -> None:
        self._held: dict[str, list[str]] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._held

    def add(self, path: str, by: str) -> None:
        """Hold a file."""
        self._held.setdefault(path, []).append(by)

    def release(self, path: str, by: str) -> None:
        """Let go of a file once; one that is not held is no matter."""
        holders = self._held.get(path, [])
        if by in holders:
            holders.remove(by)
        if not holders:
            self._held.pop(path, None)

    def refuse(self, path: str) -> None:
        """Raise Busy when the file at `path`, or one inside the folder there, is held."""
        held = next((one for one in self._held if one == path or one.startswith(f"{path}/")), None)
        if held is None:
            return
        printers = ", ".join(sorted({by for by in self._held[held] if by}))
        where = f" on {printers}" if printers else ""
        raise Busy(f"{held!r} is printing{where}: wait until the job has ended, or cancel it.")
