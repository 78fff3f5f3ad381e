"""What an operator sets for Example. Each name is `EXAMPLE_` + the field's in the environment or `.env`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ExampleSettings(BaseSettings):
    """Every field has a description: `docs/settings.md` and the suite read them."""

    model_config = SettingsConfigDict(
        env_prefix="EXAMPLE_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    env: Literal["production", "dev"] = Field(
        "production",
        validation_alias="CONNECTOR_ENV",
        description="Not a setting of its own: CONNECTOR_ENV, read here since only dev may talk to a stand-in store.",
    )
    carrier: str = Field(
        "connector_touch",
        pattern=r"^[a-z_]{1,40}$",
        description="The name of the touch token in a store's address and in an order's notes.",
    )

    def origin(self, domain: str) -> str:
        """Scheme and host of a store whose name was checked; in dev a stand-in on this machine speaks plain http."""
        local = self.env == "dev" and domain.partition(":")[0] in ("127.0.0.1", "localhost")
        return f"{'http' if local else 'https'}://{domain}"
