"""What this folder promises for Medusa, and what each promise rests on."""

from __future__ import annotations

from connector.platforms.contract import Readiness

READINESS: tuple[Readiness, ...] = ()
