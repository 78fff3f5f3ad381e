"""What an operator sets for Square. Each name is `SQUARE_` + the field's in the environment or `.env`."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PRODUCTION = "https://connect.squareup.com"
SANDBOX = "https://connect.squareupsandbox.com"


class SquareSettings(BaseSettings):
    """Square's own settings. Secrets that are empty close what they sign: nothing unsigned is ever taken."""

    model_config = SettingsConfigDict(
        env_prefix="SQUARE_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    env: Literal["production", "dev"] = Field(
        "production",
        validation_alias="CONNECTOR_ENV",
        description="Not a setting of its own: CONNECTOR_ENV, read here since only dev may talk to a stand-in.",
    )
    client_id: str = Field("", description="Application id, from the application's page in Square's developer console.")
    client_secret: SecretStr = Field(
        SecretStr(""), description="Application secret, from the same page. Empty: no seller can join."
    )
    webhook_signature_key: SecretStr = Field(
        SecretStr(""),
        description="Signature key of the application's webhook subscription. Empty: every delivery is refused with "
        "401.",
    )
    webhook_signature_key_previous: SecretStr = Field(
        SecretStr(""),
        description="The key before a rotation, accepted beside the new one; empty it once nothing is signed with it.",
    )
    notification_url: str = Field(
        "",
        pattern=r"^(https?://[^\s]+)?$",
        description="The subscription's notification URL exactly as it stands at Square, which is part of what is "
        "signed. Empty: CONNECTOR_PUBLIC_URL and /webhooks/square.",
    )
    api_version: str = Field(
        "2026-08-19",
        pattern=r"^20\d\d-\d\d-\d\d$",
        description="Version of Square's API that is asked, sent as Square-Version with each call.",
    )
    scopes: str = Field(
        "MERCHANT_PROFILE_READ,ITEMS_READ,INVENTORY_READ,ORDERS_READ,PAYMENTS_READ,ORDERS_WRITE,PAYMENTS_WRITE",
        pattern=r"^[A-Z_]+(,[A-Z_]+)*$",
        description="Permissions that a seller is asked for, parted by commas. The two WRITE ones make payment links, "
        "in which a creator's touch rides; without them nothing that is bought can be told to be a creator's.",
    )
    origin: str = Field(
        PRODUCTION,
        description=f"Where Square's API is: {PRODUCTION}, its sandbox {SANDBOX}, or in dev a stand-in's address.",
    )
    carrier_key: str = Field(
        "connector_touch",
        pattern=r"^[A-Za-z0-9_-]{1,60}$",
        description="The key of the touch token in an order's metadata. Changing it loses the tokens under way.",
    )

    @field_validator("origin")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        if value in (PRODUCTION, SANDBOX):
            return value
        if info.data.get("env") != "dev":
            raise ValueError(f"must be {PRODUCTION} or {SANDBOX} (only CONNECTOR_ENV=dev may name another)")
        if urlsplit(value).scheme not in ("http", "https") or value.endswith("/"):
            raise ValueError("must be an http or https address without a slash at its end")
        return value

    def signing_keys(self) -> list[bytes]:
        """Keys that a delivery may be signed with, newest first, as text: they look like base64 and are not."""
        both = (
            self.webhook_signature_key.get_secret_value(),
            self.webhook_signature_key_previous.get_secret_value(),
        )
        return [key.encode() for key in both if key]

    def wanted_scopes(self) -> tuple[str, ...]:
        return tuple(self.scopes.split(","))

    def later_scopes(self) -> tuple[str, ...]:
        """Square knows no scopes that are added later without joining anew."""
        return ()

    @property
    def sandbox(self) -> bool:
        return self.origin == SANDBOX
