"""All the studio's routes: importing a page's module adds them to the blueprint."""

from __future__ import annotations

from connector.faces.studio import earnings, freezes, home, links, orders, payee, products, rates, sign_in, statements
from connector.faces.studio.face import blueprint

__all__ = [
    "blueprint", "earnings", "freezes", "home", "links", "orders", "payee", "products", "rates", "sign_in",
    "statements",
]  # fmt: skip
