"""All the console's routes: importing a page's module adds them to the blueprint."""

from __future__ import annotations

from flask import Flask

from connector.faces.console import (
    acts,
    checks,
    codes,
    content_fees,
    countries,
    creator_timeline,
    creators,
    deciding,
    endpoints,
    erasing,
    events,
    exchanges,
    freezes,
    health,
    imports,
    inbox,
    invoices,
    ledger,
    money,
    negotiations,
    orders,
    payouts,
    payouts_heard,
    platforms,
    privacy,
    products,
    proofs,
    receipts,
    refunds,
    replays,
    reports,
    rules,
    runs,
    sales,
    samples,
    saved_views,
    search,
    settings,
    shops,
    sign_in,
    stalled,
    terms,
    timeline,
    touches,
    whatif,
)
from connector.faces.console.face import blueprint

__all__ = [
    "acts", "blueprint", "checks", "codes", "content_fees", "countries", "creator_timeline", "creators", "deciding",
    "endpoints", "erasing", "events", "exchanges", "freezes", "health", "imports", "inbox", "install", "invoices",
    "ledger", "money", "negotiations", "orders", "payouts", "payouts_heard", "platforms", "privacy", "products",
    "proofs", "receipts", "refunds", "replays", "reports", "rules", "runs", "sales", "samples", "saved_views", "search",
    "settings", "shops", "stalled", "terms", "timeline", "touches", "whatif",
]  # fmt: skip


def install(app: Flask) -> None:
    sign_in.install_oidc(app)
