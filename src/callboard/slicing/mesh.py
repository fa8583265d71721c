"""`python -m callboard.slicing.mesh VERB ...`: what is done with models of others, in a process with limits.

    check IN SUFFIX              {"kind": ..., "triangles": ..., "warnings": [...]}
    convert IN SUFFIX OUT        any of them -> binary STL in mm; answers as check does for what came out
    picture IN SUFFIX OUT SIZE   a PNG of a model
    layers IN OUT SIZE VIEW TOP  a PNG of what G-code will print, up to a layer if TOP is not 0

The answer is the last line, in JSON: a result, or {"error": "..."} with exit code 1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import msgspec

from callboard.errors import CallboardError
from callboard.slicing.model import Checked, check
from callboard.slicing.refusals import BadModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST_PICTURE: Final = 300_000_000
"""Bytes of a model of which a picture is made."""
_UNITS: Final[Mapping[str, float]] = {
    "micron": 0.001,
    "millimeter": 1.0,
    "millimeters": 1.0,
    "mm": 1.0,
    "centimeter": 10.0,
    "inch": 25.4,
    "inches": 25.4,
    "foot": 304.8,
    "feet": 304.8,
    "meter": 1000.0,
}


def triangles_of(path: Path, suffix: str) -> NDArray[np.float32]:
    """Return a model's triangles in mm: (n, 3, 3). Raises BadModel.

    Given open, not by name: a model must not have other files read, such as an OBJ's materials.
    """
    import numpy as np
    import trimesh

    with path.open("rb") as file:
        found = _loaded(trimesh, file, suffix)
        if isinstance(found, trimesh.Scene):
            found = found.to_mesh()
        scale = _UNITS.get(str(found.units or "mm").lower(), 1.0)
        triangles = np.asarray(found.triangles, np.float32) * np.float32(scale)
    if not len(triangles):
        raise BadModel("The model is empty: there are no triangles in it.")
    return triangles


def _loaded(trimesh: Any, file: BinaryIO, suffix: str) -> Any:
    more = {"skip_materials": True} if suffix == "obj" else {}
    try:
        return trimesh.load(file, file_type=suffix, process=False, **more)
    except MemoryError:
        raise BadModel("This model needs more memory than there is for it: simplify it.") from None
    except Exception as error:  # whatever a parser trips over in what others wrote
        raise BadModel(
            f"This model can't be read ({type(error).__name__}): export it anew, or as STL."
        ) from None


def write_stl(triangles: NDArray[np.float32], out: Path) -> None:
    """Write triangles as binary STL."""
    import numpy as np

    rows = np.zeros(len(triangles), np.dtype([("n", "<f4", 3), ("v", "<f4", (3, 3)), ("a", "<u2")]))
    rows["v"] = triangles
    rows["a"][0] = 0xFFFF  # which nobody reads, but without such a byte slicers take it for text
    with out.open("wb") as file:
        file.write(b"Callboard".ljust(80) + len(rows).to_bytes(4, "little"))
        file.write(rows.tobytes())


def _check(source: str, suffix: str) -> Checked:
    return check(Path(source), suffix)


def _convert(source: str, suffix: str, out: str) -> Checked:
    before = check(Path(source), suffix)
    write_stl(triangles_of(Path(source), suffix), Path(out))
    return msgspec.structs.replace(check(Path(out), "stl"), kind=before.kind)


def _picture(source: str, suffix: str, out: str, size: str) -> Checked:
    from callboard.slicing.picture import picture_of_model

    path = Path(source)
    if path.stat().st_size > LARGEST_PICTURE:
        raise BadModel("This model is too large for a picture.")
    found = check(path, suffix)
    picture_of_model(triangles_of(path, suffix), int(size)).save(out, "PNG")
    return found


def _layers(source: str, out: str, size: str, view: str, top: str) -> dict[str, Any]:
    from callboard.slicing.picture import picture_of_layers
    from callboard.slicing.toolpath import read

    path = read(Path(source))
    picture_of_layers(path, int(size), view, int(top)).save(out, "PNG")
    return {"layers": len(path.heights)}


VERBS: Final[Mapping[str, Callable[..., Any]]] = {
    "check": _check,
    "convert": _convert,
    "picture": _picture,
    "layers": _layers,
}


def main(words: list[str]) -> int:
    """Do what is asked, and say what came of it."""
    try:
        answer, code = VERBS[words[0]](*words[1:]), 0
    except CallboardError as error:
        answer, code = {"error": str(error)}, 1
    except ModuleNotFoundError as error:
        answer, code = {"error": f"{error.name} is missing: pip install 'callboard[print]'."}, 1
    except MemoryError:
        answer, code = {"error": "This needs more memory than there is for it: simplify the model."}, 1
    except OSError as error:
        answer, code = {"error": f"The file can't be read or written: {error.strerror}."}, 1
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
