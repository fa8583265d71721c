"""Operations that the official clients know and the tracker does not have: why, and what to do instead."""

from __future__ import annotations

from callboard.tracker.refusals import Unsupported

_INSTEAD = {
    "complete_multipart_upload": "files are uploaded in one piece, to the `url` of get_upload_metadata",
    "encode_media": "media are not encoded: make the film yourself and add it as a component",
    "get_widget_url": "there are no widgets",
    "reset_remote": "keys are made by `callboard keys create`",
    "send_user_invite": "no mail is sent: make a key by `callboard keys create`, and hand it over",
    "send_review_session_invite": "there are no review sessions",
    "delayed_job": "there are no delayed jobs",
}


def absent(action: str) -> Unsupported:
    """Return the error for an operation that is not there."""
    instead = _INSTEAD.get(action)
    return Unsupported(f"The action {action[:80]!r} is not there{f': {instead}' if instead else ''}.")
