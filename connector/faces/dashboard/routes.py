"""All the dashboard's routes: importing a page's module adds them to the blueprint."""

from __future__ import annotations

from connector.faces.dashboard import (
    codes,
    connect,
    creators,
    feeds,
    home,
    invitations,
    invoices,
    offers,
    orders,
    permissions,
    privacy,
    products,
    programme,
    rules,
    sales,
    samples,
    settings,
    store,
    terms,
    tracking,
    whatif,
)
from connector.faces.dashboard.face import blueprint

__all__ = [
    "blueprint", "codes", "connect", "creators", "feeds", "home", "invitations", "invoices", "offers", "orders",
    "permissions", "privacy", "products", "programme", "rules", "sales", "samples", "settings", "store", "terms",
    "tracking", "whatif",
]  # fmt: skip
