"""What an operator sets for Vendure. Each name is `VENDURE_` + the field's in the environment or `.env`.

There is no app to register: a merchant makes a key in the store, and the store's plug-in signs with a secret that is
made for that store alone. So there is no secret here.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

WANTED = ("ReadCatalog", "ReadOrder")
SAMPLES = ("CreateOrder", "UpdateOrder", "CreatePromotion", "DeletePromotion")


class VendureSettings(BaseSettings):
    """Vendure's own settings."""

    model_config = SettingsConfigDict(
        env_prefix="VENDURE_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    env: Literal["production", "dev"] = Field(
        "production",
        validation_alias="CONNECTOR_ENV",
        description="Not a setting of its own: CONNECTOR_ENV, read here since only dev may talk to a store on this "
        "machine, and by http.",
    )
    token_field: str = Field(
        "attributionToken",
        pattern=r"^[a-zA-Z][a-zA-Z0-9_]{0,39}$",
        description="The custom field of orders and order lines in which the touch token rides; our plug-in declares "
        "it by this name. Changing it loses the tokens under way.",
    )
    link_parameter: str = Field(
        "connector_touch",
        pattern=r"^[a-z][a-z0-9_]{0,39}$",
        description="The parameter that brings the touch token to the storefront, which puts it into the custom field.",
    )
    link_source: str = Field(
        "connector",
        pattern=r"^[a-z][a-z0-9_-]{0,39}$",
        description="What the store's own analytics shows as the source of a visit from a creator (utm_source).",
    )

    @property
    def dev(self) -> bool:
        return self.env == "dev"

    @property
    def scopes(self) -> tuple[str, ...]:
        """The permissions that the key's role must have."""
        return WANTED

    def later_scopes(self) -> tuple[str, ...]:
        """Those that a merchant may add to the role at any time: sample orders want them."""
        return SAMPLES
