"""Who a buyer is, as keyed hashes: equal people give equal hashes, and nobody is read out of one.

Three facts may name a buyer, and an own purchase shows in any of them (D17), so each has a hash of its own. `mailbox`
is the address without what a mailbox ignores: what follows a `+`, and a dot at Google's.

The set is kept as text, `customer:…` `email:…` `mailbox:…` `phone:…` by a blank; it goes with the buyer (F9).
"""

from __future__ import annotations

from connector import vault
from connector.events import Buyer

# Addresses at which a dot means nothing, and the name they are compared by.
_DOTLESS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}


def customer(shop_id: str, ref: str) -> str:
    """A store's own customer id means nothing at another store."""
    return vault.current().keyed_hash("buyer.customer", f"{shop_id}:{ref}")


def email(address: str) -> str:
    return vault.current().keyed_hash("buyer.email", address.strip().casefold())


def mailbox(address: str) -> str:
    """As `email`, of the mailbox that the address leads to. Another person behind it is possible, if not likely."""
    local, at, host = address.strip().casefold().rpartition("@")
    host = _DOTLESS.get(host, host)
    local = local.partition("+")[0] or local
    if host in _DOTLESS:
        local = local.replace(".", "")
    return vault.current().keyed_hash("buyer.mailbox", f"{local}{at}{host}")


def phone(number: str) -> str | None:
    """Digits alone; `00` in front is a `+`. None for what has no digit in it."""
    digits = "".join(sign for sign in number if sign.isdigit()).removeprefix("00")
    return vault.current().keyed_hash("buyer.phone", digits) if digits else None


def hashes(shop_id: str, buyer: Buyer) -> str:
    """All that is known of the buyer, as one text; "" for nobody."""
    found = []
    if buyer.customer_ref:
        found.append(f"customer:{customer(shop_id, buyer.customer_ref)}")
    if buyer.email and buyer.email.strip():
        found += [f"email:{email(buyer.email)}", f"mailbox:{mailbox(buyer.email)}"]
    if buyer.phone and (hashed := phone(buyer.phone)):
        found.append(f"phone:{hashed}")
    return " ".join(found)


def of_text(text: str) -> list[str]:
    """The hashes of such a text, without their kinds: two of different kinds are never equal."""
    return [part.partition(":")[2] for part in text.split()]


def single(shop_id: str, buyer: Buyer) -> str | None:
    """The one hash by which a shop knows its buyer again: of the customer id, else the address, else the number."""
    if buyer.customer_ref:
        return customer(shop_id, buyer.customer_ref)
    if buyer.email and buyer.email.strip():
        return email(buyer.email)
    return phone(buyer.phone) if buyer.phone else None
