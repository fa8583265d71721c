"""The `webhook` kind: post the event as a CloudEvent, signed as Standard Webhooks says.

    id.timestamp.body --HMAC-SHA256(secret)--> webhook-signature: v1,BASE64

The queue is callboard.db, so a host that is down for an hour gets all of it afterwards, in order.
Sources: CloudEvents 1.0 (JSON format, structured mode); Standard Webhooks 1.0.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from callboard.event import Event, encode_json
from callboard.hooks.filling import fill_value
from callboard.hooks.model import Hook, Webhook
from callboard.hooks.output import Output
from callboard.hooks.run import Outcome, Run
from callboard.hooks.template import Refused, Values

if TYPE_CHECKING:
    import aiohttp

_WORTH_RETRYING: Final = {408, 425, 429}
_MOST_READ: Final = 16 * 1024


def sign(secret: bytes, message: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature` for a message id, seconds since 1970 and a body."""
    signed = f"{message}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def cloud_event(event: Event) -> dict[str, Any]:
    """Return the event as a CloudEvent; printer, correlation and position are extension attributes."""
    entry = event.entry
    made: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "type": event.topic,
        "source": "/callboard/" + quote(entry.publisher if entry else "", safe=""),
        "datacontenttype": "application/json",
        "data": event.data,
    }
    if entry is not None:
        made["time"] = datetime.fromtimestamp(entry.time, UTC).isoformat()
        made["position"] = entry.position
    if isinstance(printer := event.source.get("printer"), str):
        made["subject"] = made["printer"] = printer
    trace = event.source.get("trace")
    if isinstance(trace, Mapping) and isinstance(trace.get("correlation"), str):
        made["correlation"] = trace["correlation"]
    return made


def body_of(action: Webhook, event: Event) -> bytes:
    """Return what is posted: the hook's own body filled in, or the CloudEvent."""
    return encode_json(cloud_event(event) if action.body is None else fill_value(action.body, Values(event)))


def address_of(action: Webhook, event: Event) -> str:
    """Return where to post; values are percent-encoded, so that none adds a path or a query."""
    values = Values(event)
    return "".join(
        part if isinstance(part, str) else quote(values.text(part.name), safe="") for part in action.url
    )


class Webhooks:
    """Posts events over connections that are kept; `close` lets go of them."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(self, hook: Hook, action: Webhook, run: Run, event: Event) -> Outcome:
        """Post an event once, and tell what the other side said."""
        import aiohttp

        try:
            body, address = body_of(action, event), address_of(action, event)
        except Refused as error:
            return Outcome("refused", str(error))
        shown = f"POST {address} {len(body)} bytes"
        try:
            async with asyncio.timeout(hook.policy.timeout):
                return await self._posted(address, body, headers_of(action, run, body), shown)
        except TimeoutError:
            reason = f"no answer within {hook.policy.timeout:g} s"
            return Outcome("failed", reason, command=shown, plain=True)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"[:500]
        return Outcome("failed", reason, command=shown)

    async def _posted(self, address: str, body: bytes, headers: Mapping[str, str], shown: str) -> Outcome:
        async with self._opened().post(
            address, data=body, headers=headers, allow_redirects=False
        ) as response:
            output = Output()
            output.add(await response.content.read(_MOST_READ))
            wait = _seconds(response.headers.get("retry-after", ""))
            return judged(response.status, wait, shown, output)

    def _opened(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None), auto_decompress=False
            )
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def headers_of(action: Webhook, run: Run, body: bytes) -> dict[str, str]:
    """Return a request's headers; a retry has the same webhook-id and a new time."""
    message = message_of(run)
    now = int(time.time())
    kind = "application/cloudevents+json" if action.body is None else "application/json"
    own = {"content-type": kind, "webhook-id": message, "webhook-timestamp": str(now)}
    if action.secret:
        own["webhook-signature"] = sign(action.secret, message, now, body)
    return {
        "user-agent": "callboard",
        **{name.lower(): value for name, value in action.headers.items()},
        **own,
    }


def message_of(run: Run) -> str:
    """Return the id of a run's message: the same for each attempt."""
    return "msg_" + hashlib.sha256(f"{run.hook}\n{run.position}\n{run.origin}".encode()).hexdigest()[:32]


def judged(status: int, wait: float, shown: str, output: Output) -> Outcome:
    """Return what an answer means: 2xx is done, 410 ends the hook, other 4xx are not worth a retry."""
    if 200 <= status < 300:
        return Outcome("done", "", status, shown, output)
    if status == 410:
        reason = "the other side answered 410 Gone: nothing more is posted until the hook is loaded again"
        return Outcome("failed", reason, status, shown, output, retry=False, closes=True, plain=True)
    retry = status >= 500 or status in _WORTH_RETRYING
    reason = f"the other side answered {status}"
    return Outcome("failed", reason, status, shown, output, retry=retry, retry_after=wait, plain=True)


def _seconds(text: str) -> float:
    """Return what a Retry-After header asks for: seconds, or an HTTP date."""
    if text.isascii() and text.isdigit():
        return float(text[:6])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError, TypeError):
        return 0.0
