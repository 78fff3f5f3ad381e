"""Deliveries, shops, their catalogs, what a store is asked, and what it asks about people."""

from __future__ import annotations

from connector.web.words.wording import Wording

REASONS: dict[str, Wording] = {
    # Catalog: why a product isn't in the list, with the remedy
    "price_missing": Wording(
        "No price",
        "Not for sale right now",
        "A variant has no price in the shop's currency",
        remedy="Give every variant a price in your store.",
    ),
    "price_unreadable": Wording(
        "A price we can't read",
        "Not for sale right now",
        "A price is not a decimal of the shop's currency",
        remedy="Check the prices of this product in your store.",
    ),
    "too_many_variants": Wording(
        "More than 2,048 variants",
        "Not for sale right now",
        "Above the platform's 2,048 variants",
        remedy="Split it into several products.",
    ),
    "title_missing": Wording(
        "No title", "Not for sale right now", "Empty title", remedy="Give the product a title in your store."
    ),
    # Catalog: items that a run refused whole
    "status_unknown": Wording(
        "Its status in your store is one we don't know",
        "Not for sale right now",
        "The store gives a status that is not in its documentation",
        remedy="Set it to active, draft or archived in your store.",
    ),
    # Deliveries: why one waits for a person, or has nothing to do
    "body_gone": Wording(
        "The message is no longer kept",
        "The message is no longer kept",
        "Its body went with its retention: reconcile reads the store instead",
    ),
    "translator_broke": Wording(
        "A message could not be read; we are looking at it",
        "A message could not be read",
        "A fault of ours while reading it; tried again by itself, then parked",
    ),
    "refused": Wording(
        "A part of it could not be read",
        "A part of it could not be read",
        "A field of it can't be taken: the detail names it; after a fix sync again or replay",
    ),
    "cut_by_the_store": Wording(
        "Your store sent a part of it; we read the whole",
        "The store sent a part of it",
        "The body holds only some variants: the product is read whole by a job",
    ),
    "before_last_install": Wording(
        "From before you connected again", "From before the shop came back", "An uninstall from before the last install"
    ),
    "privacy_request": Wording(
        "A privacy request; we answer within 30 days",
        "A privacy request",
        "A privacy request: a job answers it; its page has the deadline and the proof",
    ),
    "other_shops_ids": Wording(
        "A message that names another store",
        "A message that we could not use",
        "It names an order, a product or a shop that is known under another shop: a person must look",
    ),
    "other_shops_body": Wording(
        "A message that names another store",
        "A message that we could not use",
        "Its body names another shop than its header: a person must look",
    ),
    "discarded": Wording("Put aside", "Put aside", "A person looked at it in quarantine and put it aside"),
    "body_erased": Wording(
        "Erased on a privacy request",
        "Erased on a privacy request",
        "Its body was erased on a privacy request; the store can be read instead",
    ),
    "unknown_store_gone": Wording(
        "From a store that never connected",
        "From a store that never connected",
        "Its store was not connected within 7 days; the body is gone",
    ),
    # Privacy requests: why one waits or was called off
    "shop_came_back": Wording(
        "Called off: your store is connected again",
        "Called off",
        "Called off by rule: the shop was connected again before it was answered",
    ),
    "older_than_last_leave": Wording(
        "Called off: a later one follows",
        "Called off",
        "Called off by rule: it is older than the shop's last leaving, whose own request follows",
    ),
    "erased_since": Wording(
        "Over: what it asked about was erased since",
        "Over: erased since",
        "Called off by rule: the person, or the whole shop, was erased meanwhile, and a file with them",
    ),
    "waits_for_pin": Wording(
        "Bodies are erased; the rest follows within a day",
        "Being erased",
        "Bodies are erased; hashes follow when the decisions of these orders are final",
    ),
    "called_off": Wording("Called off", "Called off", "Called off by a person, with a reason"),
    "topic_ignored": Wording("Nothing to do", "Nothing to do", "A topic that we need nothing from"),
    "unknown_address": Wording(
        "A message came to an address that is no store's",
        "A message came to an address that is no store's",
        "The key in the address was made for no shop: refused with 404, only counted",
    ),
    "too_large": Wording("A message was too large", "A message was too large", "Over the body limit: refused with 413"),
    "conflict": Wording(
        "It changed while we read it; we try again",
        "It changed meanwhile",
        "Something moved at the same moment; tried again",
    ),
    "ledger_refused": Wording(
        "We are checking this; you need do nothing",
        "We are checking this",
        "The ledger refused an entry: everything of it was undone, an engineer must look",
    ),
    "platform_busy": Wording(
        "Your store asks us to wait", "The store asks us to wait", "The platform's limit; tried again"
    ),
    "platform_down": Wording("Your store does not answer", "The store does not answer", "Time-out or 5xx; tried again"),
    "platform_refused": Wording("Your store refused", "The store refused", "The platform says the call is wrong"),
    "not_found": Wording("It is not there any more", "It is not there any more", "What it is about is not there"),
    # Shops: why one needs its merchant
    "grant_lost": Wording(
        "Your store withdrew our permission; open the app there to connect again",
        "The shop is not connected right now",
        "The platform no longer takes the grant: the merchant opens the app in the store",
        remedy="Open the app in your store's admin.",
    ),
    "scopes_missing": Wording(
        "Your store did not grant all that we asked for",
        "The shop is not fully connected",
        "Scopes were asked for and not given; the detail names them",
        remedy="Connect again and agree to all of it.",
    ),
    "currency_changed": Wording(
        "Your store's currency changed; tell us before anything is paid",
        "The shop's currency changed",
        "The shop's currency is not what it was: orders stay in theirs, a person must look",
    ),
    "disconnected": Wording("Disconnected here", "The shop left", "Disconnected on our side"),
    "erased": Wording(
        "Your store's data was erased on its request", "The shop left", "Erased on the shop's request; its books stay"
    ),
    "uninstalled": Wording("You removed the app in your store", "The shop left", "The merchant removed the app"),
    # Asking the store once more, and why it could not be asked
    "deep_look": Wording(
        "We compared it with your store", "Compared with the shop", "Read again by a daily or weekly look"
    ),
    "store_busy": Wording(
        "Your store asks us to wait; it clears afterwards",
        "Waits for the shop's answer",
        "The store limits us: it is asked again before anything clears",
    ),
    "store_away": Wording(
        "Your store did not answer; it clears afterwards",
        "Waits for the shop's answer",
        "The store does not answer: it is asked again before anything clears",
    ),
    "not_shown": Wording(
        "Your store no longer shows this order",
        "The shop no longer shows this order",
        "The store no longer shows the order: its last known facts stand",
    ),
    # Receipts refused for a while, with 503 and Retry-After: the store sends again
    "line_too_long": Wording(
        "We asked your store to send again", "Sent again later", "The line of writes was too long"
    ),
    "database_slow": Wording("We asked your store to send again", "Sent again later", "The database was slow"),
    "database_away": Wording("We asked your store to send again", "Sent again later", "The database was away"),
    "disk_full": Wording("We asked your store to send again", "Sent again later", "The disk was nearly full"),
    "inbox_full": Wording("We asked your store to send again", "Sent again later", "Too many deliveries waited"),
}
