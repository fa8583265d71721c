"""What the files room refuses: one class for each reason, since each is another answer over HTTP."""

from __future__ import annotations

import errno

from callboard.errors import CallboardError


class Refused(CallboardError):
    """The files room does not do that: its reason says what to do instead."""


class BadName(Refused):
    """A file can't be called that: use letters, digits, spaces and `._-`, without `..`."""


class NoSuchFile(Refused):
    """There is no such file or folder: `callboard files list` shows those there are."""


class Taken(Refused):
    """That name is taken: choose another, or allow overwriting."""


class Busy(Refused):
    """That file is printing: wait until the job has ended."""


class WrongType(Refused):
    """Files of this type are not taken: G-code is .gcode, .gco, .g or .gc~, a model .stl, .3mf or .obj."""


class TooLarge(Refused):
    """This file is larger than `files.max_upload` allows."""


class DiskFull(Refused):
    """The disk is full: nothing was stored; make room and send the file again."""


class DiskFailed(Refused):
    """The files' folder can't be read or written: look at its disk and who may write there."""


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NAMES = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)
_LINKS = (errno.ELOOP, errno.EMLINK)


def told(error: OSError, path: str) -> Refused:
    """Return the refusal that an error of the system comes to, for the file at `path`."""
    if error.errno in _FULL:
        return DiskFull(f"The disk is full: {path} was not stored; make room and send it again.")
    if error.errno in _NAMES:
        return BadName(f"{path[:80]!r} can't be a name on this disk: choose a shorter or plainer one.")
    if error.errno in _LINKS:
        return BadName(f"{path[:80]!r} is, or lies behind, a link: links are not followed in here.")
    if error.errno == errno.ENOTDIR:
        return NoSuchFile(f"There is no folder {path!r}: a file is in its place, or higher up.")
    if error.errno in _GONE:
        return NoSuchFile(f"There is no {path!r}: `callboard files list` shows what there is.")
    return DiskFailed(f"{path!r} can't be read or written: {error.strerror}. Look who may do so.")
