"""Keys over HTTP, for those with the right `keys`.

Whoever has it can make any key: it is the right to everything.
"""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from callboard.hub.principal import Key
from callboard.server.body import decode
from callboard.server.entries import iso
from callboard.server.operation import Call, json
from callboard.server.problems import NOT_FOUND, Problem
from callboard.server.shapes import KeyInfo, NewKey

_MOST = 64 * 1024


async def list_keys(call: Call) -> Response:
    """List the keys.

    What each may do; their texts are known to their owners alone.
    """
    return json({"keys": [_info(key) for key in call.house.keys.list()]})


async def create_key(call: Call) -> Response:
    """Make a key.

    The answer holds the key's text: it is shown this once and stored only as a hash.
    """
    async with call.house.bodies.read(call.request, _MOST) as body:
        wanted = decode(body, NewKey)
    keys = call.house.keys
    text = await asyncio.to_thread(keys.create, wanted.user, wanted.publish, wanted.receive, wanted.rights)
    made = await asyncio.to_thread(keys.find, text)
    return json({"id": made.id if made else 0, "key": text}, 201)


async def revoke_key(call: Call) -> Response:
    """Revoke a key.

    It opens nothing any more. Streams that it opened end within ten seconds.
    """
    number = call.request.path_params["id"]
    if number >= 1 << 63 or not await asyncio.to_thread(call.house.keys.revoke, number):
        raise Problem(
            NOT_FOUND, f"There is no key {number}: `callboard keys list`, or GET /v1/keys, shows them."
        )
    return Response(status_code=204)


def _info(key: Key) -> KeyInfo:
    return KeyInfo(key.id, key.user, key.publish, key.receive, list(key.rights), iso(key.created))
