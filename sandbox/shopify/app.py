"""The rooms of the stand-in Shopify, and an application of it alone."""

from __future__ import annotations

from flask import Blueprint, Flask

from sandbox.shopify import admin, control, frame, merchant, pages, storefront, storefront_api
from sandbox.shopify.store import Settings, Store
from sandbox.store import app


def rooms(store: Store) -> list[Blueprint]:
    return [
        admin.blueprint(store), frame.blueprint(store), merchant.blueprint(store), pages.blueprint(store),
        storefront.room, storefront_api.blueprint(store), control.blueprint(store),
    ]  # fmt: skip


def create_app(store: Store) -> Flask:
    return app.create_app(store.shared, rooms(store))


__all__ = ["Settings", "Store", "create_app"]
