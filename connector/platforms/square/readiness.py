"""What the folder promises, and what each promise rests on. No Square seller or sandbox was ever asked."""

from connector.platforms.contract import Readiness

_DOC = "Built from Square's public specification and pages; no seller and no sandbox of Square's was asked."

READINESS = (
    Readiness(
        "Signatures of deliveries", "proven",
        "Vectors that were computed apart from this code: a right one, and five that must be refused.",
    ),
    Readiness("Joining, renewal, revocation", "unproven", _DOC),
    Readiness("Catalog with variations, pictures, stock of the main location, deletions", "unproven", _DOC),
    Readiness("Orders, payments, refunds, itemised returns", "unproven", _DOC),
    Readiness("Payment links that carry a creator's touch", "unproven", _DOC),
    Readiness(
        "Orders that a counter took offline", "unproven",
        "They may come up to 72 hours late with their old time; every look goes back 73 hours.",
    ),
    Readiness(
        "Sample orders, paid by no payment, and their cancellation", "unproven",
        f"{_DOC} That an order of nothing is paid by an empty list is documented; that a paid one can be cancelled "
        "isn't.",
    ),
    Readiness(
        "Discount codes of creators", "absent",
        "An order names a discount's title, not a code that the buyer gave, and a title never credits anybody.",
    ),
    Readiness("Chargebacks", "absent", "Disputes aren't read: freeze the order by hand, as the console offers."),
    Readiness(
        "Prices and stock of other locations", "absent",
        "The main location's are shown and sold; orders of every location are credited.",
    ),
    Readiness(
        "Taps that end at Square Online's own pages", "absent",
        "Nothing of ours travels from there to an order: only payment links credit a creator.",
    ),
)  # fmt: skip
