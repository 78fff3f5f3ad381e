"""The platforms there are: ours, one line each, and those of other packages (entry point `connector.platforms`)."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from connector.config import load
from connector.errors import NotFound
from connector.platforms.bigcommerce import PLATFORM as BIGCOMMERCE
from connector.platforms.contract import Platform
from connector.platforms.medusa import PLATFORM as MEDUSA
from connector.platforms.shopify import PLATFORM as SHOPIFY
from connector.platforms.square import PLATFORM as SQUARE
from connector.platforms.vendure import PLATFORM as VENDURE
from connector.platforms.woocommerce import PLATFORM as WOOCOMMERCE

OURS = (SHOPIFY, WOOCOMMERCE, BIGCOMMERCE, SQUARE, MEDUSA, VENDURE)


@cache
def platforms() -> dict[str, Platform]:
    found = {platform.slug: platform for platform in OURS}
    for point in entry_points(group="connector.platforms"):
        platform = point.load()
        found.setdefault(platform.slug, platform)
    return found


def platform(slug: str) -> Platform:
    """Errors: NotFound for a slug that is on no roster line."""
    try:
        return platforms()[slug]
    except KeyError:
        raise NotFound(f"no platform is called {slug[:40]!r}") from None


@cache
def settings_of(slug: str) -> Any:
    """A platform's own settings, read once. Errors: ConfigurationWrong."""
    kind = platform(slug).settings
    return load(kind, str(kind.model_config.get("env_prefix", "")).upper())
