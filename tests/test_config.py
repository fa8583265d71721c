"""The configuration: what is read, what is refused, and in which words."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.config import Bytes, Config, Files, Hub, Log, Seconds, duration, load, size
from callboard.config.discretion import without_secrets
from callboard.config.document import MAX_TEXT, Faults, Item, entries, item
from callboard.config.printer import SETTINGS
from callboard.config.settings import Studio, Tracker, read
from callboard.config.slicing import Slicing
from callboard.config.webcam import Timelapse, Webcam
from callboard.errors import BadConfig

ROOT = Path(__file__).parents[1]

OCTOPRINT = """\
accessControl:
    salt: abc
api:
    key: 0123
appearance:
    name: workshop
plugins:
    virtual_printer:
        _config_version: 1
    legacy: !!python/unicode 'old'
printerProfiles: {default: _default}
serial:
    autoconnect: true
    port: /dev/ttyACM0
server:
    commands: {serverRestartCommand: sudo service octoprint restart}
    secretKey: yes
events:
  enabled: True
  subscriptions:
  - event: Disconnected
    command: python ~/growl.py -t mygrowlserver -d "Lost connection to printer" -a OctoPrint
    type: system
    enabled: false
  - event: PrintStarted
    command: python ~/growl.py -d "Starting {file}" -a OctoPrint -i http://raspi/Octoprint_logo.png
    type: system
  - event: Connected
    command:
    - M115
    - M117 printer connected!
    - G28
    type: gcode
temperature:
    profiles: []
"""


def refused(text: str) -> list[str]:
    with pytest.raises(BadConfig) as caught:
        load(text, "config.yaml")
    return str(caught.value).splitlines()


def test_an_octoprint_configuration_works_as_it_is() -> None:
    config = load(OCTOPRINT)
    assert config.events.enabled
    first, second, third = config.events.subscriptions
    assert first.value["enabled"] is False
    assert second.value == {
        "event": "PrintStarted",
        "command": 'python ~/growl.py -d "Starting {file}" -a OctoPrint -i http://raspi/Octoprint_logo.png',
        "type": "system",
    }
    assert third.value["command"] == ["M115", "M117 printer connected!", "G28"]
    assert OCTOPRINT.splitlines()[second.line - 1] == "  - event: PrintStarted"
    assert third.at("type") == f"config.yaml:{third.lines['type']}"
    assert OCTOPRINT.splitlines()[third.lines["type"] - 1].strip() == "type: gcode"


def test_sections_that_are_not_ours_are_left_alone_and_named() -> None:
    config = load(OCTOPRINT)
    assert set(config.left_alone) == {
        *(
            "accessControl",
            "api",
            "appearance",
            "plugins",
            "printerProfiles",
            "server",
            "temperature",
        )
    }
    assert config.warnings == ()
    assert config.hub == Hub()


def test_octoprints_folder_section_says_where_files_lie() -> None:
    found = load("folder: {uploads: /srv/gcode, watched: /srv/drop, timelapse: /srv/film}")
    assert (found.files.folder, found.files.watched) == ("/srv/gcode", "/srv/drop")
    assert found.left_alone == ()
    assert found.warnings == ()
    assert load("folder: {timelapse: /srv/film}").left_alone == ("folder",)
    assert load("folder: {uploads: 3, watched: [x]}").files == Files()
    assert load("folder: !!python/object:x {}").files == Files()
    both = load("folder: {uploads: /a}\nfiles: {folder: /b}")
    assert (both.files.folder, both.left_alone) == ("/b", ("folder",))


def test_octoprints_serial_section_is_a_printer() -> None:
    (printer,) = load(OCTOPRINT).printers
    assert (printer.name, printer.port, printer.baudrate) == ("printer", "/dev/ttyACM0", None)
    assert printer.autoconnect
    (anywhere,) = load("serial: {port: AUTO, baudrate: 0, additionalPorts: [/dev/tty.x*]}").printers
    assert anywhere.port == ""
    assert "/dev/tty.x*" in anywhere.ports
    assert not anywhere.autoconnect
    assert load("serial: {port: 3, baudrate: fast, additionalPorts: 7}").printers == ()
    assert load("serial: !!python/object:x {}").printers == ()
    both = load("serial: {port: /dev/a}\nprinters: [{name: b, port: virtual}]")
    assert [each.name for each in both.printers] == ["b"]
    assert both.left_alone == ("serial",)


def test_octoprints_webcam_section_is_a_camera_and_how_prints_are_filmed() -> None:
    found = load(
        "webcam:\n  snapshot: http://cam/?action=snapshot\n  stream: /webcam/?action=stream\n  flipH: true\n"
        "  rotate90: true\n  ffmpeg: /usr/bin/ffmpeg\n  bitrate: 5000k\n  watermark: false\n"
        "  timelapse: {type: zchange, fps: 30, postRoll: 2, options: {retractionZHop: 0.5, minDelay: 3}}\n"
        "  renderAfterPrint: off\n  cleanTmpAfterDays: 3\n"
    )
    (camera,) = found.webcam
    assert (camera.snapshot, camera.stream) == ("http://cam/?action=snapshot", None)
    assert (camera.flip_h, camera.rotate) == (True, 90)
    films = found.timelapse
    assert (films.mode, films.fps) == ("zchange", 30)
    assert (films.post_roll, films.min_delay) == (Seconds(2), Seconds(3))
    assert (films.retraction_zhop, films.render, films.bitrate) == (0.5, "off", "5000k")
    assert films.keep_frames == Seconds(3 * 86400)
    assert found.left_alone == ()
    odd = load("webcam: {timelapse: {type: 7, fps: fast, options: []}, ffmpeg: [x], flipH: maybe}")
    assert odd.timelapse == Timelapse()
    plugin = load("plugins: {classicwebcam: {snapshot: 'http://cam/', flipV: true}}")
    assert [(each.snapshot, each.flip_v) for each in plugin.webcam] == [("http://cam/", True)]
    ours = load("webcam: {snapshot: 'http://a/', timelapse: {type: timed}}\ntimelapse: {mode: off}")
    assert ours.timelapse.mode == "off"


def test_cameras_are_read() -> None:
    found = load(
        "webcam: [{printer: mk3, snapshot: 'http://a/'}, {stream: 'rtsp://b/', max_size: 1MB, timeout: 2s}]\n"
        "printers: [{name: d, port: virtual, webcam: {device: /dev/video0}}]\n"
    )
    assert [(each.printer, each.sees) for each in found.webcam] == [("mk3", True), ("*", True)]
    assert (found.webcam[1].max_size, found.webcam[1].timeout) == (Bytes(1_000_000), Seconds(2))
    assert found.printers[0].webcam.device == "/dev/video0"
    assert load("webcam: {}").webcam == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("webcam: {snapshot: 'file:///etc/passwd'}", "is no address"),
        ("webcam: {snapshot: '/dev/video0'}", "is no address"),
        ("webcam: {stream: 'concat:a|b'}", "is no address"),
        ("webcam: {device: video0}", "such as /dev/video0"),
        ("webcam: {snapshoot: 'http://a/'}", "did you mean 'snapshot'"),
        ("webcam: 7", "must hold settings"),
        ("timelapse: {mode: sometimes}", "timelapse.mode"),
        ("timelapse: {fps: 0}", "timelapse.fps"),
        ("timelapse: {interval: 10ms}", "timelapse.interval: write 100ms or more"),
        ("timelapse: {bitrate: '-y'}", "timelapse.bitrate"),
        ("printers: [{name: a, port: virtual, webcam: {snapshot: 'ftp://a/'}}]", "is no address"),
    ],
)
def test_what_is_wrong_with_a_camera_or_films_is_told_with_its_line(text: str, said: str) -> None:
    (fault,) = refused(text)
    assert fault.startswith("config.yaml:1: ")
    assert said in fault


def test_printers_are_read() -> None:
    (mk3, farm) = load("""
printers:
  - name: mk3
    port: /dev/ttyACM0
    baudrate: 115200
    tags: [mk3, left-wall]
    extruders: 2
    limits: {tool: 285}
    scripts: {after_print: "M84\\nM107", before_print: [G28]}
    timeout: 1m
  - {name: farm-1, ports: [/dev/serial/by-id/*], autoconnect: no, on_error: cancel}
""").printers
    assert (mk3.name, mk3.port, mk3.baudrate, mk3.tags) == (
        "mk3",
        "/dev/ttyACM0",
        115200,
        ("mk3", "left-wall"),
    )
    assert (mk3.limits.tool, mk3.limits.bed, mk3.timeout) == (285.0, 130.0, duration("1m"))
    assert mk3.scripts.lines("after_print") == ("M84", "M107")
    assert mk3.scripts.lines("before_print") == ("G28",)
    assert mk3.scripts.lines("after_cancelled") is None
    assert (farm.port, farm.autoconnect, farm.on_error) == ("", False, "cancel")


def test_what_is_wrong_with_printers_is_told_with_its_line() -> None:
    assert refused("""\
printers:
  - name: mk3
    port: ttyACM0
    limits: {tol: 3}
    bauds: 3
  - port: virtual
  - name: b
  - name: Mk3
    port: /dev/a
    virtual:
      speed: 0
  - {name: c, port: /dev/a}
  - {name: a b, port: "socket://there"}
""") == [
        "config.yaml:3: printers.port: 'ttyACM0' is no port: "
        "write a device such as /dev/ttyACM0, socket://host:port, or virtual.",
        "config.yaml:4: unknown key 'tol': did you mean 'tool'?",
        "config.yaml:5: unknown key 'bauds': did you mean 'baudrates'?",
        "config.yaml:6: printers: this printer has no `name`.",
        "config.yaml:7: printers: 'b' is nowhere: say its `port`, or patterns of `ports` to look among.",
        "config.yaml:8: printers: 'Mk3' stands here twice (first on line 2).",
        "config.yaml:11: printers.virtual.speed: expected a number > 0.0.",
        "config.yaml:12: printers: 'c' has the port of 'Mk3', /dev/a.",
        "config.yaml:13: printers.name: 'a b' is no name: use letters, digits, `_`, `.`, `-`.",
    ]
    assert refused("printers: {name: a}") == [
        "config.yaml:1: printers: expected a list; begin each with a dash."
    ]
    (said,) = refused("printers: [just text]")
    assert said.startswith("config.yaml:1: `printers` must hold settings: name, port")


def test_a_section_that_is_nearly_one_of_ours_is_a_warning() -> None:
    config = load("serial: {}\nevent:\n  enabled: no\n", "my.yaml")
    assert config.warnings == ("my.yaml:2: 'event' is left alone: did you mean 'events'?",)
    assert config.events.enabled


def test_a_section_that_looks_like_one_of_ours_is_told_beside_faults_too() -> None:
    with pytest.raises(BadConfig) as raised:
        load("lgo: {}\nhub: {prot: 1}\n", "my.yaml")
    fault, warning = str(raised.value).splitlines()
    assert fault.startswith("my.yaml:2: unknown key 'prot'")
    assert warning == "my.yaml:1: warning: 'lgo' is left alone: did you mean 'log'?"


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "~", "hub:\nlog:\nevents:\n"])
def test_nothing_said_is_the_defaults(text: str) -> None:
    assert load(text) == Config(file="config.yaml")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("log: {sync: often}", "log.sync: 'often' is none of normal, full."),
        ("webcam: {rotate: 45}", "webcam.rotate: 45 is none of 0, 90, 180, 270."),
        ("timelapse: {mode: layers}", "timelapse.mode: 'layers' is none of off, zchange, timed, layer."),
    ],
)
def test_of_values_that_are_named_all_are_told(written: str, said: str) -> None:
    assert refused(written) == [f"config.yaml:1: {said}"]


def test_our_settings_are_read() -> None:
    config = load("""
hub:
  host: 0.0.0.0
  port: 9000
  data: ~/board
  max_event: 1 MiB
  origins: [https://tools.example.com, "*"]
  trusted_proxies:
    - 10.0.0.0/8
log: {url: "nats://10.0.0.5:4222", sync: full, keep: 2w, max_bytes: 20GB}
""")
    assert config.hub == Hub(
        host="0.0.0.0",
        port=9000,
        data="~/board",
        max_event=size("1MiB"),
        origins=("https://tools.example.com", "*"),
        trusted_proxies=("10.0.0.0/8",),
    )
    assert config.log == Log(
        url="nats://10.0.0.5:4222", sync="full", keep=duration("2w"), max_bytes=size("20GB")
    )
    assert load("log: {keep: null}").log.keep is None


PROMISED = """
events:
  enabled: true
  subscriptions:
    - event: PrintDone
      type: system
      command: 'notify-send "Done: {file}"'
      when: data.time>600 and source.printer=mk3*
      timeout: 30
      retries: 3
printers:
  - name: mk3
    port: /dev/ttyACM0
    baudrate: 115200
    autoconnect: true
    tags: [mk3, left-wall]
webcam: {snapshot: "http://127.0.0.1:8080/?action=snapshot"}
slicing: {default: prusaslicer}
tracker: {database: "sqlite+aiosqlite:///tracker.db"}
log: {url: "sqlite:///events.db", keep: 30d, sync: normal}
"""


def test_the_configuration_that_was_promised_is_read() -> None:
    config = load(PROMISED)
    assert config.warnings == ()
    assert len(config.events.subscriptions) == len(config.printers) == 1
    assert config.tracker.database == "sqlite+aiosqlite:///tracker.db"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *((word, True) for word in ("yes", "Yes", "YES", "on", "On", "true", "True", "TRUE")),
        *((word, False) for word in ("no", "No", "off", "OFF", "false", "False")),
    ],
)
def test_yes_no_on_and_off_are_booleans_as_ever(written: str, meant: bool) -> None:
    assert load(f"events: {{enabled: {written}}}").events.enabled is meant
    (hook,) = load(f"events: {{subscriptions: [{{enabled: {written}}}]}}").events.subscriptions
    assert hook.value == {"enabled": meant}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("'yes'", "yes"),
        ('"off"', "off"),
        ("yEs", "yEs"),
        ("y", "y"),
        ("012", 12),
        ("0o14", 12),
        ("0x1F", 31),
        ("1_000", 1000),
        ("-7", -7),
        ("1:30", "1:30"),
        ("2026-11-21", "2026-11-21"),
        (".5", 0.5),
        ("1.5e3", 1500.0),
        ("-.inf", float("-inf")),
        ("~", None),
        ("", None),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("a=b", "a=b"),
        ("[1, [yes, x]]", [1, [True, "x"]]),
    ],
)
def test_values_are_what_they_look_like(written: str, value: Any) -> None:
    (hook,) = load(f"events:\n  subscriptions:\n  - on: {written}\n").events.subscriptions
    assert hook.value == {"on": value}
    assert type(hook.value["on"]) is type(value)


def test_anchors_and_merges_are_written_out() -> None:
    config = load("""
templates:
  - &quiet {type: system, enabled: no, timeout: 5}
events:
  subscriptions:
  - <<: *quiet
    event: A
    enabled: yes
  - *quiet
""")
    first, second = config.events.subscriptions
    assert first.value == {"type": "system", "enabled": True, "timeout": 5, "event": "A"}
    assert second.value == {"type": "system", "enabled": False, "timeout": 5}


def test_a_subscription_that_is_none_does_not_keep_the_others_from_loading() -> None:
    config = load("events:\n  subscriptions:\n  - just text\n  - event: A\n  -\n")
    assert [(each.value, each.line) for each in config.events.subscriptions] == [
        ("just text", 3),
        ({"event": "A"}, 4),
        (None, 5),
    ]


def test_all_faults_are_told_at_once_each_with_its_line() -> None:
    assert refused("""\
hub:
  prot: 1
  host: 12
  port: 70000
  origins: [a, 1]
  max_event: 8 apples
  host: b
events:
  enable: yes
  enabled: maybe
  subscriptions: {a: 1}
log: 3
""") == [
        "config.yaml:2: unknown key 'prot': did you mean 'port'?",
        "config.yaml:3: hub.host: expected text, got a whole number.",
        "config.yaml:4: hub.port: expected a whole number <= 65535.",
        "config.yaml:5: hub.origins: expected text, got a whole number (item 2).",
        "config.yaml:6: hub.max_event: '8 apples' is not a size: write bytes, or 256KiB, 8MiB, 20GB.",
        "config.yaml:7: 'host' stands here twice (first on line 3).",
        "config.yaml:9: unknown key 'enable': did you mean 'enabled'?",
        "config.yaml:10: events.enabled: expected yes or no.",
        "config.yaml:11: events.subscriptions: expected a list; begin each with a dash.",
        "config.yaml:12: `log` must hold settings: url, sync, keep, keep_cursors, max_bytes.",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "config.yaml:1: this is no YAML: expected the node content, but found '<stream end>'."),
        (
            "a: 1\nb: c: d",
            "config.yaml:2: this is no YAML: mapping values are not allowed here (quote a value",
        ),
        (
            "a: 1\n\tb: 2",
            "config.yaml:2: this is no YAML: found character '\\t' that cannot start any token.",
        ),
        ("a: 1\n---\nb: 2", "config.yaml:2: this is no YAML: but found another document."),
        ("a: 1\nb: \x01", "config.yaml:2: this is no YAML: special characters are not allowed."),
        ("- a", "config.yaml:1: the file must hold keys with values, such as `events:`."),
        ("just text", "config.yaml:1: the file must hold keys with values, such as `events:`."),
        ("? [a]\n: b", "config.yaml:1: a key must be text."),
        ("hub:\n  port: !x 1", "config.yaml:2: the tag '!x' is not understood here: leave it out."),
        ("hub:\n  port: !!int abc", "config.yaml:2: 'abc' is no int."),
        ("hub: *there", "config.yaml:1: this is no YAML: found undefined alias 'there'."),
        ("hub: {}\nhub: {}", "config.yaml:2: 'hub' stands here twice."),
        ("events: 3", "config.yaml:1: `events` must hold `enabled` and `subscriptions`."),
        ("events:\n  <<: 3", "config.yaml:2: `<<` takes a mapping, or a list of them."),
        ("log: {keep: -1}", "config.yaml:1: log.keep: '-1' is not a duration: write seconds, or 500ms"),
        ("log: {sync: fast}", "config.yaml:1: log.sync: "),
    ],
)
def test_a_broken_file_is_one_sentence_with_its_line(text: str, message: str) -> None:
    (said,) = refused(text)
    assert said.startswith(message.removesuffix("."))


def test_the_file_is_called_what_its_reader_calls_it() -> None:
    with pytest.raises(BadConfig, match=r"^/etc/callboard\.yaml:1: "):
        load("hub: 3", "/etc/callboard.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#" * (MAX_TEXT + 1), "at most 1048576 are read"),
        ("events: " + "[" * 1000, "nested deeper than 40"),
        ("hub: " + "{a: " * 60 + "}" * 60, "nested deeper than 40"),
        ("events: &a [*a]", "nested deeper than 40"),
        ("events: &a {<<: *a}", "nested deeper than 40"),
        (
            "x:\n- &a0 [x, x]\n"
            + "".join(f"- &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 35))
            + "events: *a34\n",
            "more than 250000 values",
        ),
    ],
)
def test_bombs_are_refused(text: str, message: str) -> None:
    (said,) = refused(text)
    assert message in said


def test_a_bomb_in_somebody_elses_section_is_not_touched() -> None:
    bomb = "x:\n- &a0 [x, x]\n" + "".join(f"- &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 99))
    assert load(bomb).left_alone == ("x",)


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!'\"|>#%@,? \n\t01.~<=") | st.characters(), max_size=200))
def test_any_text_is_a_configuration_or_a_clear_refusal(text: str) -> None:
    try:
        load(text)
        said = "config.yaml:1: fine"
    except BadConfig as error:
        said = str(error)
    assert re.match(r"config\.yaml:\d+: .+", said)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_any_values_in_our_sections_are_read_or_refused(value: Any) -> None:
    written = msgspec.json.encode(
        {
            "hub": value,
            "log": {"keep": value, "url": value},
            "events": value,
            "printers": [value, {"name": value, "port": value, "ports": value, "scripts": value}],
            "serial": {"port": value, "baudrate": value, "additionalPorts": value},
        }
    ).decode()
    with contextlib.suppress(BadConfig):
        assert isinstance(load(written), Config)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (5, 5),
        (0.5, 0.5),
        ("30", 30),
        ("500ms", 0.5),
        ("90s", 90),
        ("5m", 300),
        ("5 min", 300),
        ("12H", 43200),
        ("1.5h", 5400),
        ("30d", 2592000),
        ("2w", 1209600),
        (0, 0),
    ],
)
def test_durations_are_written_with_a_unit_or_as_seconds(written: Any, seconds: float) -> None:
    assert duration(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        (1024, 1024),
        ("10", 10),
        ("1B", 1),
        ("8MiB", 8388608),
        ("256 KiB", 262144),
        ("20GB", 20 * 10**9),
        ("1.5kB", 1500),
        ("1TiB", 2**40),
    ],
)
def test_sizes_are_written_with_a_unit_or_as_bytes(written: Any, number: int) -> None:
    assert size(written) == number


@pytest.mark.parametrize(
    "written",
    ["", "x", "5 parsecs", "-5s", "1e9s", True, None, [], {}, -1, float("nan"), float("inf"), "٣s", "9" * 99],
)
def test_what_is_neither_says_what_to_write(written: Any) -> None:
    with pytest.raises(ValueError, match="write seconds"):
        duration(written)
    with pytest.raises(ValueError, match="write bytes"):
        size(written)


@pytest.mark.parametrize(
    ("name", "section"),
    [
        *(
            ("hub", Hub),
            ("log", Log),
            ("files", Files),
            ("webcam", Webcam),
            ("timelapse", Timelapse),
            ("slicing", Slicing),
            ("tracker", Tracker),
            ("studio", Studio),
        ),
        *SETTINGS.items(),
    ],
)
def test_every_setting_is_documented_with_what_it_does_and_its_default(name: str, section: Any) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    rows = re.findall(rf"^\| `{re.escape(name)}\.(\w+)` \| (.+?) \| (.+) \|$", page, re.MULTILINE)
    said = {
        field.name: next(meta.description for meta in field.type.__metadata__ if meta.description)
        for field in msgspec.structs.fields(section)
    }
    assert {key: line for key, _, line in rows} == said
    for key, default, _ in rows:
        if default == "needed":
            continue
        value = default.strip("`").replace("none", "[]").replace("usual", "null").replace("see below", "")
        faults = Faults("")
        assert read(section, name, only(f"{{{key}: {value}}}", faults), faults) == section()
        faults.raised()


def only(text: str, faults: Faults) -> Item:
    """Return the one value that `text` holds."""
    ((_, line, node),) = entries(f"it: {text}")
    return item(node, line, faults)


def test_the_example_in_the_docs_loads() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert examples
    for example in examples:
        assert load(example).warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        "webcam: {snapshot: 'rtsp://jane:swordfish@cam/live?pwd=swordfish'}",
        "webcam: {stream: 'htp://jane:sword@fish@cam'}",
        "printers: [{name: mk3, port: 'socket://jane:swordfish@far'}]",
    ],
)
def test_a_fault_names_an_address_without_its_password(text: str) -> None:
    """Faults stand in the log: a camera's login in the wrong setting is a common one."""
    with pytest.raises(BadConfig) as caught:
        load(text)
    assert "swordfish" not in str(caught.value)
    assert "sword@" not in str(caught.value)


def test_file_locations_are_read_with_their_paths_elsewhere() -> None:
    (one,) = load(
        "studio: {locations: [{name: london, folder: /mnt/london, paths: {Windows: 'L:\\'}}]}"
    ).studio.locations
    assert (one.name, one.folder, one.paths) == ("london", "/mnt/london", {"Windows": "L:\\"})


@pytest.mark.parametrize(
    ("locations", "said"),
    [
        ("{london: /mnt}", "studio.locations: expected a list of at most 100; begin each with a dash."),
        ("[london]", "studio.locations: each is a mapping with name and folder."),
        ("[{name: london, foldr: /mnt}]", "studio.locations: unknown key 'foldr': did you mean 'folder'?"),
        ("[{folder: /mnt}]", "studio.locations: `name` is text that the tracker's Location is called by."),
        ("[{name: a}]", "studio.locations: `folder` is the path of the location's folder on this machine."),
        (
            "[{name: ftrack.server, folder: /mnt}]",
            "studio.locations: 'ftrack.server' is a location that clients build in: choose another name.",
        ),
        (
            "[{name: a, folder: /mnt, paths: {windows: x}}]",
            "studio.locations: `paths`: unknown key 'windows': did you mean 'Windows'?",
        ),
        (
            "[{name: vault*, folder: /m}]",
            "studio.locations: 'vault*' can't be a name: "
            "write it without quotes and line breaks, and no * at its end.",
        ),
        ("[{name: a, folder: /m}, {name: a, folder: /n}]", "studio.locations: 'a' stands here twice."),
    ],
)
def test_a_location_that_cannot_be_is_named_with_the_way_out(locations: str, said: str) -> None:
    assert refused(f"studio: {{locations: {locations}}}") == [f"config.yaml:1: {said}"]


@pytest.mark.parametrize(
    "said",
    [
        "webcam: {snapshot: 'jane:swordfish@cam/x'}",
        "webcam: {snapshot: 'ftp://jane:sword/swordfish@cam/x'}",
        "webcam: {stream: 'gopher://cam/user=jane&password=swordfish'}",
        "webcam: {snapshot:http://jane:swordfish@cam/x: 1}",
        "webcam: {timeout: 'http://jane:swordfish@cam/x'}",
        "webcam: {timeout: 'http://jane:LONG-swordfish@cam/x'}",
        "webcam: {max_size: 'jane:swordfish@cam'}",
        "timelapse: {mode: 'http://jane:swordfish@cam/x'}",
        "timelapse: {bitrate: 'http://jane:swordfish@cam/x'}",
        "printers: [{name: mk3, port: 'http://jane:sword/swordfish@cam/x'}]",
        "printers: [{name: mk3, port: virtual, webcam: {snapshot: 'jane:swordfish@cam'}}]",
    ],
)
def test_no_fault_shows_the_login_of_a_camera(said: str) -> None:
    with pytest.raises(BadConfig) as caught:
        load(said.replace("LONG", "x" * 3000))
    assert "sword" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("it is down: no route to host 10.0.0.7:80", "it is down: no route to host 10.0.0.7:80"),
        ("'http://cam:8080/a?b' is gone", "'http://cam:8080/... is gone"),
        ("rtsp://[fe80::1]:554", "rtsp://[fe80::1]:554"),
        ("http://jane:p@ss@cam/x", "http://cam/..."),
        ("http://jane:sword/fish@cam/x", "http://..."),
        ("http://jane:swordfish", "http://jane/..."),
        ("jane:swordfish@cam", "..."),
        ("see /x?pwd=swordfish there", "see ... there"),
        ("x" * 5000, "x" * 5000),
        ("", ""),
    ],
)
def test_of_addresses_only_scheme_and_host_are_shown(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
