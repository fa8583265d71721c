"""What the slicing room refuses, and why a job fails: a sentence each, with the way out."""

from __future__ import annotations

from callboard.errors import CallboardError


class Refused(CallboardError):
    """The slicing room does not do that: its reason says what to do instead."""


class NoSuchSlicer(Refused):
    """There is no such slicer: `callboard slice --list` shows those there are."""


class NoSuchProfile(Refused):
    """There is no such profile: `callboard slice --list` shows those there are."""


class NoSuchJob(Refused):
    """There is no such slicing job, or it ended long ago."""


class BadProfile(Refused):
    """This profile can't be used: its reason says what is wrong in it."""


class BadPlace(Refused):
    """This place is not on the bed: its reason says where the bed is."""


class NotAModel(Refused):
    """This file is no model: slice a .stl, .3mf or .obj file."""


class NotSliced(CallboardError):
    """A model could not be sliced."""


class BadModel(NotSliced):
    """This model can't be sliced: export it anew from the program that made it."""
