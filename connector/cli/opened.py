"""The process that a command runs in."""

from __future__ import annotations

from connector.config import Settings


def open_process() -> Settings:
    """As `operations.opening.open_process`, imported late: `connector --help` shouldn't load the whole house."""
    from connector.operations import opening

    return opening.open_process()
