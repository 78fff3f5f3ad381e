"""What this folder promises, and what each promise rests on.

`run` in a text: seen on a real WooCommerce 9.5.1 (WordPress 6.7.1, PHP 8.2) on 2026-11-21, and kept in the fact sheet.
Our own code has not talked to that store: what is more than reading and signing is unproven until it has.
"""

from __future__ import annotations

from connector.platforms.contract import Readiness

READINESS = (
    Readiness(
        "Signatures of deliveries",
        "proven",
        "Vectors of the fact sheet, whose rule verified 35 deliveries of a real store; altered ones are refused.",
    ),
    Readiness(
        "Orders, refunds and products from their bodies",
        "proven",
        "Bodies in the shape of a real 9.5.1, read to exact amounts; the values in them are made up.",
    ),
    Readiness(
        "Joining by the store's page of approval",
        "unproven",
        "The page, its callback and its traps were seen on a real store (run); our side has met it in tests alone.",
    ),
    Readiness(
        "Joining by a pasted key pair", "unproven", "The API's answers are those that were seen (run); tests alone."
    ),
    Readiness(
        "A host that strips the Authorization header",
        "unproven",
        "Keys in the query worked on a real store (run); the fall back has met it in tests alone.",
    ),
    Readiness(
        "A store behind a proxy that hides https",
        "unproven",
        "OAuth 1.0a was accepted by a real store over http (run), and its vector is a test; not over https.",
    ),
    Readiness(
        "A full catalog, and what changed since",
        "unproven",
        "Filters, paging and time zones follow what was measured (run); read from scripted stores.",
    ),
    Readiness(
        "Products by JSON behind PHP notices or a byte-order mark", "unproven", "Known from reports; made-up answers."
    ),
    Readiness(
        "Webhooks put, kept and mended",
        "unproven",
        "Creation, ping, switching off and duplicates were seen (run); our upkeep has met a scripted store.",
    ),
    Readiness(
        "The token by order attribution",
        "unproven",
        "utm_content came back on orders of both checkouts of a real store (run); the token itself never rode there.",
    ),
    Readiness(
        "The checkout link of WooCommerce 10",
        "unproven",
        "From the source of 10.x, which keeps the query; never opened. Older stores: the product's page.",
    ),
    Readiness(
        "Orders every ten minutes", "unproven", "By modified_after, as measured (run): deliveries are never repeated."
    ),
    Readiness(
        "Deleted refunds",
        "unproven",
        "The store tells nobody (run): orders whose money hasn't cleared are read again, at least every half day.",
    ),
    Readiness(
        "Delivery to the buyer",
        "absent",
        "WooCommerce knows `completed` alone: it counts as sent, and the hold runs from ten days after it.",
    ),
    Readiness(
        "Gift cards and store credit",
        "absent",
        "Plug-ins, each with its own shape. A gift card that is sold earns like any product unless it is excluded.",
    ),
    Readiness(
        "Sample orders",
        "unproven",
        "A real store took orders by this call, and looked at neither stock nor product (run); a sample of ours has "
        "met scripted stores and our stand-in alone.",
    ),
    Readiness("Test orders", "absent", "The store marks none."),
    Readiness(
        "A merchant who leaves",
        "absent",
        "No call says so. A key that is refused is told apart from a store that is down; then it says reconnect.",
    ),
    Readiness("Prices by country", "absent", "One price for everybody; multi-currency plug-ins aren't read."),
    Readiness(
        "A variation that leaves its product",
        "absent",
        "Its deletion names it alone: the product is right again with its next change, or the next full sync.",
    ),
)
