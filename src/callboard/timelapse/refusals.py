"""What the timelapse room refuses, and why a picture was not taken: a sentence each, with the way out."""

from __future__ import annotations

import errno

from callboard.errors import CallboardError


class Refused(CallboardError):
    """The timelapse room does not do that: its reason says what to do instead."""


class NoSuchFilm(Refused):
    """There is no such film: `callboard timelapse list` shows those there are."""


class InUse(Refused):
    """These pictures are in use: wait until the print, or the film, is done."""


class NotTaken(CallboardError):
    """A picture could not be taken."""


class NoFfmpeg(CallboardError):
    """ffmpeg is not there: install it, or `pip install 'callboard[ffmpeg]'`, or set timelapse.ffmpeg."""


_FULL = (errno.ENOSPC, errno.EDQUOT)


def told(error: OSError | CallboardError) -> str:
    """Return as a sentence why something can't be done: in a room's own words, or what the disk refused."""
    if isinstance(error, CallboardError):
        return str(error)
    if error.errno in _FULL:
        return "The disk is full: make room where the timelapse folder lies."
    return f"The timelapse folder can't be written: {error.strerror or error}. Look who may do so."
