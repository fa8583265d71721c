"""Keys: who may come in, and what they may do then."""

from __future__ import annotations

import hashlib
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from callboard.errors import BadExpression, BadKey, StorageFailed
from callboard.hub.principal import FABRICATED, PROTOCOL, RIGHTS, Keys, Principal
from callboard.store import open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "callboard.db"


@pytest.fixture
def keys(path: Path) -> Iterator[Keys]:
    with open_store(path) as store:
        yield Keys(store)


def held(keys: Keys, user: str, key: str) -> Principal:
    principal = keys.check(user, key)
    assert principal is not None
    return principal


@pytest.mark.parametrize(
    ("topic", "plain"),
    [
        # facts that others act on: only their rooms may state them
        ("octoprint.PrintDone", False),
        ("octoprint.Startup", False),
        ("octoprint.MyOwnEvent", False),
        ("callboard.printer.gcode", False),
        ("callboard.printer.print", False),
        ("callboard.meta.gap", False),
        ("callboard.hook.failed", False),
        ("ftrack.update", False),
        # what clients make for themselves: nobody may publish it
        ("ftrack.meta.connected", False),
        ("ftrack.meta.disconnected", False),
        # the protocol, and everything else
        ("ftrack.meta.subscribe", True),
        ("ftrack.meta.unsubscribe", True),
        ("ftrack.meta.reply", True),
        ("ftrack.action.launch", True),
        ("ftrack.location.component-added", True),
        ("ftrack.updated", True),
        ("octoprint", True),
        ("my-studio.octoprint.PrintDone", True),
        ("my-studio.render-done", True),
    ],
)
def test_what_a_plain_key_may_and_may_not_publish(keys: Keys, topic: str, plain: bool) -> None:
    principal = held(keys, "jane", keys.create("jane"))
    assert principal.may_publish({"topic": topic}) is plain


def test_a_plain_key_has_no_rights_and_may_see_everything(keys: Keys) -> None:
    principal = held(keys, "jane", keys.create("jane"))
    assert not any(principal.may(right) for right in RIGHTS)
    assert principal.may_receive({"topic": "octoprint.PrintDone"})


def test_a_key_may_do_what_it_was_given_and_no_more(keys: Keys) -> None:
    key = keys.create("mk3", "topic=octoprint.*", "source.printer=mk3", ["printers"])
    principal = held(keys, "mk3", key)
    assert principal.may_publish({"topic": "octoprint.PrintDone"})
    assert not principal.may_publish({"topic": "my-studio.topic"})
    assert principal.may_receive({"topic": "x", "source": {"printer": "mk3"}})
    assert not principal.may_receive({"topic": "x", "source": {"printer": "mk4"}})
    assert [right for right in sorted(RIGHTS) if principal.may(right)] == ["printers"]


@pytest.mark.parametrize("topic", sorted(PROTOCOL))
def test_the_narrowest_key_still_speaks_the_protocol(keys: Keys, topic: str) -> None:
    assert held(keys, "jane", keys.create("jane", "topic=nothing")).may_publish({"topic": topic})


@pytest.mark.parametrize("topic", sorted(FABRICATED))
def test_not_even_the_widest_key_may_fabricate_a_connection(keys: Keys, topic: str) -> None:
    assert not held(keys, "jane", keys.create("jane", publish="")).may_publish({"topic": topic})


def test_source_is_never_authority(keys: Keys) -> None:
    principal = held(keys, "jane", keys.create("jane"))
    claimed = {"topic": "ftrack.update", "source": {"user": {"username": "admin"}, "printer": "mk3"}}
    assert not principal.may_publish(claimed)


def test_a_wrong_key_or_user_is_nobody(keys: Keys) -> None:
    key, other = keys.create("jane"), keys.create("john")
    assert keys.check("jane", other) is None
    assert keys.check("john", key) is None
    assert keys.check("nobody", key) is None
    assert keys.check("jane", "") is None
    assert keys.check("", "") is None
    assert keys.check("jane", key[:-1]) is None
    assert keys.check("jane", key + "\n") is None


@pytest.mark.parametrize("text", ["\ud800", "\x00", "å" * 100_000, "' OR 1=1 --"])
def test_hostile_credentials_are_nobody(keys: Keys, text: str) -> None:
    keys.create("jane")
    assert keys.check(text, "key") is None
    assert keys.check("jane", text) is None


def test_a_user_may_hold_several_keys_each_with_its_own_powers(keys: Keys) -> None:
    narrow, wide = keys.create("jane", "topic=a"), keys.create("jane", "")
    assert not held(keys, "jane", narrow).may_publish({"topic": "b"})
    assert held(keys, "jane", wide).may_publish({"topic": "b"})


def test_keys_are_listed_without_their_text_and_revoked_by_id(keys: Keys) -> None:
    key = keys.create("jane", "topic=a", None, ["keys", "hooks"])
    keys.create("john")
    first, second = keys.list()
    assert (first.user, first.publish, first.receive, first.rights) == (
        "jane",
        "topic=a",
        None,
        ("hooks", "keys"),
    )
    assert second.user == "john"
    held(keys, "jane", key)
    assert keys.revoke(first.id)
    assert not keys.revoke(first.id)
    assert keys.check("jane", key) is None
    assert [each.user for each in keys.list()] == ["john"]


def test_an_open_connection_can_be_told_that_its_key_was_revoked(keys: Keys) -> None:
    gone, other = held(keys, "jane", keys.create("jane")), held(keys, "jane", keys.create("jane"))
    assert keys.stands(gone)
    assert keys.revoke(gone.key)
    assert not keys.stands(gone)
    assert keys.stands(other)
    assert keys.stands(Principal("callboard"))


def test_a_key_is_stored_as_a_hash_alone(keys: Keys, path: Path) -> None:
    key = keys.create("jane")
    ((stored,),) = sqlite3.connect(path).execute("SELECT hash FROM key").fetchall()
    assert stored == hashlib.sha256(key.encode()).digest()
    for file in path.parent.iterdir():
        assert key.encode() not in file.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_keys_hold_256_random_bits_and_need_no_quoting(keys: Keys) -> None:
    made = {keys.create("jane") for _ in range(5)}
    assert len(made) == 5
    for key in made:
        assert key.startswith("cb_")
        assert len(key) == 3 + 43
        assert key.replace("_", "").replace("-", "").isalnum()


def test_what_another_process_does_counts_at_once(keys: Keys, path: Path) -> None:
    key = keys.create("jane")
    held(keys, "jane", key)
    code = """
import sys
from pathlib import Path
from callboard.hub.principal import Keys
from callboard.store import open_store
with open_store(Path(sys.argv[1])) as store:
    keys = Keys(store)
    keys.revoke(keys.list()[0].id)
    print(keys.create("jane"))
"""
    made = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert keys.check("jane", key) is None
    held(keys, "jane", made.stdout.strip())


@pytest.mark.parametrize("user", ["", " ", "jane ", " jane", "a/b", "a\nb", "\x00", "x" * 257, "\ud800"])
def test_a_user_that_cannot_be_is_refused(keys: Keys, user: str) -> None:
    with pytest.raises(BadKey, match="can't be a user"):
        keys.create(user)


def test_nobody_can_publish_in_the_houses_name(keys: Keys) -> None:
    for user in ("callboard", "Callboard"):
        with pytest.raises(BadKey, match="own events bear that name"):
            keys.create(user)


def test_a_bearer_is_known_by_the_key_alone(keys: Keys) -> None:
    key = keys.create("jane")
    bearer = keys.check_bearer(key)
    assert bearer is not None
    assert bearer.name == "jane"
    assert keys.check_bearer(key + "x") is None
    keys.revoke(bearer.key)
    assert keys.check_bearer(key) is None


@pytest.mark.parametrize("user", ["jane.doe@example.com", "Jane Doe", "åsa", "a", "x" * 256, "svc:render"])
def test_names_that_studios_use_are_fine(keys: Keys, user: str) -> None:
    assert held(keys, user, keys.create(user)).name == user


def test_a_wrong_right_or_expression_makes_no_key(keys: Keys) -> None:
    with pytest.raises(BadKey, match="did you mean 'printers'"):
        keys.create("jane", rights=["printer"])
    with pytest.raises(BadKey, match="there are hooks, keys, printers, settings"):
        keys.create("jane", rights=["everything"])
    with pytest.raises(BadExpression):
        keys.create("jane", publish="topic=")
    with pytest.raises(BadExpression):
        keys.create("jane", receive="(topic=a")
    assert keys.list() == ()


def test_the_first_start_writes_an_admin_key_for_its_owner_alone(keys: Keys, tmp_path: Path) -> None:
    file = tmp_path / "admin.key"
    keys.ensure_admin(file)
    admin = held(keys, "admin", file.read_text().strip())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert all(admin.may(right) for right in RIGHTS)
    for topic in ("octoprint.PrintDone", "callboard.printer.gcode", "ftrack.update"):
        assert admin.may_publish({"topic": topic})
    assert admin.publish is None
    assert admin.receive is None


def test_later_starts_keep_the_admin_key(keys: Keys, tmp_path: Path) -> None:
    file = tmp_path / "admin.key"
    keys.ensure_admin(file)
    text = file.read_text()
    file.chmod(0o644)
    keys.ensure_admin(file)
    assert file.read_text() == text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(keys.list()) == 1


def test_an_admin_key_from_before_a_right_was_there_gets_it(keys: Keys, tmp_path: Path) -> None:
    file = tmp_path / "admin.key"
    old = keys.create("admin", publish="", rights=["hooks", "keys"])
    file.write_text(old + "\n")
    keys.ensure_admin(file)
    assert file.read_text().strip() == old
    assert held(keys, "admin", old).rights == RIGHTS


@pytest.mark.parametrize("text", [b"", b"cb_of-another-folder\n", b"\xff\xfe"])
def test_an_admin_key_that_is_none_is_replaced(keys: Keys, tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "admin.key"
    file.write_bytes(text)
    keys.ensure_admin(file)
    held(keys, "admin", file.read_text().strip())
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".admin")] == []


def test_a_folder_that_cannot_be_written_is_one_clear_sentence(keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match=r"admin\.key can't be written"):
        keys.ensure_admin(tmp_path / "missing" / "admin.key")
