"""The stand-in with all its faces, sharing one store on one port."""

from __future__ import annotations

from urllib.parse import urljoin

from flask import Flask

from sandbox.bigcommerce import app as bigcommerce
from sandbox.bigcommerce.oauth import App as BigCommerceApp
from sandbox.shopify import app as shopify
from sandbox.shopify.store import Settings, Store
from sandbox.store import app
from sandbox.woocommerce import app as woocommerce


def bigcommerce_app(settings: Settings) -> BigCommerceApp:
    """The app's profile there: the same id and secret as at Shopify, and callbacks at the same host."""
    origin = settings.app.app_url
    return BigCommerceApp(
        settings.app.client_id, settings.app.client_secret, urljoin(origin, "/oauth/bigcommerce/callback"),
        urljoin(origin, "/bigcommerce/launch"), urljoin(origin, "/oauth/bigcommerce/farewell"),
    )  # fmt: skip


def create_app(store: Store) -> Flask:
    """`store` is Shopify's face; the others join the store behind it."""
    rooms = shopify.rooms(store) + woocommerce.rooms(store.shared)
    rooms += bigcommerce.rooms(store.shared, bigcommerce_app(store.settings))
    return app.create_app(store.shared, rooms)
