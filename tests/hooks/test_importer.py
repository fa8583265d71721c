"""An OctoPrint configuration becomes ours: comments kept, shells left behind, dangers named."""

from __future__ import annotations

import pytest

from callboard.config import load
from callboard.errors import BadConfig
from callboard.hooks.importer import import_config
from callboard.hooks.reading import read_hooks

OCTOPRINT = """\
# my printer
serial:
  port: /dev/ttyACM0
events:
  enabled: yes  # all of them
  subscriptions:
    # tell me
    - event: PrintDone
      command: python ~/growl.py -d "Completed {file}"  # on the Mac
      type: system
    - event: Connected
      command:
        - M115
        - M117 printer connected!
      type: gcode
    - event: PrintFailed
      command: cd /opt/notify && ./send.sh {name} > /dev/null 2>&1 &
      type: system
      shell: true
    - event: PrintStarted
      command: A=1 notify {file} && light on
      type: system
    - event: PrintStarted
      command: df -h | mail -s "{file}" me
      type: system
      enabled: off
    - event: Error
      command: ssh host "echo {error}"
      type: system
    - event: PrintDone
      command: echo {filename}
      type: system
    - event: PrintDnoe
      command: G28
      type: gcode
    - event: Home
      command: G28
"""

OURS = """\
# my printer
events:
  enabled: yes  # all of them
  subscriptions:
    # tell me
    - event: PrintDone
      name: PrintDone growl
      command: python ~/growl.py -d "Completed {file}"  # on the Mac
      type: system
    - event: Connected
      name: Connected gcode
      command:
        - M115
        - M117 printer connected!
      type: gcode
    - event: PrintFailed
      name: PrintFailed send
      command: ./send.sh {name}
      type: system
      cwd: /opt/notify
"""


def test_hooks_are_taken_over_with_their_comments_and_without_a_shell_where_it_can_be() -> None:
    imported = import_config(OCTOPRINT)
    assert "serial" not in imported.text
    assert imported.text.startswith(OURS)
    assert "- env A=1 notify {file}" in imported.text
    assert "- light on" in imported.text
    assert imported.text.count("shell: true") == 1


def test_each_danger_is_named_above_its_hook_and_among_the_notes() -> None:
    imported = import_config(OCTOPRINT)
    dangers = {note.line: note.text for note in imported.notes if note.danger}
    lines = OCTOPRINT.splitlines()
    told = {lines[line - 1].strip("- "): text for line, text in dangers.items()}
    assert "ssh hands" in told["event: Error"]
    assert "There is no placeholder {filename}" in told["event: PrintDone"]
    assert "did you mean PrintDone?" in told["event: PrintDnoe"]
    assert "type is missing" in told["event: Home"]
    assert len(dangers) == 4
    for text in dangers.values():
        assert f"# LOOK: {text}" in imported.text
    said = {note.line: note.text for note in imported.notes if not note.danger}
    assert "backticks in a file's name" in said[8]


def test_what_to_look_at_stands_inside_its_hook() -> None:
    lines = [line.strip() for line in import_config(OCTOPRINT).text.splitlines()]
    looks = [at for at, line in enumerate(lines) if line.startswith("# LOOK: ")]
    assert [lines[at - 1] for at in looks] == [
        "- event: Error",
        "- event: PrintDone",
        "- event: PrintDnoe",
        "- event: Home",
    ]


def test_each_hook_has_a_name_of_its_own_and_keeps_the_one_it_had() -> None:
    one = "  - event: {event}\n    type: system\n    command: {command}\n"
    hooks = [
        ("[PrintDone, PrintFailed]", "sudo /usr/bin/notify.sh x"),
        ("PrintDone", "notify y"),
        ("A", "'-'"),
    ]
    text = "events:\n  subscriptions:\n" + "".join(one.format(event=e, command=c) for e, c in hooks)
    text += "  - name: PrintDone notify 2\n    event: B\n    type: system\n    command: x\n"
    read = read_hooks(load(import_config(text).text, "c.yaml").events.subscriptions)
    names = ["PrintDone notify", "PrintDone notify 3", "A system", "PrintDone notify 2"]
    assert [hook.name for hook in read.hooks] == names


@pytest.mark.parametrize(
    ("command", "mended"),
    [
        ('notify "Done {file}"', True),
        ('notify "Done {file}" | tee log', True),
        ('sh -c "echo {file}"', False),
        ('ssh host "notify {file}"', False),
        ("notify {file}", None),
        ("sh -c 'echo {file}'", None),
    ],
)
def test_only_what_loads_is_called_mended(command: str, mended: bool | None) -> None:
    text = f"events:\n  subscriptions:\n  - event: PrintDone\n    type: system\n    command: {command}\n"
    notes = [note.text for note in import_config(text).notes if "double quotes" in note.text]
    assert len(notes) == (mended is not None)
    assert all(("; mended" in note) == mended and ("not mended yet" in note) != mended for note in notes)


def test_what_was_taken_over_loads() -> None:
    imported = import_config(OCTOPRINT)
    read = read_hooks(load(imported.text, "callboard.yaml").events.subscriptions, "callboard.yaml")
    assert len(read.hooks) == 6
    assert len(read.faults) == 3
    assert [hook.enabled for hook in read.hooks] == [True, True, True, True, False, True]


@pytest.mark.parametrize("text", ["", "a: 1", "- x", "events: 3", "a: [", "events:\n  subscriptions: 3"])
def test_what_has_no_hooks_says_so(text: str) -> None:
    if text.startswith("events:\n"):
        assert import_config(text).notes == ()
        return
    with pytest.raises(BadConfig):
        import_config(text)
