"""What the folder promises, and what each promise rests on. No BigCommerce store was ever asked."""

from connector.platforms.contract import Readiness

_DOC = "Built from BigCommerce's public documentation and specification (2026-04-01); no store was asked."

READINESS = (
    Readiness(
        "Signed load and uninstall callbacks", "proven",
        "Vectors that were computed apart from this code: a right one, and four that must be refused.",
    ),
    Readiness(
        "Signatures of deliveries (Standard Webhooks)", "proven",
        "Vectors that were computed apart from this code. That BigCommerce sends these headers is documented, and "
        "unseen: where they are absent, the shop's own secret header decides alone.",
    ),
    Readiness("Install by callback, code and token", "unproven", _DOC),
    Readiness("Catalog by pages of 250, with variants, images, brands and stock", "unproven", _DOC),
    Readiness(
        "Variants past what a product includes", "unproven",
        "BigCommerce's staff say that all are included; at a round number, and from 250 on, the product's own list is "
        "read all the same.",
    ),
    Readiness("Incremental sync by change time", "unproven", _DOC),
    Readiness("Subscriptions made, switched on again, moved and removed", "unproven", _DOC),
    Readiness("Orders with lines, coupons, shipments and refunds", "unproven", _DOC),
    Readiness(
        "Tax of discounted lines where prices contain it", "unproven",
        "One order that was recorded in public has a line's tax after its discounts; where the order's own sum says "
        "otherwise, the same rate is taken of what was paid.",
    ),
    Readiness(
        "Refunded or partially refunded by hand", "unproven",
        "A status without a record: the whole order counts as given back, or a person is asked for the amount.",
    ),
    Readiness("Carts that carry a creator's touch", "unproven", _DOC),
    Readiness("Creators' discount codes on carts and orders", "unproven", _DOC),
    Readiness(
        "Sample orders", "unproven",
        f"{_DOC} Whether an order of the API's making moves the stock is for the store's settings to say.",
    ),
    Readiness("Quota of calls kept", "unproven", "By the headers that the documentation names; none was seen."),
    Readiness(
        "Taps that end at the store's own pages", "absent",
        "Nothing that rides in an address comes back on an order: such an order is credited by a code alone.",
    ),
    Readiness(
        "Delivery to the buyer", "absent",
        "BigCommerce tells when a parcel was sent, not when it came: ten days later it counts as delivered.",
    ),
    Readiness(
        "Prices by country, price lists of customer groups", "absent", "The storefront's price for everybody is shown.",
    ),
    Readiness(
        "Stores with several storefronts", "absent",
        "Orders of all channels are read; carts are made in the store's first storefront.",
    ),
    Readiness(
        "A single user whose right to the app was taken away", "absent",
        "We keep no users of a store: who was signed in stays so until the session ends. Leave that callback empty.",
    ),
    Readiness("Privacy requests", "absent", "BigCommerce posts none: the merchant asks us, and a person acts."),
)  # fmt: skip
