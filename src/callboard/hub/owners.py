"""Whose a subscriber id is: the user's who first holds it, for as long as a subscription has it."""

from __future__ import annotations

from callboard.errors import Denied


class Owners:
    """The subscriber ids that are held; nearly all of them once."""

    def __init__(self) -> None:
        self._users: dict[str, str] = {}
        self._more: dict[str, int] = {}

    def hold(self, subscriber: str, user: str) -> None:
        """Note that a user holds an id, perhaps once more; raises Denied when another user does."""
        owner = self._users.get(subscriber)
        if owner is None:
            self._users[subscriber] = user
        elif owner == user:
            self._more[subscriber] = self._more.get(subscriber, 0) + 1
        else:
            raise Denied(f"The subscriber id {subscriber} belongs to another user: choose an id of your own.")

    def release(self, subscriber: str) -> bool:
        """Note that one who held an id is gone; return whether nobody holds it any more."""
        more = self._more.pop(subscriber, 0)
        if more > 1:
            self._more[subscriber] = more - 1
        elif not more:
            self._users.pop(subscriber, None)
        return not more
