"""JSON in and out, by the library that the product brings along already."""

from __future__ import annotations

from typing import Any

import msgspec

dumps = msgspec.json.encode


def loads(text: bytes | str) -> Any:
    """Decode JSON. Raises ValueError for what is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
