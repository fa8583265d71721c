"""The catalog of known topics as an AsyncAPI document."""

from __future__ import annotations

from starlette.responses import Response

from callboard import __version__
from callboard.catalog import asyncapi
from callboard.server.operation import Call, json


async def asyncapi_document(call: Call) -> Response:
    """Read which events there are.

    The topics that are known, what each carries and an example, as AsyncAPI 3.0.
    """
    url = call.request.base_url
    return json(asyncapi(f"{url.scheme}://{url.netloc}", __version__))
