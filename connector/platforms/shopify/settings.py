"""What an operator sets for Shopify. Each name is `SHOPIFY_` + the field's in the environment or `.env`."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

REAL_ORIGIN = "https://{shop}"


class ShopifySettings(BaseSettings):
    """Shopify's own settings. Secrets that are empty close what they sign: nothing unsigned is ever taken."""

    model_config = SettingsConfigDict(
        env_prefix="SHOPIFY_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    env: Literal["production", "dev"] = Field(
        "production",
        validation_alias="CONNECTOR_ENV",
        description="Not a setting of its own: CONNECTOR_ENV, read here since only dev may talk to a stand-in store.",
    )
    client_id: str = Field("", description="Client id of the app, from its page in Shopify's dashboard.")
    client_secret: SecretStr = Field(
        SecretStr(""),
        description="Client secret of the app. Empty: no shop can join and every delivery is refused with 401.",
    )
    client_secret_previous: SecretStr = Field(
        SecretStr(""),
        description="The secret before a rotation, accepted beside the new one. Shopify may sign with the old one for "
        "an hour; empty it afterwards.",
    )
    api_version: str = Field(
        "2026-10",
        pattern=r"^(20\d\d-(01|04|07|10)|unstable)$",
        description="Version of the Admin API that is asked, and that shapes the deliveries we subscribe to.",
    )
    scopes: str = Field(
        "read_products,read_orders,read_fulfillments",
        pattern=r"^[a-z_]+(,[a-z_]+)*$",
        description="Scopes that a merchant is asked for, parted by commas. read_fulfillments brings news of deliveries"
        " to buyers, from which the hold is counted. Add read_all_orders (needs Shopify's approval) to re-read orders "
        "older than 60 days, read_customers to know the buyer of an order that no webhook brought, read_inventory for "
        "stock news by location.",
    )
    optional_scopes: str = Field(
        "",
        pattern=r"^([a-z_]+(,[a-z_]+)*)?$",
        description="Scopes that a merchant may add later, parted by commas, as `optional_scopes` in the app's "
        "configuration at Shopify. A feature that needs one says so on the merchant's page of permissions and asks "
        "there: write_draft_orders,write_orders let samples for creators be ordered at the store.",
    )
    install_url: str = Field(
        "",
        pattern=r"^(https://apps\.shopify\.com/[a-z0-9-]+)?$",
        description="The app's page in Shopify's App Store. Where it is set, merchants are sent there to install and "
        "are never asked for their store's address (a rule of the App Store).",
    )
    origin_template: str = Field(
        REAL_ORIGIN,
        description="Where a shop's API is; `{shop}` stands for its checked myshopify.com name. Another value than the "
        "default needs CONNECTOR_ENV=dev: it sends tokens to that address.",
    )
    bulk_hosts: str = Field(
        "storage.googleapis.com",
        pattern=r"^[a-z0-9.-]+(,[a-z0-9.-]+)*$",
        description="Hosts that a bulk export may be downloaded from, parted by commas. In dev also the stand-in's.",
    )
    cart_prefix: str = Field(
        "connector",
        pattern=r"^[a-z][a-z0-9]{1,19}$",
        description="Begins the names that the touch token has in a cart: attribute `<prefix>_touch`, line property "
        "`_<prefix>_touch`. Merchants see it on the order page. Changing it loses no token under way.",
    )

    @field_validator("origin_template")
    @classmethod
    def _only_in_dev(cls, value: str, info: ValidationInfo) -> str:
        if value == REAL_ORIGIN:
            return value
        if info.data.get("env") != "dev":
            raise ValueError(f"only CONNECTOR_ENV=dev may replace {REAL_ORIGIN}")
        if value.count("{shop}") != 1 or re.search(r"[{}]", value.replace("{shop}", "")):
            raise ValueError("must hold {shop} once and no other braces")
        if urlsplit(value).scheme not in ("http", "https") or value.endswith("/"):
            raise ValueError("must be an http or https address without a slash at its end")
        return value

    def origin(self, domain: str) -> str:
        """Scheme and host (in dev perhaps a path) of a shop whose name was checked before."""
        return self.origin_template.replace("{shop}", domain)

    def secrets(self) -> list[bytes]:
        """Secrets that a signature may be made with, newest first; empty ones sign nothing."""
        both = (self.client_secret.get_secret_value(), self.client_secret_previous.get_secret_value())
        return [secret.encode() for secret in both if secret]

    def wanted_scopes(self) -> tuple[str, ...]:
        return tuple(self.scopes.split(","))

    def later_scopes(self) -> tuple[str, ...]:
        """Optional ones that aren't asked for anyway."""
        wanted = set(self.wanted_scopes())
        return tuple(scope for scope in self.optional_scopes.split(",") if scope and scope not in wanted)

    @property
    def dev(self) -> bool:
        return self.env == "dev"

    @property
    def cart_attribute(self) -> str:
        return f"{self.cart_prefix}_touch"

    @property
    def line_property(self) -> str:
        return f"_{self.cart_prefix}_touch"
