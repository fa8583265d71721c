"""How a command reaches a hub: --url, --user and --key, or what is known without them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from callboard.client.credentials import Credentials, find


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
