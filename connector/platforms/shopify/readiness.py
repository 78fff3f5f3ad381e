"""What the folder promises, and what each promise rests on. No real shop of Shopify's was ever asked."""

from connector.platforms.contract import Readiness

_STAND_IN = "Driven against our own stand-in of Shopify, whose documents are checked by the published 2026-10 schema."

READINESS = (
    Readiness("Joining, renewal, uninstall and return", "proven", _STAND_IN),
    Readiness(
        "Signatures of queries and deliveries", "proven",
        "Vectors that were computed apart from this code, right ones and forged ones.",
    ),
    Readiness(
        "Every question that we ask", "proven", "Each document is valid by the published schema of API 2026-10."
    ),
    Readiness("A whole catalog by bulk export, 2,048 variants a product", "proven", _STAND_IN),
    Readiness("Orders, refunds, edits, exchanges and disputes", "proven",
              "Recorded and composed payloads, each with its numbers to the ledger; and every step of an order's life "
              "at our stand-in."),
    Readiness("The app inside Shopify's admin", "proven", f"In Chromium. {_STAND_IN}"),
    Readiness(
        "The app inside a real admin", "unproven",
        "App Bridge itself comes from Shopify; a development store is needed.",
    ),
    Readiness(
        "What our questions really cost, by plan", "unproven",
        "The cost is reckoned by Shopify's published rules; a store tells what it charges.",
    ),
    Readiness("Prices by market, sales channels", "unproven", "Driven against fakes and our stand-in alone."),
    Readiness(
        "A storefront cart's channel attribution without a token", "unproven", "Documentation says nothing of it.",
    ),
    Readiness("Compliance topics", "proven", f"Asked, found, exported and erased. {_STAND_IN}"),
    Readiness(
        "Sample orders: draft, completion, cancellation", "unproven",
        "The mutations are valid by the published schema of API 2026-10, and were tried at our stand-in; no store took "
        "one.",
    ),
    Readiness(
        "Exchanges that the store itself pairs", "absent",
        "They need the scope read_returns, which we don't ask for: an exchange's new line is an ordinary added line.",
    ),
)  # fmt: skip
