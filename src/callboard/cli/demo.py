"""`callboard demo`: a hub with a virtual printer, a file to print and hooks, in a folder that goes away."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

from cyclopts import Parameter

from callboard.cli.output import say
from callboard.cli.serve import program, run, with_options

SAMPLE: Final = Path(__file__).with_name("sample.gcode")
"""A cup of 20 layers, which takes a virtual printer of the demo's speed about a minute."""


def demo(
    *,
    host: Annotated[str, Parameter(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on; 0 takes a free one.")] = 8030,
) -> None:
    """Run the hub with a virtual printer and sample hooks in a throw-away data folder; say what to try."""
    from callboard.config import load

    with TemporaryDirectory(prefix="callboard-demo-") as made:
        folder = Path(made)
        config = folder / "callboard.yaml"
        config.write_text(_CONFIG, "utf-8")
        files = folder / "files"
        files.mkdir()
        shutil.copyfile(SAMPLE, files / SAMPLE.name)
        settings = with_options(load(_CONFIG, str(config)), host, port, None)
        known = {"key": folder / "admin.key", "folder": folder, "config": config, "program": program()}
        run(settings, folder, lambda url: say(_TRY.format(url=url, **known)))


_CONFIG: Final = """\
# A printer that is only simulated; a real one has a port such as /dev/ttyACM0.
printers:
  - name: demo
    port: virtual
    tags: [workshop]
    virtual: {speed: 3}

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

_TRY: Final = """Callboard answers at {url}
  user     admin
  key      in {key}
  printer  demo, a virtual one
  hooks    in {config}

Try in two other terminals, to see a print's events as they come:

  CALLBOARD_DATA={folder} {program} listen "topic=octoprint.*"
  CALLBOARD_DATA={folder} {program} printers print demo sample.gcode --follow

And then what the hooks did:

  CALLBOARD_DATA={folder} {program} hooks runs --output

Ctrl-C ends the demo and throws its data away."""
