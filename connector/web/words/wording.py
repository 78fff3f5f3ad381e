"""What a word is made of: who reads it, and its forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from connector.web.icons import KINDS

Audience = Literal["merchant", "creator", "support"]
Kind = Literal["good", "info", "warn", "bad", "hold", "idle"]


@dataclass(frozen=True, slots=True)
class Badge:
    """A status as it is shown: icon, word, colour. Remove the colour and it still reads."""

    kind: Kind
    word: str

    @property
    def icon(self) -> str:
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class Wording:
    """One reason. Where `*_exact` is given it is used when all its slots are known."""

    merchant: str
    creator: str
    support: str
    merchant_exact: str = ""
    creator_exact: str = ""
    support_exact: str = ""
    remedy: str = ""  # what a person can do, for the merchant
