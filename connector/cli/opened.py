"""The process that a command runs in."""

from __future__ import annotations

from connector.config import Settings


def open_process() -> Settings:
    """As `operations.starting.open_process`, imported late: `connector --help` shouldn't load the whole house."""
    from connector.operations import starting

    return starting.open_process()
