"""Groups of commands that stand with their room."""

from __future__ import annotations

from collections.abc import MutableMapping
from importlib import import_module
from typing import Any

import click


class OfRoom(click.Group):
    """A group that stands with its room, which is only loaded when the group is asked for."""

    def __init__(self, *args: Any, room: str = "", group: str = "", **kwargs: Any) -> None:
        self.room, self.group_name = room, group
        super().__init__(*args, **kwargs)

    def _there(self) -> click.Group:
        found: click.Group = getattr(import_module(f"connector.{self.room}.commands"), self.group_name)
        return found

    @property
    def commands(self) -> MutableMapping[str, click.Command]:
        return self._there().commands

    @commands.setter
    def commands(self, _none: MutableMapping[str, click.Command]) -> None:
        """What click's own constructor sets."""
