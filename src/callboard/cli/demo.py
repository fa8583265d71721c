"""`callboard demo`: a hub with a virtual printer, a sample production and hooks, in a folder that goes away.

callboard.yaml, samples -> the hub, in this process        demostudio.py, beside it -> production, actions
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from callboard.cli.output import say
from callboard.cli.serve import program, run, with_options
from callboard.client.credentials import VARIABLES

if TYPE_CHECKING:
    from callboard.config import Config

SAMPLE: Final = Path(__file__).with_name("sample.gcode")
"""A cup of 20 layers, which takes a virtual printer of the demo's speed about a minute."""

MODEL: Final = SAMPLE.with_suffix(".stl")
"""A ribbed bowl, to slice."""


def demo(
    *,
    host: Annotated[str, Parameter(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on; 0 takes a free one.")] = 8030,
) -> None:
    """Run the hub with a virtual printer, a sample production and hooks in a folder that goes away."""
    from callboard.config import load

    with TemporaryDirectory(prefix="callboard-demo-") as made, contextlib.ExitStack() as ending:
        folder = Path(made)
        config = folder / "callboard.yaml"
        has_tracker = find_spec("sqlalchemy") is not None
        text = (_CONFIG + (_PRODUCTION if has_tracker else "")).replace("CAMERA", f"127.0.0.1:{_free_port()}")
        config.write_text(text, "utf-8")
        _bring_samples(folder)
        settings = with_options(load(text, str(config)), host, port, None)
        known = {"key": folder / "admin.key", "folder": folder, "config": config, "program": program()}
        known["slicing"] = _SLICE.format(**known) if _can_slice(settings) else _NO_SLICER

        def started(url: str) -> None:
            say(_TRY.format(url=url, **known))
            if has_tracker:
                ending.callback(_studio(folder, lambda: say(_STUDIO.format(**known))))

        run(settings, folder, started)


def _bring_samples(folder: Path) -> None:
    files = folder / "files"
    files.mkdir()
    shutil.copyfile(SAMPLE, files / SAMPLE.name)
    shutil.copyfile(MODEL, files / "bowl.stl")
    (folder / "shared").mkdir()


def _studio(folder: Path, ready: Callable[[], None]) -> Callable[[], None]:
    """Start the program of the studio; `ready` is called once all is there. Returns what ends it."""
    studio = subprocess.Popen(
        [sys.executable, "-m", "callboard.cli.demostudio"],
        env=_without_hubs(os.environ) | {"CALLBOARD_DATA": str(folder)},
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )

    def wait() -> None:
        if studio.stdout is not None and studio.stdout.readline().strip() == "ready":
            ready()

    threading.Thread(target=wait, name="the studio's program", daemon=True).start()

    def end() -> None:
        studio.terminate()
        studio.wait()

    return end


def _without_hubs(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment that leads to no other hub."""
    return {name: value for name, value in environment.items() if name not in VARIABLES}


def _can_slice(settings: Config) -> bool:
    """Whether there is a slicer on this machine."""
    from callboard.slicing.programs import Programs
    from callboard.slicing.refusals import NoSuchSlicer

    try:
        return bool(Programs(settings.slicing).default())
    except NoSuchSlicer:
        return False


def _free_port() -> int:
    """Return a port for the camera; whoever takes it in between leaves the demo without films, no more."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


_CONFIG: Final = """\
# A printer that is only simulated; a real one has a port such as /dev/ttyACM0.
printers:
  - name: demo
    port: virtual
    tags: [workshop]
    virtual: {speed: 3, camera: "CAMERA"}
    webcam: {snapshot: "http://CAMERA/snapshot.jpg"}

# A film of each print: a picture of each layer.
timelapse: {mode: layer, fps: 10, post_roll: 2s}

# How models are sliced: thin walls, so that the sample is soon printed.
slicing:
  profiles:
    - slicer: prusaslicer
      name: demo
      settings: &thin
        {layer_height: 0.4, first_layer_height: 0.4, spiral_vase: 1, perimeters: 1, fill_density: 0%,
         top_solid_layers: 0, bottom_solid_layers: 1, skirts: 0, bed_shape: "0x0,200x0,200x200,0x200"}
    - {slicer: slic3r, name: demo, settings: *thin}
    - slicer: curaengine
      name: demo
      settings:
        {layer_height: 0.4, layer_height_0: 0.4, magic_spiralize: "true", wall_line_count: 1,
         bottom_layers: 1, top_layers: 0, infill_line_distance: 0, adhesion_type: none,
         machine_width: 200, machine_depth: 200}

# Hooks: when an event comes, run a command. A placeholder is one argument, never shell text.
events:
  subscriptions:
    - event: PrintStarted
      type: system
      command: echo "{source.printer} begins {file}"
    - event: LayerChange
      type: system
      command: echo "layer {layer}, {z} mm high"
    - event: PrintDone
      type: system
      command: echo "{file} is printed, in {time} s"
    - event: PrintDone
      type: gcode
      command: M117 Take me off the bed
"""

_PRODUCTION: Final = """
# The production: its own database, and the folder that all machines of the studio would see.
tracker:
studio:
  locations: [{name: shared, folder: shared}]
"""

_STUDIO: Final = """
A sample production is there, and a program that offers two actions for its tasks:

  CALLBOARD_DATA={folder} {program} tracker tree
  CALLBOARD_DATA={folder} {program} actions launch "Print it" --entity teatime/bowl/print"""

_TRY: Final = """Callboard answers at {url}
  user     admin
  key      in {key}
  printer  demo, a virtual one
  hooks    in {config}

Try in two other terminals, to see a print's events as they come:

  CALLBOARD_DATA={folder} {program} listen "topic=octoprint.*"
  CALLBOARD_DATA={folder} {program} printers print demo sample.gcode --follow

{slicing}

And then what the hooks did, and the film of the print:

  CALLBOARD_DATA={folder} {program} hooks runs --output
  CALLBOARD_DATA={folder} {program} timelapse list

Ctrl-C ends the demo and throws its data away."""

_SLICE: Final = """A model, sliced and printed in one go:

  CALLBOARD_DATA={folder} {program} slice bowl.stl --profile demo --print demo --no-if-clear"""

_NO_SLICER: Final = (
    """There is no slicer on this machine; with prusa-slicer or slic3r it slices bowl.stl, too."""
)
