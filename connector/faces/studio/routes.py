"""All the studio's routes: importing a page's module adds them to the blueprint."""

from __future__ import annotations

from connector.faces.studio import (
    account,
    calendar,
    content,
    earnings,
    freezes,
    home,
    links,
    messages,
    news,
    offers,
    orders,
    payee,
    products,
    rates,
    rules,
    sales,
    samples,
    sign_in,
    statements,
)
from connector.faces.studio.face import blueprint

__all__ = [
    "account", "blueprint", "calendar", "content", "earnings", "freezes", "home", "links", "messages", "news", "offers",
    "orders", "payee", "products", "rates", "rules", "sales", "samples", "sign_in", "statements",
]  # fmt: skip
