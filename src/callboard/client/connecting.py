"""`connect`: the front door of the client, for asynchronous and for blocking programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from callboard.client.credentials import find

if TYPE_CHECKING:
    from callboard.client.blocking import BlockingClient
    from callboard.client.client import Client


def connect(
    url: str | None = None,
    user: str | None = None,
    key: str | None = None,
    *,
    data: str | Path | None = None,
    subscriber: Mapping[str, Any] | None = None,
    id: str | None = None,  # noqa: A002 - the seed's word
    patience: float = 0.0,
) -> Connecting:
    """Reach a hub: enter what this gives with `async with`, or with `with` in a script that may block.

    Where nothing is given, the environment and the data folder say where and as whom (docs/clients.md);
    `data` is another data folder. `subscriber` is said of each of this client's subscribers, `id`
    is the `source.id` of its events. At first it waits `patience` seconds for a hub that is not
    there; later it comes back by itself, for ever.
    Entering raises NoHub, Unauthenticated, or Gone when no hub answers.
    """
    return Connecting(url, user, key, data, subscriber, id, patience)


class Connecting:
    """What `connect` gives: enter it with `async with` or with `with`."""

    def __init__(
        self,
        url: str | None,
        user: str | None,
        key: str | None,
        data: str | Path | None,
        subscriber: Mapping[str, Any] | None,
        id: str | None,  # noqa: A002 - the seed's word
        patience: float,
    ) -> None:
        self._where = (url, user, key, data)
        self._options: dict[str, Any] = {"subscriber": subscriber, "id": id, "patience": patience}
        self._client: Client | None = None
        self._blocking: BlockingClient | None = None

    async def __aenter__(self) -> Client:
        from callboard.client.client import Client

        url, user, key, data = self._where
        self._client = Client(find(url, user, key, data=data), **self._options)
        return await self._client.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()

    def __enter__(self) -> BlockingClient:
        from callboard.client.blocking import BlockingClient

        url, user, key, data = self._where
        self._blocking = BlockingClient(find(url, user, key, data=data), **self._options)
        return self._blocking.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._blocking is not None:
            self._blocking.close()
