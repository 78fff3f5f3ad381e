"""What a store in memory answers, for platforms' tests: the contract's `HttpAnswer`, made by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

JSON = "application/json; charset=utf-8"


@dataclass
class Reply:
    """Bytes as they are; `closed` tells whether whoever asked gave the connection back."""

    status: int = 200
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": JSON})
    closed: bool = False

    def lines(self) -> Iterator[bytes]:
        yield from self.content.splitlines()

    def close(self) -> None:
        self.closed = True
