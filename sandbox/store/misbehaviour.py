"""How the stand-in misbehaves on demand, the same way again for the same seed.

A share is kept at every moment from below: after n chances at least share x n were taken (rounded up), and which ones
is drawn from the seed. So a demo that asks for 5 % dropped deliveries gets 5 % even of a short run.
"""

from __future__ import annotations

import math
import random
from typing import Any

from sandbox.store.state import Doc, State

DEFAULTS: Doc = {
    "seed": 1,
    "drop": 0.0,  # share of deliveries never sent
    "drop_orders": 0.0,  # share of orders of which no delivery at all is sent
    "duplicate": 0.0,  # share of deliveries sent twice with equal headers
    "reorder": 0.0,  # share of deliveries held until a later one of the shop has arrived
    "hold_seconds": 5.0,  # a held delivery goes out after this time even if nothing overtook it
    "delay_seconds": 0.0,  # each delivery waits up to this long
    "new_id_on_retry": False,  # repeats carry a fresh X-Shopify-Webhook-Id
    "api_fail": 0.0,  # share of Admin API calls answered with api_fail_status
    "api_fail_status": 503,
    "lose_carriers": [],  # what themes and apps lose of an order from the storefront: attributes, properties, landing
    "throttle": 0.0,  # share of Admin API calls answered THROTTLED
    "lose_token_answer": 0.0,  # share of token answers that get lost (502) after the tokens were made
    "answer_late_seconds": 0.0,  # every Admin API and token answer waits this long
    "truncate_bulk": None,  # keep only this share of a bulk file's bytes
    "truncate_mode": "file",  # 'file': a short file; 'connection': full Content-Length, then cut off
}

CARRIERS = ("attributes", "properties", "landing")
SHARES = ("drop", "drop_orders", "duplicate", "reorder", "api_fail", "throttle", "lose_token_answer")


class WrongSwitch(ValueError):
    """A misbehaviour switch that does not exist or has a wrong value."""


class Share:
    """Picks a share of a sequence, irregularly but never fewer than asked."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.chances = 0
        self.taken = 0

    def pick(self, share: float) -> bool:
        """Whether the next one is picked."""
        self.chances += 1
        if share <= 0:
            return False
        lacking = self.taken < math.floor(share * self.chances + 1e-9)
        if lacking or self.random.random() < share / 2:
            self.taken += 1
            return True
        return False

    def undo(self) -> None:
        """The last pick did not come about: it will be made up for."""
        self.taken -= 1


class Misbehaviour:
    """The switches, for all shops and overridden for one, and the draws that follow from them."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._shares: dict[tuple[str, str], Share] = {}

    def switches(self, shop: str | None = None) -> Doc:
        found = self.state.setting("misbehaviour", DEFAULTS)
        return found if shop is None else {**found, **self.state.setting(f"misbehaviour/{shop}", {})}

    def change(self, changes: dict[str, Any], shop: str | None = None) -> Doc:
        """Set switches. A new seed starts every draw afresh. Raises WrongSwitch."""
        for name, value in changes.items():
            if name not in DEFAULTS:
                raise WrongSwitch(f"no switch {name!r}; there are {', '.join(DEFAULTS)}")
            if name in SHARES and not (isinstance(value, int | float) and 0 <= value <= 1):
                raise WrongSwitch(f"{name} is a share between 0 and 1")
            if name == "lose_carriers" and not (isinstance(value, list) and set(value) <= set(CARRIERS)):
                raise WrongSwitch(f"{name} is a list of {', '.join(CARRIERS)}")
        key = "misbehaviour" if shop is None else f"misbehaviour/{shop}"
        self.state.put_setting(key, {**self.state.setting(key, {}), **changes})
        if "seed" in changes:
            self._shares.clear()
        return self.switches(shop)

    def reset(self) -> None:
        with self.state.writing() as con:
            con.execute("DELETE FROM settings WHERE name LIKE 'misbehaviour%'")
        self._shares.clear()

    def share(self, kind: str, shop: str) -> Share:
        key = (kind, shop)
        if key not in self._shares:
            self._shares[key] = Share(f"{self.switches(shop)['seed']}/{kind}/{shop}")
        return self._shares[key]

    def picks(self, kind: str, shop: str) -> bool:
        return self.share(kind, shop).pick(float(self.switches(shop)[kind]))

    def whole_order_dropped(self, shop: str, subject: str) -> bool:
        """Whether every delivery about this order is lost; drawn once per order, remembered."""
        share = float(self.switches(shop)["drop_orders"])
        known = self.state.document("dropped_order", f"{shop}/{subject}")
        if known is not None:
            return bool(known["dropped"])
        dropped = share > 0 and self.share("drop_orders", shop).pick(share)
        self.state.put_document("dropped_order", f"{shop}/{subject}", shop, {"dropped": dropped})
        return dropped
