"""Uploads that were granted: one token, one component, some minutes, and nobody pushes others out."""

from __future__ import annotations

import pytest

from callboard.studio.grants import Grant, Grants, NoSuchUpload


class Clock:
    """Seconds, as the test has them."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def a_grant(component: str, user: str = "jane") -> Grant:
    return Grant(component=component, user=user, size=3)


def good(grants: Grants, token: str) -> bool:
    try:
        with grants.claimed(token):
            raise InterruptedError  # so that it stays good
    except NoSuchUpload:
        return False
    except InterruptedError:
        return True


def test_a_token_ends_with_its_time() -> None:
    clock = Clock()
    grants = Grants(clock, lasts=600)
    token = grants.give(a_grant("c"))
    clock.now = 600
    assert good(grants, token)
    clock.now = 601
    assert not good(grants, token)
    grants.give(a_grant("d"))
    assert len(grants) == 1


def test_a_token_is_good_again_only_after_a_failure() -> None:
    grants = Grants()
    token = grants.give(a_grant("c"))
    with pytest.raises(OSError, match="cut off"), grants.claimed(token):  # noqa: PT012 - it fails inside
        assert not good(grants, token)
        raise OSError("cut off")
    with grants.claimed(token) as grant:
        assert grant.component == "c"
    assert not good(grants, token)
    assert len(grants) == 0


def test_a_newer_grant_for_a_component_counts_even_while_its_bytes_come() -> None:
    grants = Grants()
    token = grants.give(a_grant("c"))
    with pytest.raises(NoSuchUpload, match="that one counts"), grants.claimed(token) as grant:  # noqa: PT012
        grants.check(grant)
        newer = grants.give(a_grant("c"))
        grants.check(grant)
    assert not good(grants, token)
    assert good(grants, newer)


def test_who_asks_for_too_many_pushes_out_only_their_own_oldest() -> None:
    grants = Grants(most=3)
    others = grants.give(a_grant("theirs", "bob"))
    mine = [grants.give(a_grant(f"c{number}")) for number in range(5)]
    assert [good(grants, token) for token in mine] == [False, False, True, True, True]
    assert good(grants, others)
    assert len(grants) == 4
