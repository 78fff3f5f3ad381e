"""What this folder promises for Medusa, and what each promise rests on.

"Running store" is Medusa 2.21.2 from its npm packages, joined, bought from and refunded by `make test-stores`.
"""

from __future__ import annotations

from connector.platforms.contract import Readiness

_RUN = "running store, tests/stores/test_medusa.py"
_RECORDED = "answers recorded from a running store, tests/platforms/medusa"

READINESS: tuple[Readiness, ...] = (
    Readiness("Joining by a secret key, and what is said when it doesn't open the store", "proven", _RUN),
    Readiness("Servers behind a password of their own, or a proxy that drops the key", "unproven",
              "built from how such servers answer, tried on made-up answers only"),
    Readiness("The whole catalog, item by item, with price lists and stock over all locations", "proven", _RUN),
    Readiness("What changed: names, prices, stock, each by another list", "proven", _RUN),
    Readiness("A sale that begins or ends by its date", "absent",
              "no product's time moves: its price is seen when the product changes or by the weekly full sync"),
    Readiness("Prices by the buyer's country", "absent", "the shop's own currency and region are shown"),
    Readiness("Orders with metadata from cart and line, promotions, captures, returns, refunds, cancellations",
              "proven", _RUN),
    Readiness("Prices with tax, currencies without decimals and with three", "proven", _RUN),
    Readiness("Order edits, exchanges and fixed promotions", "proven", _RECORDED),
    Readiness("Sample orders: placed, found, shipped, cancelled, and refused where nothing is left", "proven", _RUN),
    Readiness("Claims", "unproven", "read as a return; a replacement leaves the commission, a refund takes its part"),
    Readiness("Quantities that aren't whole", "absent", "such an order is put aside with the field's name"),
    Readiness("Gift cards and store credit as ways to pay", "absent", "Medusa's order doesn't tell of them as such"),
    Readiness("Our plug-in: signed news, an outbox that outlives restarts of either side", "proven", _RUN),
    Readiness("Our plug-in with several servers and Redis as the event bus", "unproven",
              "rows are taken with a lock and a lease; only one server with the event bus in memory was run"),
    Readiness("Medusa before 2.21", "unproven", "plug-ins exist since 2.3; no other version was run"),
    Readiness("The buyer's way from a tap to the cart's metadata", "unproven",
              "needs a few lines in the merchant's storefront (plugin/README.md), which no real storefront has run"),
    Readiness("Removal without a word", "proven", "a revoked key is told to the merchant: " + _RUN),
    Readiness("The store's time zone", "absent", "Medusa has none: periods are counted in UTC"),
)  # fmt: skip
