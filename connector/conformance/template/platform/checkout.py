"""The token rides in the address of the store's own page, and the store keeps it in the order's notes."""

from __future__ import annotations

from collections.abc import Sequence

from connector.conformance.template.platform.settings import ExampleSettings
from connector.errors import NotFound
from connector.events import OrderSnapshot
from connector.platforms.contract import Carrying, CartLine, Client
from connector.platforms.links import check_token, with_parameters

CARRIERS = (
    Carrying(
        "order_metadata", frozenset({"landing"}), "The order's notes, under connector_touch.",
        "The buyer opened the store in another browser before paying.", "There is nothing to set up for it.",
    ),
)  # fmt: skip


class Checkout:
    """The contract's `Checkout` for Example."""

    carriers: Sequence[Carrying] = CARRIERS
    hosts: frozenset[str] = frozenset()

    def landing_link(self, domain: str, url: str, token: str, settings: ExampleSettings, *, code: str = "") -> str:
        check_token(token)
        return with_parameters(url, {settings.carrier: token})

    def cart_link(
        self, domain: str, lines: Sequence[CartLine], token: str, settings: ExampleSettings, *, landing: str = "",
        code: str = "",
    ) -> str:  # fmt: skip
        raise NotFound("Example opens no cart by an address")

    def make_cart(self, client: Client, lines: Sequence[CartLine], token: str, *, code: str = "") -> str:
        raise NotFound("Example's carts are made by its own pages")

    def may_make_carts(self, scopes: Sequence[str]) -> bool:
        return False

    def variant_link(self, url: str, variant_ref: str) -> str:
        return with_parameters(url, {"variant": variant_ref}) if url else ""

    def tokens(self, snapshot: OrderSnapshot) -> list[tuple[str, str]]:
        return [(carrier.value, carrier.kind) for carrier in snapshot.carriers if carrier.kind == "order_metadata"]
