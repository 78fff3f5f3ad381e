"""What the demo prints: stages with their seconds, a progress bar, the table and the proofs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table


class Screen:
    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self.seconds: dict[str, float] = {}

    def say(self, text: str) -> None:
        self.console.print(text, soft_wrap=True)  # a link must not be cut in two

    @contextmanager
    def stage(self, name: str, title: str) -> Iterator[None]:
        self.console.print(f"[bold]{title}[/bold]")
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - start, 2)

    @contextmanager
    def bar(self, title: str) -> Iterator[Progress]:
        """A bar that stays readable when the output is a file (then only its end is printed)."""
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.console, transient=False) as progress:
            progress.add_task(title, total=None)
            yield progress

    def table(self, title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        table = Table(title=title, title_justify="left")
        for index, head in enumerate(heads):
            table.add_column(head, justify="left" if index < 2 else "right")
        for row in rows:
            table.add_row(*(str(cell) for cell in row))
        self.console.print(table)

    def proofs(self, found: Sequence[dict[str, Any]]) -> None:
        for one in found:
            mark = "[green]holds[/green]" if one["holds"] else "[red]BROKEN[/red]"
            self.console.print(f"  {mark}  {escape(one['name'])}: {escape(one['detail'])}", soft_wrap=True)
