"""A store is its hash (`abc123` of `stores/abc123`), and the tenant key is the one host that BigCommerce makes of it.

`store-<hash>.mybigcommerce.com` is the store's canonical address: BigCommerce names it in the store's own facts
(`control_panel_base_url`), it stays whatever domain the merchant sells under, and the hash can be read back from it. So
rows, links and comparisons of hosts have a real host, and the key is still the hash and nothing else.
"""

from __future__ import annotations

import re

from connector.errors import HostRefused, PayloadUnreadable

SUFFIX = ".mybigcommerce.com"
# Hashes that have been seen are lower case letters and digits; ASCII, so that no other script's letter is one of them.
HASH = re.compile(r"[a-z0-9]{3,30}", re.ASCII)
CONTEXT = re.compile(r"stores/([a-z0-9]{3,30})", re.ASCII)
# What a merchant may type: the canonical address, the control panel's, or BigCommerce's own name of a store.
_TYPED = re.compile(
    r"(?:https://)?store-([a-z0-9]{3,30})\.mybigcommerce\.com(?:/|/manage(?:/[a-z0-9-]+)*/?)?", re.ASCII | re.IGNORECASE
)


def canonical(store_hash: str) -> str:
    return f"store-{store_hash}{SUFFIX}"


def typed(text: str) -> str:
    """The canonical host of what a merchant typed. Errors: HostRefused, nothing was sent."""
    found = _TYPED.fullmatch(text) or CONTEXT.fullmatch(text)
    if found is None:
        raise HostRefused(
            "not a store of BigCommerce",
            public="Write the address of your control panel: https://store-abc123.mybigcommerce.com.",
        )
    return canonical(found[1].lower())


def store_hash(domain: str) -> str:
    """The hash of a domain that was checked before. Errors: HostRefused for one that wasn't."""
    found = domain.removeprefix("store-").removesuffix(SUFFIX)
    if canonical(found) != domain or HASH.fullmatch(found) is None:
        raise HostRefused("not a store of BigCommerce")
    return found


def of_context(context: str) -> str | None:
    """The domain of `stores/<hash>`, as callbacks, tokens and deliveries name a store; None for anything else."""
    found = CONTEXT.fullmatch(context)
    return canonical(found[1]) if found else None


def ref(number: int, path: str) -> str:
    """An id as text. Errors: PayloadUnreadable for a number that is none."""
    if not 0 < number < 10**18:
        raise PayloadUnreadable(path, "isn't an id")
    return str(number)
