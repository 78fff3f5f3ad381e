"""JSON as stores really send it: behind a byte-order mark, behind PHP's own notices, and announced as HTML then."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import msgspec

# A value that begins a line or follows a tag: PHP writes its notices in front of what the store meant to say.
_BEGINS = re.compile(rb'[\n>][ \t\r]{0,8}([{\[](?=\s{0,8}["{\]}\[]))')
_NOTICES, _MOST_TRIED = 64 * 1024, 50  # bytes in front, and places that are tried: whoever sends it may be hostile
_BLANK = b"\xef\xbb\xbf \t\r\n"
_raw = msgspec.json.Decoder(msgspec.Raw)


def json_within(content: bytes) -> bytes | None:
    """The object or list in an answer, without what stands in front of it; None where there is none.

    A page of HTML has none, also where a script in it holds some: what is found must go on to the very end.
    """
    if content[:1] in (b"{", b"["):
        return content
    bare = content.lstrip(_BLANK)
    if bare[:1] in (b"{", b"["):
        return bare
    for found in islice(_BEGINS.finditer(bare, 0, _NOTICES), _MOST_TRIED):
        body = bare[found.start(1) :].rstrip()
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
