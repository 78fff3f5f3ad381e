"""What an operator sets for BigCommerce. Each name is `BIGCOMMERCE_` + the field's in the environment or `.env`."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

API = "https://api.bigcommerce.com"
LOGIN = "https://login.bigcommerce.com"
STOREFRONT = "https://store-{hash}.mybigcommerce.com"


class BigCommerceSettings(BaseSettings):
    """BigCommerce's own settings. Secrets that are empty close what they sign: nothing unsigned is ever taken."""

    model_config = SettingsConfigDict(
        env_prefix="BIGCOMMERCE_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    env: Literal["production", "dev"] = Field(
        "production",
        validation_alias="CONNECTOR_ENV",
        description="Not a setting of its own: CONNECTOR_ENV, read here since only dev may talk to a stand-in store.",
    )
    client_id: str = Field("", description="Client id of the app, from its profile in BigCommerce's Developer Portal.")
    client_secret: SecretStr = Field(
        SecretStr(""),
        description="Client secret of the app, from the same place. Empty: no store can join, and what it signs "
        "(callbacks, deliveries) is refused with 401.",
    )
    client_secret_previous: SecretStr = Field(
        SecretStr(""),
        description="The secret before it was changed, accepted beside the new one; empty it once nothing is signed "
        "with it any more.",
    )
    scopes: str = Field(
        "store_v2_products_read_only,store_v2_orders_read_only,store_v2_transactions_read_only,"
        "store_v2_information_read_only,store_cart,store_checkouts",
        pattern=r"^[a-z0-9_]+(,[a-z0-9_]+)*$",
        description="Scopes that the app's profile at BigCommerce asks for, parted by commas: a merchant who lacks one "
        "is named. store_cart makes the cart in which a creator's touch rides, store_checkouts puts the creator's "
        "discount code on it. store_v2_orders in the place of store_v2_orders_read_only lets samples for creators be "
        "ordered at the store. A scope to modify holds the one to read.",
    )
    api_origin: str = Field(
        API,
        description="Where BigCommerce's API is. Another value than the default needs CONNECTOR_ENV=dev: it sends "
        "tokens to that address.",
    )
    login_origin: str = Field(
        LOGIN,
        description="Where codes are traded for tokens and apps are installed. Another value than the default needs "
        "CONNECTOR_ENV=dev.",
    )
    storefront_template: str = Field(
        STOREFRONT,
        description="A store's canonical address; `{hash}` stands for its hash. Another value than the default needs "
        "CONNECTOR_ENV=dev.",
    )
    metafield_namespace: str = Field(
        "connector",
        pattern=r"^[a-z][a-z0-9_]{1,39}$",
        description="Namespace of the metafield that carries a touch token on a cart. Carts under an earlier one are "
        "not read any more: change it only before the first store joins.",
    )

    @field_validator("api_origin", "login_origin", "storefront_template")
    @classmethod
    def _only_in_dev(cls, value: str, info: ValidationInfo) -> str:
        real = {"api_origin": API, "login_origin": LOGIN, "storefront_template": STOREFRONT}[info.field_name or ""]
        if value == real:
            return value
        if info.data.get("env") != "dev":
            raise ValueError(f"only CONNECTOR_ENV=dev may replace {real}")
        if info.field_name == "storefront_template" and value.count("{hash}") != 1:
            raise ValueError("must hold {hash} once")
        bare = value.replace("{hash}", "x")
        if urlsplit(bare).scheme not in ("http", "https") or bare.endswith("/") or re.search(r"[{}\s]", bare):
            raise ValueError("must be an http or https address without a slash at its end")
        return value

    def secrets(self) -> list[bytes]:
        """Secrets that a signature may be made with, newest first; empty ones sign nothing."""
        both = (self.client_secret.get_secret_value(), self.client_secret_previous.get_secret_value())
        return [secret.encode() for secret in both if secret]

    def wanted_scopes(self) -> tuple[str, ...]:
        return tuple(self.scopes.split(","))

    def storefront(self, store_hash: str) -> str:
        """Scheme and host (in dev perhaps a path) of a store's canonical address."""
        return self.storefront_template.replace("{hash}", store_hash)

    @property
    def install_url(self) -> str:
        """Where BigCommerce asks a merchant to install the app; "" while it isn't set up here."""
        return f"{self.login_origin}/app/{self.client_id}/install" if self.client_id and self.secrets() else ""

    @property
    def dev(self) -> bool:
        return self.env == "dev"
