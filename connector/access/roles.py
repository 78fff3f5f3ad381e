"""Staff roles. Each holds everything that the ones before it hold."""

from __future__ import annotations

from typing import Literal

from connector.errors import InputRefused

Role = Literal["support", "finance", "admin"]

ROLES: dict[Role, str] = {
    "support": "reads everything about shops, syncs, deliveries and orders; replays; stops and starts runs",
    "finance": "and reads and prepares statements and payouts",
    "admin": "and gives roles, tokens and settings",
}
_RANK = {role: rank for rank, role in enumerate(ROLES)}


def role(text: str) -> Role:
    """Errors: InputRefused for a word that is no role."""
    for known in ROLES:
        if known == text:
            return known
    raise InputRefused("role", f"{text[:40]!r} isn't a role.", f"Use one of {', '.join(ROLES)}.")


def covers(held: str, needed: Role) -> bool:
    """May somebody who holds `held` do what asks for `needed`? An unknown word covers nothing."""
    return held in ROLES and _RANK[role(held)] >= _RANK[needed]
