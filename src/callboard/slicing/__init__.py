"""The slicing room: models become G-code, by the slicers that this machine has.

    a request, a door -> Slicing -> model (is it one) -> Slicer (its command line) -> process -> files
                                 -> octoprint.Slicing..., the state slicingProgress/<job>

A slicer is a table of how its program is called and what it prints; it starts nothing by itself. All of
them run with low priority in process groups of their own, which end with the job, and with us.
"""
