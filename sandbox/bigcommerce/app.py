"""The rooms of the stand-in BigCommerce."""

from __future__ import annotations

from flask import Blueprint

from sandbox.bigcommerce import api, pages, storefront
from sandbox.bigcommerce.face import BigCommerce
from sandbox.bigcommerce.oauth import App, OAuth
from sandbox.store import quota
from sandbox.store.store import Store

CALLS, SECONDS = 150, 30.0  # of a standard plan; 450 of a larger one


def rooms(store: Store, app: App) -> list[Blueprint]:
    """Adds the face to the store."""
    face, quotas = BigCommerce(store, OAuth(store.state, app)), quota.Quotas(CALLS, SECONDS)
    return [
        api.blueprint(store, face, quotas), pages.blueprint(store, face), storefront.room, pages.control(store, face),
        quota.blueprint(face.platform, store, quotas),
    ]  # fmt: skip
