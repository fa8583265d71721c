"""Pictures: a model as it will stand on the bed, and what G-code lays; drawn by NumPy, without a display.

    points in mm -> View.project -> pixels and depth -> Canvas (the nearest wins) -> Pillow, half as large

The background is transparent: lists and pages have their own.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from PIL import Image

from callboard.slicing.toolpath import Toolpath

Floats = NDArray[np.float32]

SMALLEST: Final = 32
LARGEST: Final = 2048
_FINER: Final = 2
_MARGIN: Final = 0.06
_BATCH: Final = 2_000_000
"""Pixels that are tried at once."""

MODEL: Final = (232, 154, 63)
LOW: Final = (58, 96, 190)
HIGH: Final = (247, 178, 72)
_LIGHTS: Final = (((-0.35, -0.75, 0.56), 0.62), ((0.8, 0.1, 0.35), 0.25))
"""Where light comes from, as seen: right, towards the bed's back, up; and how much."""
_AMBIENT: Final = 0.4
_WIDTH: Final = 0.42
"""Millimetres: how wide a laid line is drawn."""
_WIDEST: Final = 8


class View(Struct, frozen=True):
    """Where one looks from: degrees around the bed from its front, and above it."""

    around: float
    above: float

    @property
    def turn(self) -> NDArray[np.float64]:
        """The rotation: rows are right, up, and towards who looks."""
        around, above = math.radians(self.around), math.radians(self.above)
        right = (math.cos(around), math.sin(around), 0.0)
        near = (math.sin(around) * math.cos(above), -math.cos(around) * math.cos(above), math.sin(above))
        return np.array([right, np.cross(near, right), near])


ISO: Final = View(35.0, 28.0)
TOP: Final = View(0.0, 90.0)
VIEWS: Final = {"iso": ISO, "top": TOP}


class Canvas:
    """Pixels, each with how near what is drawn there is."""

    def __init__(self, size: int) -> None:
        self.size = size * _FINER
        self.scale = 1.0
        self._depth = np.full(self.size * self.size, -np.inf, np.float32)
        self._colour = np.zeros((self.size * self.size, 3), np.uint8)

    def put(self, at: NDArray[np.int64], depth: Floats, colour: NDArray[np.uint8]) -> None:
        """Draw pixels where nothing nearer is."""
        np.maximum.at(self._depth, at, depth)
        seen = self._depth[at] == depth
        self._colour[at[seen]] = colour[seen]

    def image(self) -> Image.Image:
        """Return what was drawn, smoothed."""
        there = np.isfinite(self._depth)
        pixels = np.concatenate((self._colour, (there * 255).astype(np.uint8)[:, None]), axis=1)
        whole = Image.fromarray(pixels.reshape(self.size, self.size, 4), "RGBA")
        # Averaged with its alpha, so that edges do not darken.
        return whole.reduce(_FINER)

    def fit(self, points: Floats) -> Floats:
        """Return seen points (right, up, near) in pixels, all of them inside, in the middle."""
        low, high = points.reshape(-1, 3).min(0), points.reshape(-1, 3).max(0)
        scale = self.size * (1 - 2 * _MARGIN) / max(float((high - low)[:2].max()), 1e-6)
        self.scale = scale
        placed = (points - (low + high) / 2) * np.float32(scale)
        placed[..., 0] += self.size / 2
        placed[..., 1] = self.size / 2 - placed[..., 1]
        return np.asarray(placed, np.float32)


def picture_of_model(triangles: Floats, size: int, view: View = ISO) -> Image.Image:
    """Return a picture of a model; `triangles` are (n, 3, 3) in mm."""
    canvas = Canvas(_bounded(size))
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.asarray(normals / np.where(lengths > 0, lengths, 1), np.float32)
    colours = _lit(normals, np.array(MODEL, np.float32), view)
    corners = canvas.fit((triangles.astype(np.float64) @ view.turn.T).astype(np.float32))
    _draw(canvas, corners, colours)
    return canvas.image()


def picture_of_layers(path: Toolpath, size: int, view: str = "iso", top: int = 0) -> Image.Image:
    """Return a picture of what G-code lays, low layers in blue; with `top` only up to this layer."""
    heights, seen = path.heights, VIEWS[view]
    canvas = Canvas(_bounded(size))
    placed = canvas.fit((path.ends.astype(np.float64) @ seen.turn.T).astype(np.float32))
    highest = heights[min(top, len(heights)) - 1] if top else heights[-1]
    shown = path.ends[:, 1, 2] <= highest + 0.0005
    ends, placed = path.ends[shown], placed[shown]
    share = (ends[:, 1, 2] - heights[0]) / max(float(heights[-1] - heights[0]), 1e-6)
    low, high = np.array(LOW, np.float32), np.array(HIGH, np.float32)
    base = low + share[:, None] * (high - low)
    _stroke(canvas, placed, _lit(_sides(ends), base, seen))
    return canvas.image()


def _sides(ends: Floats) -> Floats:
    """Return which way laid lines face: sideways, the more so the less they run away, and up."""
    way = (ends[:, 1] - ends[:, 0])[:, :2]
    lengths = np.hypot(way[:, 0], way[:, 1])
    unit = way / np.where(lengths > 0, lengths, 1)[:, None]
    # Of the two sides of a line, the one that is turned to who looks.
    sides = np.stack((unit[:, 1], -unit[:, 0]), axis=1)
    sides *= np.where(sides[:, 1] > 0, -1, 1)[:, None]
    return np.concatenate((0.6 * sides, np.full((len(ends), 1), 0.8)), axis=1).astype(np.float32)


def _lit(normals: Floats, base: Floats, view: View) -> NDArray[np.uint8]:
    """Return colours in the light: lamps stand where who looks stands."""
    seen = normals @ view.turn.T.astype(np.float32)
    shade = np.full(len(normals), _AMBIENT, np.float32)
    for (right, back, up), strength in _LIGHTS:
        lamp = np.array([right, up, -back])
        shade += strength * np.clip(seen @ (lamp / np.linalg.norm(lamp)).astype(np.float32), 0, None)
    return np.asarray(np.clip(base * shade[:, None] * 1.12, 0, 255).astype(np.uint8))


def _draw(canvas: Canvas, corners: Floats, colours: NDArray[np.uint8]) -> None:
    """Draw triangles, those of like size together: each pixel of the square around one is tried."""
    low = np.floor(corners[..., :2].min(1)).astype(np.int64)
    reach = (np.ceil(corners[..., :2].max(1)).astype(np.int64) - low).max(1)
    sizes = 2 ** np.ceil(np.log2(np.maximum(reach, 1))).astype(np.int64)
    for size in np.unique(sizes):
        chosen = np.flatnonzero(sizes == size)
        step = max(_BATCH // int(size * size), 1)
        for begin in range(0, len(chosen), step):
            at = chosen[begin : begin + step]
            _fill(canvas, corners[at], low[at], int(size) + 1, colours[at])


def _fill(
    canvas: Canvas, corners: Floats, low: NDArray[np.int64], size: int, colours: NDArray[np.uint8]
) -> None:
    """Draw triangles whose pixels lie in squares of `size` from `low` on."""
    offsets = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).reshape(-1, 2)
    pixels = low[:, None, :] + offsets
    centers = pixels + 0.5
    a, b, c = (corners[:, None, corner] for corner in range(3))
    area = (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (c[..., 0] - a[..., 0]) * (
        b[..., 1] - a[..., 1]
    )
    area = np.where(np.abs(area) > 1e-9, area, np.nan)
    x, y = centers[..., 0], centers[..., 1]
    one = ((b[..., 0] - x) * (c[..., 1] - y) - (c[..., 0] - x) * (b[..., 1] - y)) / area
    two = ((c[..., 0] - x) * (a[..., 1] - y) - (a[..., 0] - x) * (c[..., 1] - y)) / area
    three = 1 - one - two
    inside = (one >= -1e-4) & (two >= -1e-4) & (three >= -1e-4)
    inside &= ((pixels >= 0) & (pixels < canvas.size)).all(-1)
    depth = (one * a[..., 2] + two * b[..., 2] + three * c[..., 2]).astype(np.float32)
    at = (pixels[..., 1] * canvas.size + pixels[..., 0])[inside]
    which = np.nonzero(inside)[0]
    canvas.put(at, depth[inside], colours[which])


def _stroke(canvas: Canvas, ends: Floats, colours: NDArray[np.uint8]) -> None:
    """Draw lines, a pixel at a time along each, as wide as they are laid."""
    counts = np.ceil(np.abs(ends[:, 1, :2] - ends[:, 0, :2]).max(1)).astype(np.int64) + 1
    begin = 0
    sums = np.cumsum(counts)
    while begin < len(ends):
        end = max(int(np.searchsorted(sums, (sums[begin - 1] if begin else 0) + _BATCH)), begin + 1)
        _dots(canvas, ends[begin:end], counts[begin:end], colours[begin:end])
        begin = end


def _dots(canvas: Canvas, ends: Floats, counts: NDArray[np.int64], colours: NDArray[np.uint8]) -> None:
    which = np.repeat(np.arange(len(ends)), counts)
    along = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (along / np.maximum(counts[which] - 1, 1)).astype(np.float32)[:, None]
    points = ends[which, 0] * (1 - share) + ends[which, 1] * share
    wide = min(max(round(_WIDTH * canvas.scale), 2), _WIDEST)
    for right, down in np.ndindex(wide, wide):
        x = points[:, 0].astype(np.int64) + right - wide // 2
        y = points[:, 1].astype(np.int64) + down - wide // 2
        inside = (x >= 0) & (x < canvas.size) & (y >= 0) & (y < canvas.size)
        canvas.put((y * canvas.size + x)[inside], points[inside, 2], colours[which[inside]])


def _bounded(size: int) -> int:
    return min(max(size, SMALLEST), LARGEST)
