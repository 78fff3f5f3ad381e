"""Sets of numbered listings as bitmaps: how they lie in the database, and how a search puts them together.

In memory a set is one Python integer, bit n for listing n: AND, OR and counting over 100,000 listings take
microseconds, in C, whatever the database. In the database a set is cut into segments, so that a change rewrites 1 KB
at most.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from sys import byteorder

SEGMENT = 8192  # listings
BYTES = SEGMENT // 8
FEW = 100  # up to so many a segment lists its bits instead


def changed(stored: bytes, added: Iterable[int], removed: Iterable[int]) -> bytes:
    """A stored segment with some of its bits (0 to 8191) set and some cleared."""
    if len(stored) != BYTES:
        offsets = set(_listed(stored)).union(added).difference(removed)
        if len(offsets) <= FEW:
            return _little(array("H", sorted(offsets)))
        stored, added, removed = bytes(BYTES), offsets, ()
    bits = bytearray(stored)
    for at in added:
        bits[at >> 3] |= 1 << (at & 7)
    for at in removed:
        bits[at >> 3] &= ~(1 << (at & 7)) & 255
    if int.from_bytes(bits, "little").bit_count() <= FEW:
        return _little(array("H", numbers(int.from_bytes(bits, "little"))))
    return bytes(bits)


class Union:
    """Collects segments, in any order, into one set."""

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, segment: int, stored: bytes) -> None:
        start = segment * BYTES
        if len(self._bits) < start + BYTES:
            self._bits.extend(bytes(start + BYTES - len(self._bits)))
        if len(stored) != BYTES:
            bits = self._bits
            for at in _listed(stored):
                bits[start + (at >> 3)] |= 1 << (at & 7)
            return
        held = int.from_bytes(self._bits[start : start + BYTES], "little")
        whole = held | int.from_bytes(stored, "little") if held else None
        self._bits[start : start + BYTES] = stored if whole is None else whole.to_bytes(BYTES, "little")

    def whole(self) -> int:
        return int.from_bytes(self._bits, "little")


def numbers(bits: int, after: int = -1) -> Iterator[int]:
    """The members of a set in ascending order, behind `after`."""
    base = 0
    if after >= 0:
        base = (after + 1) // 64 * 64
        bits >>= base
        bits &= ~((1 << (after + 1 - base)) - 1)
    length = (bits.bit_length() + 63) // 64
    words = array("Q")
    words.frombytes(_native(bits, length))
    for index, word in enumerate(words):
        at = base + index * 64
        while word:
            low = word & -word
            yield at + low.bit_length() - 1
            word ^= low


def selectors(bits: int, segment: int) -> bytes:
    """8,192 bytes, 1 where the segment's listing is in the set: for `itertools.compress`."""
    part = (bits >> (segment * SEGMENT)) & _FULL
    return f"{part:0{SEGMENT}b}"[::-1].encode().translate(_DIGITS) if part else b""


_FULL = (1 << SEGMENT) - 1
_DIGITS = bytes(int(byte == ord("1")) for byte in range(256))


def _native(bits: int, length: int) -> bytes:
    if byteorder == "little":
        return bits.to_bytes(length * 8, "little")
    words = array("Q", bits.to_bytes(length * 8, "little"))
    words.byteswap()
    return words.tobytes()


def _listed(stored: bytes) -> array[int]:
    listed = array("H")
    listed.frombytes(stored)
    return _swapped(listed)


def _little(listed: array[int]) -> bytes:
    return _swapped(listed).tobytes()


def _swapped(listed: array[int]) -> array[int]:
    if byteorder != "little":
        listed.byteswap()
    return listed
