"""JSON as stores really send it: behind a byte-order mark, behind PHP's own notices, and announced as HTML then."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

# A value that begins a line or follows a tag: PHP writes its notices in front of what the store meant to say.
_BEGINS = re.compile(rb'(?:\A|[\n>])[\s\xef\xbb\xbf]*([{\[](?=\s*["{\]}\[]))')
_NOTICES = 64 * 1024
_raw = msgspec.json.Decoder(msgspec.Raw)


def json_within(content: bytes) -> bytes | None:
    """The object or list in an answer, without what stands in front of it; None where there is none.

    A page of HTML has none, also where a script in it holds some: what is found must go on to the very end.
    """
    if content[:1] in (b"{", b"["):
        return content
    for found in _BEGINS.finditer(content, 0, _NOTICES):
        body = content[found.start(1) :].rstrip()
        try:
            _raw.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        return body
    return None


@dataclass(slots=True)
class Cleaned:
    """An answer whose JSON was found: what stood in front of it is gone, and it is announced as what it is."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def lines(self) -> Iterator[bytes]:
        yield from self.content.splitlines()

    def close(self) -> None: ...
