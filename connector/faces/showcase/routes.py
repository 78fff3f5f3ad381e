"""All the showcase's routes: importing a page's module adds them to the blueprint."""

from __future__ import annotations

from connector.faces.showcase import creators, products, reasons, rules, shops, sitemap
from connector.faces.showcase.face import blueprint

__all__ = ["blueprint", "creators", "products", "reasons", "rules", "shops", "sitemap"]
