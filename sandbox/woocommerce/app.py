"""The rooms of the stand-in WooCommerce."""

from __future__ import annotations

from flask import Blueprint

from sandbox.store import quota
from sandbox.store.store import Store
from sandbox.woocommerce import api, approval, control, storefront
from sandbox.woocommerce.face import WooCommerce

# No limit of its own: a host's, which the control API sets.
CALLS, SECONDS = 0, 1.0


def rooms(store: Store) -> list[Blueprint]:
    """Adds the face to the store."""
    face, quotas = WooCommerce(store), quota.Quotas(CALLS, SECONDS)
    return [
        api.blueprint(store, face, quotas), approval.blueprint(store), storefront.room, control.blueprint(store),
        quota.blueprint(face.platform, store, quotas),
    ]  # fmt: skip
