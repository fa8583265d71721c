"""The rule of layers, which the analysis of files has too: see `callboard.files.layers`."""

from callboard.files.layers import LayerChange, Layers, Point

__all__ = ["LayerChange", "Layers", "Point"]
