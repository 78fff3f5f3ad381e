"""What an operator sets for WooCommerce. Each name is `WOOCOMMERCE_` + the field's in the environment or `.env`.

There is no secret of the app: every store gives keys of its own, and signs with a secret that we made for it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class WooCommerceSettings(BaseSettings):
    """WooCommerce's own settings."""

    model_config = SettingsConfigDict(
        env_prefix="WOOCOMMERCE_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    env: Literal["production", "dev"] = Field(
        "production",
        validation_alias="CONNECTOR_ENV",
        description="Not a setting of its own: CONNECTOR_ENV, read here since only dev may talk to a stand-in store on "
        "this machine, and by http.",
    )
    app_name: str = Field(
        "Connector",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 .-]{0,38}$",
        description="What the store's page of approval calls us. It also stands in the description of the key that the "
        "store makes, and begins the names of our webhooks there.",
    )
    utm_source: str = Field(
        "connector",
        pattern=r"^[a-z][a-z0-9]{1,19}$",
        description="`utm_source` of links into a store, which its order attribution shows. The touch token itself is "
        "`utm_content`. Changing it loses no token under way.",
    )

    @property
    def dev(self) -> bool:
        return self.env == "dev"
