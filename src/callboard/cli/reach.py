"""How a command reaches a hub: --url, --user and --key, or what is known without them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import Parameter

from callboard.client.credentials import Credentials, find

if TYPE_CHECKING:
    from callboard.client.http import Http

T = TypeVar("T")


@Parameter(name="*")
@dataclass(frozen=True)
class Reach:
    """Which hub, and as whom."""

    url: Annotated[str | None, Parameter(help="Address of the hub, else the one on this machine.")] = None
    user: Annotated[str | None, Parameter(help="Who is asking; not needed with --key.")] = None
    key: Annotated[str | None, Parameter(help="API key of who is asking.")] = None

    @property
    def credentials(self) -> Credentials:
        """The hub to talk to; raises NoHub or Unauthenticated."""
        return find(self.url, self.user, self.key)


def talk(reach: Reach | None, work: Callable[[Http], Awaitable[T]]) -> T:
    """Return what `work` gives with a hub's HTTP."""
    from callboard.client.http import Http

    async def run() -> T:
        async with Http((reach or Reach()).credentials) as http:
            return await work(http)

    return asyncio.run(run())
