"""A camera's view of the print: bed, the material so far, the nozzle, and what the display would say.

What was drawn stays drawn: a print only grows, upwards and mostly layer by layer, so a new picture
draws the new lines onto the last one (a painter's order for free). Only when the print outgrows the
view, or the trail was thinned, everything is drawn again.
"""

from __future__ import annotations

from colorsys import hls_to_rgb
from io import BytesIO
from math import ceil, cos, hypot, log, sin
from typing import TYPE_CHECKING

from msgspec import Struct

from callboard.errors import MissingExtra

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

    from callboard.printing.virtual.firmware import Firmware
    from callboard.printing.virtual.trail import Trail

_OVER = 2
"""Pixels of the drawing for one of the picture, each way: smooth lines."""
_TURN, _TILT = -0.62, 0.50
_LEAST = 32.0
"""Millimetres that the view shows at the least."""
_STEP = 1.35
_WIDTH = 0.48
"""Millimetres of a line of material."""
_LIGHT = 2.3
_SKY, _FLOOR = (44, 50, 60), (18, 20, 25)
_BED, _GRID, _EDGE = (34, 39, 47), (52, 60, 71), (88, 100, 116)
_TEXT, _DIM = (236, 240, 244), (150, 160, 172)


class View(Struct, frozen=True):
    """How millimetres become pixels: the middle of what is seen, and pixels a millimetre."""

    x: float
    y: float
    scale: float
    width: int
    height: int

    def place(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Return where a point is seen."""
        dx, dy = x - self.x, y - self.y
        right = dx * cos(_TURN) - dy * sin(_TURN)
        deep = dx * sin(_TURN) + dy * cos(_TURN)
        return (
            self.width / 2 + right * self.scale,
            self.height * 0.66 - (deep * sin(_TILT) + z * cos(_TILT)) * self.scale,
        )


class Painter:
    """Paints one printer's pictures, each on top of the last."""

    def __init__(self) -> None:
        self._view: View | None = None
        self._image: Image | None = None
        self._drawn = 0
        self._era = -1

    def picture(self, firmware: Firmware, size: tuple[int, int], caption: str) -> bytes:
        """Return a JPEG."""
        from PIL import Image, ImageDraw

        trail, machine = firmware.machine.trail, firmware.machine
        view = self._seen(trail, machine.size, size)
        if self._image is None or view != self._view or (trail and trail.era != self._era):
            self._view, self._drawn = view, 0
            self._image = _empty(view, machine.size)
            self._era = trail.era if trail else -1
        if trail is not None:
            self._material(ImageDraw.Draw(self._image), view, trail)
        image = self._image.copy()
        draw = ImageDraw.Draw(image)
        _nozzle(draw, view, machine.x, machine.y, machine.z)
        image = image.resize(size, Image.Resampling.BOX)
        _display(image, firmware, caption)
        out = BytesIO()
        image.save(out, "JPEG", quality=86)
        return out.getvalue()

    def _seen(self, trail: Trail | None, bed: tuple[float, float, float], size: tuple[int, int]) -> View:
        """Return the view that holds the print, in steps, so that it rarely changes."""
        width, height = size[0] * _OVER, size[1] * _OVER
        low, high = trail.box() if trail else ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
        if low > high or not trail:
            low, high = (0.0, 0.0, 0.0), bed
            high = (bed[0], bed[1], 0.0)
        across = max(high[0] - low[0], high[1] - low[1], (high[2] - low[2]) * 1.2, _LEAST)
        across = _LEAST * _STEP ** ceil(log(across * 1.15 / _LEAST) / log(_STEP))
        grain = across / 8
        middle = [round((a + b) / 2 / grain) * grain for a, b in zip(low, high, strict=True)]
        return View(middle[0], middle[1], min(width, height) / across / 1.2, width, height)

    def _material(self, draw: ImageDraw, view: View, trail: Trail) -> None:
        lines = trail.lines
        thick = max(round(_WIDTH * view.scale), 2)
        for at in range(self._drawn * 5, len(lines), 5):
            x, y, z, to_x, to_y = lines[at : at + 5]
            ends = (*view.place(x, y, z), *view.place(to_x, to_y, z))
            shade = _shade(to_x - x, to_y - y, z)
            draw.line(ends, fill=tuple(part * 5 // 9 for part in shade), width=thick + 2)
            draw.line((ends[0], ends[1] - 1, ends[2], ends[3] - 1), fill=shade, width=thick)
        self._drawn = len(lines) // 5


def _shade(dx: float, dy: float, z: float) -> tuple[int, int, int]:
    """Return a line's colour: its hue from its height, its light from where it looks."""
    length = hypot(dx, dy) or 1.0
    lit = abs(dx * sin(_LIGHT) - dy * cos(_LIGHT)) / length
    layer = round(z / 0.2)
    red, green, blue = hls_to_rgb((0.07 + z / 900) % 1.0, 0.40 + 0.17 * lit + 0.02 * (layer % 2), 0.82)
    return int(red * 255), int(green * 255), int(blue * 255)


def _empty(view: View, bed: tuple[float, float, float]) -> Image:
    """Return a picture of a bed with nothing on it."""
    from PIL import Image, ImageDraw

    strip = Image.new("RGB", (1, view.height))
    for y in range(view.height):
        part = y / view.height
        strip.putpixel((0, y), tuple(int(a + (b - a) * part) for a, b in zip(_SKY, _FLOOR, strict=True)))
    image = strip.resize((view.width, view.height))
    draw = ImageDraw.Draw(image)
    width, depth = bed[0], bed[1]
    corners = [(0, 0), (width, 0), (width, depth), (0, depth)]
    below = [view.place(x, y, -3.0) for x, y in corners]
    above = [view.place(x, y, -0.1) for x, y in corners]
    draw.polygon(below, fill=_FLOOR)
    for a, b in ((0, 1), (1, 2), (2, 3), (3, 0)):
        draw.polygon([above[a], above[b], below[b], below[a]], fill=(26, 30, 36))
    draw.polygon(above, fill=_BED, outline=_EDGE)
    for x in range(0, int(width) + 1, 10):
        colour = _EDGE if x % 50 == 0 else _GRID
        draw.line((*view.place(x, 0, -0.1), *view.place(x, depth, -0.1)), fill=colour, width=_OVER)
    for y in range(0, int(depth) + 1, 10):
        colour = _EDGE if y % 50 == 0 else _GRID
        draw.line((*view.place(0, y, -0.1), *view.place(width, y, -0.1)), fill=colour, width=_OVER)
    return image


def _nozzle(draw: ImageDraw, view: View, x: float, y: float, z: float) -> None:
    """Draw the nozzle where the tool is, not larger than a hand on the picture."""
    tip_x, tip_y = view.place(x, y, z)
    unit = min(view.scale, view.height / 190)
    cone = [(-0.8, 0.0), (0.8, 0.0), (4.0, -5.0), (-4.0, -5.0)]
    draw.polygon([(tip_x + a * unit, tip_y + b * unit) for a, b in cone], fill=(196, 160, 84))
    for left, top, right, bottom, colour in (
        (-5.0, -9.0, 5.0, -5.0, (150, 118, 58)),
        (-9.0, -18.0, 9.0, -9.0, (122, 130, 140)),
        (-2.6, -22.0, 2.6, -18.0, (86, 94, 104)),
        (-8.0, -40.0, 8.0, -22.0, (64, 71, 80)),
    ):
        box = (tip_x + left * unit, tip_y + top * unit, tip_x + right * unit, tip_y + bottom * unit)
        draw.rectangle(box, fill=colour)
        shine = (box[0], box[1], box[0] + (box[2] - box[0]) * 0.25, box[3])
        draw.rectangle(shine, fill=tuple(min(part + 24, 255) for part in colour))
    for fin in range(4):
        level = tip_y - (26.0 + 4 * fin) * unit
        draw.line((tip_x - 10 * unit, level, tip_x + 10 * unit, level), fill=(96, 105, 116), width=_OVER)


def _display(image: Image, firmware: Firmware, caption: str) -> None:
    """Write what a display would say: time, height, temperatures, progress."""
    from PIL import ImageDraw, ImageFont

    draw = ImageDraw.Draw(image, "RGBA")
    size = max(image.height // 34, 10)
    font = ImageFont.load_default(size)
    firmware.heaters.run(firmware.now)
    left, gap = size, round(size * 0.6)
    tool = firmware.heaters.hotends[firmware.machine.tool % len(firmware.heaters.hotends)]
    said = f"nozzle {tool.reading:.0f}/{tool.target:.0f} °C"
    if firmware.heaters.bed:
        said += f"   bed {firmware.heaters.bed.reading:.0f}/{firmware.heaters.bed.target:.0f} °C"
    bottom = image.height - size - gap
    draw.rectangle((0, bottom - gap, image.width, image.height), fill=(8, 10, 13, 170))
    draw.text((left, bottom), f"Z {firmware.machine.z:.2f} mm   {said}", font=font, fill=_TEXT)
    if caption:
        draw.text((image.width - left, bottom), caption, font=font, fill=_DIM, anchor="ra")
    share = firmware.progress()
    if share is not None:
        draw.text((image.width - left, gap), f"{share:.0%}", font=font, fill=_TEXT, anchor="ra")
        draw.rectangle((0, bottom - gap - 4, image.width, bottom - gap - 1), fill=(60, 66, 76, 255))
        draw.rectangle((0, bottom - gap - 4, image.width * share, bottom - gap - 1), fill=(238, 150, 60, 255))


def painter() -> Painter:
    """Return something to paint with; raises MissingExtra without Pillow."""
    try:
        import PIL  # noqa: F401
    except ImportError:
        raise MissingExtra("Pictures need Pillow: pip install 'callboard[print]'.") from None
    return Painter()
