"""A printer of the configuration that is only simulated, and its camera."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from callboard.config.printer import Printer
from callboard.errors import CallboardError
from callboard.printing.link import Simulated

if TYPE_CHECKING:
    from callboard.printing.virtual import VirtualPrinter

log = structlog.get_logger("callboard.printing")


class Simulation:
    """One simulated printer: always the same one, made when first asked. It belongs to the streaming loop."""

    def __init__(self, printer: Printer) -> None:
        self._said = printer
        self._printer: VirtualPrinter | None = None
        self._camera: asyncio.Server | None = None

    def printer(self) -> Simulated:
        """Return the printer."""
        return self._made()

    async def open_camera(self) -> None:
        """Serve pictures of it where the configuration says so; what is in the way is told, no more."""
        if not self._said.virtual.camera:
            return
        from callboard.printing.virtual.camera import serve_camera

        host, _, port = self._said.virtual.camera.rpartition(":")
        try:
            self._camera = await serve_camera(self._made(), host.strip("[]"), int(port))
        except (OSError, CallboardError) as error:
            log.warning("a simulated printer has no camera", printer=self._said.name, reason=str(error))

    async def close(self) -> None:
        """Take no more pictures."""
        if self._camera is not None:
            self._camera.close()

    def _made(self) -> VirtualPrinter:
        if self._printer is None:
            from callboard.printing.virtual import Virtual, VirtualPrinter

            said = self._said.virtual
            self._printer = VirtualPrinter(
                Virtual(
                    speed=said.speed,
                    seed=said.seed,
                    sd=Path(said.sd).expanduser() if said.sd else None,
                    rx_buffer=max(self._said.rx_buffer, 16),
                    hotends=self._said.extruders,
                    bed=self._said.heated_bed,
                    chamber=self._said.heated_chamber,
                )
            )
        return self._printer
