"""Models for tests, as bytes: a box, well made and not."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence

Corner = tuple[float, float, float]

FACES = (
    *((0, 2, 1), (0, 3, 2), (4, 5, 6), (4, 6, 7), (0, 1, 5), (0, 5, 4)),
    *((1, 2, 6), (1, 6, 5), (2, 3, 7), (2, 7, 6), (3, 0, 4), (3, 4, 7)),
)


def box(width: float = 10, depth: float = 10, height: float = 3) -> list[tuple[Corner, ...]]:
    """Return the triangles of a box."""
    ground = ((0.0, 0.0), (width, 0.0), (width, depth), (0.0, depth))
    corners = [(x, y, z) for z in (0.0, height) for x, y in ground]
    return [tuple(corners[at] for at in face) for face in FACES]


def binary(triangles: Sequence[Sequence[Corner]], count: int | None = None) -> bytes:
    """Return a binary STL; `count` is what its head says."""
    rows = b"".join(
        struct.pack("<12fH", 0, 0, 0, *(n for corner in each for n in corner), 0) for each in triangles
    )
    return b"box".ljust(80) + struct.pack("<I", len(triangles) if count is None else count) + rows


def text(triangles: Sequence[Sequence[Corner]], *, point: str = ".") -> bytes:
    """Return an ASCII STL."""
    lines = ["solid box"]
    for each in triangles:
        lines += ["facet normal 0 0 0", "outer loop"]
        lines += ["vertex " + " ".join(f"{n:.3f}".replace(".", point) for n in corner) for corner in each]
        lines += ["endloop", "endfacet"]
    return "\n".join([*lines, "endsolid box", ""]).encode()


def obj(triangles: Sequence[Sequence[Corner]], head: str = "") -> bytes:
    """Return an OBJ."""
    corners = sorted({corner for each in triangles for corner in each})
    lines = [f"v {x} {y} {z}" for x, y, z in corners]
    lines += ["f " + " ".join(str(corners.index(corner) + 1) for corner in each) for each in triangles]
    return "\n".join([head, *lines, ""]).encode()


def packed(
    triangles: Sequence[Sequence[Corner]], unit: str = "millimeter", more: Mapping[str, bytes] | None = None
) -> bytes:
    """Return a 3MF; `more` are further parts by name."""
    corners = sorted({corner for each in triangles for corner in each})
    vertices = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in corners)
    faces = "".join(
        '<triangle v1="{}" v2="{}" v3="{}"/>'.format(*(corners.index(corner) for corner in each))
        for each in triangles
    )
    model = (
        f'<?xml version="1.0"?><model unit="{unit}" '
        'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"><resources>'
        '<object id="1" type="model">'
        f"<mesh><vertices>{vertices}</vertices><triangles>{faces}</triangles></mesh></object></resources>"
        '<build><item objectid="1"/></build></model>'
    )
    return zipped({"3D/3dmodel.model": model.encode(), **(more or {})})


def repeated(times: int) -> bytes:
    """Return a 3MF with a box's triangles many times, not packed: as long as those of real models are."""
    with zipfile.ZipFile(io.BytesIO(packed(box()))) as file:
        model = file.read("3D/3dmodel.model")
    head, mark, tail = model.partition(b"<triangles>")
    faces, end, rest = tail.partition(b"</triangles>")
    return zipped({"3D/3dmodel.model": head + mark + faces * times + end + rest}, zipfile.ZIP_STORED)


def zipped(parts: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return out.getvalue()
