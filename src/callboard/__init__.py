"""Callboard: a self-hosted event hub for studios and print farms."""

from callboard.event import Event

__all__ = ["Event"]
__version__ = "0.1.0"
