"""The commands and their names; what goes wrong becomes one clear sentence and an exit code.

A command is named by the place where it is, so that `callboard --version` imports none of them.
Source: contract.md, "Commands".
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import App
from cyclopts.exceptions import CycloptsError

from callboard import __version__
from callboard.cli.outcome import DONE, FAILED, WRONG_USE, WrongUse
from callboard.cli.output import complain
from callboard.client.credentials import HOW
from callboard.errors import BadConfig, BadExpression, BadKey, BadPosition, CallboardError

COMMANDS = {
    "serve": ("callboard.cli.serve:serve", "Run the hub and every room that the configuration turns on."),
    "demo": ("callboard.cli.demo:demo", "Run a hub with samples of everything, in a throw-away data folder."),
    "publish": ("callboard.cli.publish:publish", "Publish an event; with --wait, print the replies."),
    "listen": ("callboard.cli.listen:listen", "Print events as they come, from the past on if asked."),
    "events": ("callboard.cli.events:events", "The known topics: what they carry, with an example."),
    "hooks": (
        "callboard.cli.hooks:app",
        "Hooks: what there is, what ran and why not, running it again.",
    ),
    "printers": ("callboard.cli.printers:app", "Printers: what they do, and what they shall do."),
    "files": (
        "callboard.cli.files:app",
        "Files: list, upload, download, move, copy, remove, analyse, transfer.",
    ),
    "slice": (
        "callboard.cli.slice:slice_file",
        "Slice a model, and print it; list slicers, import profiles.",
    ),
    "slicing": ("callboard.cli.slicing:app", "Slicing: its jobs and profiles, cancelling, the default."),
    "timelapse": ("callboard.cli.timelapse:app", "Films of prints: list, render, delete, download."),
    "tracker": ("callboard.cli.tracker:app", "The production: import, tree, query, publish, fetch."),
    "worker": ("callboard.cli.worker:worker", "Take background jobs from a hub: films."),
    "actions": ("callboard.cli.actions:app", "Actions: what listeners offer; launching it, with its forms."),
    "keys": ("callboard.cli.keys:app", "API keys: create, list, revoke."),
    "virtual-printer": (
        "callboard.cli.virtual:virtual_printer",
        "Be a printer that is not there, to try any print host on.",
    ),
    "log": ("callboard.cli.log:app", "The log: stat, tail, trace, prune, forget."),
}
"""Each command: where it is, and what it does in one line."""

_WRONG = (WrongUse, BadExpression, BadPosition, BadConfig, BadKey)


def commands() -> App:
    """Return all commands."""
    app = App(
        name="callboard",
        help="A self-hosted event hub for studios and print farms.",
        version=__version__,
        help_format="plaintext",
    )
    for name, (place, says) in COMMANDS.items():
        app.command(place, name=name, help=says)
    return app


def run(words: Sequence[str]) -> int:
    """Run one command; returns the exit code. `callboard help COMMAND` is `callboard COMMAND --help`."""
    asked = [*words[1:], "--help"] if words[:1] == ["help"] else words
    try:
        answer = commands()(asked, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return answer if isinstance(answer, int) else DONE
    except CycloptsError as error:
        return _fail(_sentence(error), WRONG_USE)
    except _WRONG as error:
        return _fail(str(error), WRONG_USE)
    except CallboardError as error:
        return _fail(str(error), FAILED)
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:
        _let_go_of_stdout()
        return FAILED
    except Exception as error:
        return _mistake(error)


def _fail(reason: str, code: int) -> int:
    complain(reason.replace(HOW, "--url, --user and --key"))
    return code


def _mistake(error: Exception) -> int:
    if os.environ.get("CALLBOARD_DEBUG"):
        import traceback

        traceback.print_exception(error)
    reason = str(error) or type(error).__name__
    return _fail(f"This went wrong: {reason} (CALLBOARD_DEBUG=1 shows where).", FAILED)


def _sentence(error: CycloptsError) -> str:
    """Return what cyclopts says on one line."""
    try:
        said = " ".join(str(error).split())
    except Exception:  # it imports all commands to find the nearest name, and one of them can't be
        said = ""
    return f"{said or 'There is no such command.'} See --help."


def _let_go_of_stdout() -> None:
    """The reader of our output is gone: the interpreter must not trip over that at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
