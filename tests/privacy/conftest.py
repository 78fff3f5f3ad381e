"""The inbox's fixtures, and a world in which something is earned."""

from __future__ import annotations

import pytest

from tests.privacy.world import World, credited
from tests.webhooks.conftest import Store, run_drain, settings, shop_id, sooner, store

__all__ = ["run_drain", "settings", "shop_id", "sooner", "store"]


@pytest.fixture
def world(store: Store, shop_id: str) -> World:
    return credited(shop_id)
