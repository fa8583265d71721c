"""What the tracker knows of uploads: which component may have bytes, and whose bytes nobody needs.

Clients ask by the operation `get_upload_metadata` before they upload to the location `ftrack.server`; where
to comes from who holds the bytes (server/uploads.py). Source: the official clients' accessor and uploader.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from callboard.tracker.ledger import Ledger
from callboard.tracker.refusals import Duplicate, Invalid
from callboard.tracker.seeding import LOCATIONS

ACTION: Final = "get_upload_metadata"
_SERVER: Final = LOCATIONS["ftrack.server"]
_FILE, _PLACE = "FileComponent", "ComponentLocation"
_MD5 = 16


def upload_asked(ledger: Ledger, one: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an upload was asked for with, checked: {action, component_id, file_size, checksum}.

    `file_size` is in bytes, `checksum` the MD5 in base64, or None. The component need not be there yet:
    the official Python client makes a thumbnail's together with its ComponentLocation, once the bytes are
    uploaded. Raises Invalid, or Duplicate for a component that is in `ftrack.server` already.
    """
    id_, size, checksum = one.get("component_id"), one.get("file_size"), one.get("checksum")
    if not isinstance(id_, str):
        raise Invalid(f"`component_id` of {ACTION} is the id of a FileComponent.")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Invalid(f"`file_size` of {ACTION} is the number of bytes.")
    if checksum is not None and not _is_md5(checksum):
        raise Invalid(f"`checksum` of {ACTION} is an MD5 in base64, or null.")
    _check(ledger, id_)
    return {"action": ACTION, "component_id": id_, "file_size": size, "checksum": checksum}


def _check(ledger: Ledger, id_: str) -> None:
    asked = ledger.model[_FILE]
    row = ledger.load(asked, (id_,))
    if row is not None and ledger.kind(asked, row).name != _FILE:
        raise Invalid(f"{id_[:80]} is no FileComponent: upload its members, one by one.")
    if any(_is_served(each) for each in ledger.find(ledger.model[_PLACE], "component_id", [id_])):
        raise Duplicate(f"The component {id_[:80]} is in ftrack.server already: remove it from there first.")


def _is_md5(text: Any) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == _MD5
    except (TypeError, ValueError, binascii.Error):
        return False


def freed(ledger: Ledger) -> frozenset[str]:
    """Return the components that a transaction deleted, or took out of `ftrack.server`."""
    component, place = ledger.model[_FILE], ledger.model[_PLACE]
    gone: set[str] = set()
    held: set[str] = set()
    for touched in ledger.changed():
        before, now = touched.before, touched.now
        if touched.table == component.table and before is not None and now is None:
            gone.add(before["id"])
        if touched.table == place.table:
            gone |= {row["component_id"] for row in (before,) if row is not None and _is_served(row)}
            held |= {row["component_id"] for row in (now,) if row is not None and _is_served(row)}
    return frozenset(gone - held)


def _is_served(row: Mapping[str, Any]) -> bool:
    return bool(row["location_id"] == _SERVER)
