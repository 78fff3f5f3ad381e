"""What an operator sets for Medusa. Each name is `MEDUSA_` + the field's in the environment or `.env`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class MedusaSettings(BaseSettings):
    """Medusa's own settings: there is no app to register, and each store's secrets are its own."""

    model_config = SettingsConfigDict(
        env_prefix="MEDUSA_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    env: Literal["production", "dev"] = Field(
        "production",
        validation_alias="CONNECTOR_ENV",
        description="Not a setting of its own: CONNECTOR_ENV, read here since only dev may talk to a store on "
        "loopback.",
    )
    page: int = Field(
        100,
        ge=1,
        le=500,
        description="Products, orders or stock items asked for at a time. Medusa takes any number; a smaller one "
        "spares a small server.",
    )
    cart_prefix: str = Field(
        "connector",
        pattern=r"^[a-z][a-z0-9]{1,19}$",
        description="Begins the name that the touch token has in a cart's and a line's metadata, `<prefix>_touch`, and "
        "in the address of a page. Storefronts are told of it: changing it needs a change there too.",
    )
    clock_skew_seconds: int = Field(
        300,
        ge=30,
        le=3600,
        description="How old, or how far ahead, the time of a delivery may be. It is that of each try, so only a store "
        "whose clock is wrong needs more.",
    )

    @property
    def dev(self) -> bool:
        return self.env == "dev"

    @property
    def carrier(self) -> str:
        return f"{self.cart_prefix}_touch"
