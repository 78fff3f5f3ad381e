"""What this folder promises, and what each promise rests on. Documentation alone is `unproven`."""

from __future__ import annotations

from connector.platforms.contract import Readiness

REAL = "seen on a real Vendure 3.7.3 by tests/stores/test_vendure.py"

READINESS = (
    Readiness("A pasted API key joins a store", "proven", REAL),
    Readiness(
        "Words for a revoked key, a role too small, a wrong channel, sessions only, the wrong address", "proven",
        "the answers of a real store to each; 'sessions only' and a key that a proxy strips look alike and are told "
        "together",
    ),
    Readiness("A channel is a shop of its own", "proven", "two channels of one real store, each with its own orders"),
    Readiness("The whole catalog, item by item as the store's own API has it", "proven", REAL),
    Readiness("Changes of names, prices and stock", "proven", REAL + ", with the deletion by a sweep"),
    Readiness(
        "More variants than a list of the store holds", "proven",
        REAL + " with pages smaller than a product's variants, and larger than the store's own limit",
    ),
    Readiness(
        "Prices in currencies without decimals, or with three", "unproven",
        "the arithmetic is exact and tested; no real store in yen or dinar was seen, and Vendure's pages say two "
        "things of how such prices are kept. The merchant is shown a sample price",
    ),
    Readiness("Orders, discounts spread by the store, partial cancellations, refunds", "proven", REAL),
    Readiness(
        "Refunds of orders that were paid by several payments", "unproven",
        "Vendure's source gives each payment's refund all lines; we count them once. No real store made one for us",
    ),
    Readiness(
        "Modified orders and surcharges", "unproven", "read by the schema and Vendure's source; not made on a real one"
    ),
    Readiness(
        "Orders of several sellers", "unproven",
        "a seller's part counts in the seller's channel, the whole in the default one; no such store was seen",
    ),
    Readiness("Deliveries by our plug-in, signed and repeated", "proven", REAL),
    Readiness(
        "News without the plug-in", "proven",
        "orders are asked for every ten minutes, products every fifteen. A refund, which no list shows: at the next "
        "look for the newest thousand orders, for older ones within half a day, and always before money clears",
    ),
    Readiness("Tokens on orders and on lines, two creators in one cart", "proven", REAL),
    Readiness(
        "A tap arrives at the storefront's page", "unproven",
        "each storefront is the merchant's own: its pages and its few lines of code can only be tried there (the "
        "merchant's test tap)",
    ),
    Readiness("A cart that opens from our link", "absent", "there is no such link: a tap leads to the product's page"),
    Readiness(
        "Sample orders: placed, found, shipped, cancelled, and refused where nothing is left or nobody ships", "proven",
        REAL,
    ),
    Readiness(
        "Sample orders of a store with promotions or order processes of its own", "unproven",
        "another promotion, or a state before payment, may keep an order from being free: it is refused then",
    ),
    Readiness("Test orders", "absent", "Vendure has no such mark: use a channel of its own for trying"),
    Readiness("Gift cards", "absent", "Vendure's core has none; those of other plug-ins are sold like any product"),
    Readiness("News that the merchant removed us", "absent", "a revoked key is noticed at the next call"),
    Readiness("Requests of privacy law by the store", "absent", "Vendure sends none: support enters them"),
)  # fmt: skip
