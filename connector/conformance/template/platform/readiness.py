"""What the folder promises, and what each promise rests on. Say `proven` only of what was seen on a real store."""

from connector.platforms.contract import Readiness

READINESS = (
    Readiness("Joining by a key", "unproven", "Written from documentation; no store of Example was asked yet."),
    Readiness("Catalog, orders, refunds", "unproven", "Written from documentation; no store of Example was asked yet."),
    Readiness("Deliveries", "unproven", "The signature's vector is our own; no delivery of a store was seen yet."),
    Readiness("Sample orders", "unproven", "Written from documentation; no store of Example took one yet."),
    Readiness("Creators' discount codes", "absent", "Example's orders name no code that a buyer gave."),
)
