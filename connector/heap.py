"""The collector and what a process loads.

Modules, mapped classes and routes come in by the hundred thousand objects and stay. A collector that looks for garbage
meanwhile goes through all of them again and again: a sixth to a third of a process's start, and later a pause in the
midst of a request or a drain each time it does so. So it rests while a process loads, and what stands then is spared.
"""

from __future__ import annotations

import gc


def rest() -> None:
    """Collect nothing until `stand` or `keep_what_stands`: a program that begins to load itself says so."""
    gc.disable()


def stand() -> None:
    """What is loaded stands, the collector works again. Does nothing to a process that never let it rest."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def keep_what_stands() -> None:
    """`stand` for a process that goes on for days: what its start left as garbage goes first."""
    gc.collect()
    gc.freeze()
    gc.enable()
