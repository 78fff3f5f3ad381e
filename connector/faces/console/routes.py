"""All the console's routes: importing a page's module adds them to the blueprint."""

from __future__ import annotations

from flask import Flask

from connector.faces.console import acts, creators, health, inbox, money, orders, runs, shops, sign_in
from connector.faces.console.face import blueprint

__all__ = ["acts", "blueprint", "creators", "health", "inbox", "install", "money", "orders", "runs", "shops"]


def install(app: Flask) -> None:
    sign_in.install_oidc(app)
