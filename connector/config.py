"""Settings, read once from the environment and `.env`. Every one has a description; `docs/settings.md` is made from it.

A setting that is missing or wrong stops the start with its name and the remedy (`ConfigurationWrong`). A platform's own
settings live with the platform (`platforms/<slug>/__init__.py`) and are read by the same rules through `load`.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from connector.errors import ConfigurationWrong

S = TypeVar("S", bound=BaseSettings)


class Settings(BaseSettings):
    """The product's own settings; each is `CONNECTOR_` + its name in the environment."""

    model_config = SettingsConfigDict(env_prefix="CONNECTOR_", env_file=".env", extra="ignore", frozen=True)

    env: Literal["production", "dev"] = Field(
        "production",
        description="`dev` permits stand-in stores on loopback, private addresses and a shifted clock. It refuses a "
        "public URL that is not loopback.",
    )
    database_url: str = Field(
        "sqlite:///var/connector.db",
        description="SQLite (`sqlite:///path`) or PostgreSQL (`postgresql://user:password@host/name`).",
    )
    database_pool: int = Field(10, ge=1, le=200, description="Connections that one process keeps open.")
    public_url: str = Field(
        description="Where merchants, stores and buyers reach us, without a slash at the end, like "
        "https://connector.example."
    )
    sealing_keys: SecretStr = Field(
        description="Fernet keys that seal tokens and bodies at rest, newest first, parted by commas. Made by "
        "`connector init` or `connector keys new`."
    )
    hash_key: SecretStr = Field(
        description="At least 32 random characters. Keys the hashes of buyers and the signatures of touch tokens; "
        "changing it forgets who is who and voids the tokens under way."
    )
    session_key: SecretStr = Field(
        description="At least 32 random characters. Signs session cookies; changing it signs everybody out."
    )
    host: str = Field("127.0.0.1", description="Address that `connector serve` listens on.")
    port: int = Field(8080, ge=1, le=65535, description="Port that `connector serve` listens on.")
    web_processes: int = Field(1, ge=1, le=64, description="Web processes of one `connector serve`.")
    web_threads: int = Field(8, ge=1, le=256, description="Threads that answer requests in each web process.")
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=5,
        description="How many reverse proxies stand in front and set X-Forwarded-For, -Proto and -Host. 0 trusts none "
        "of these headers; a number too high lets callers forge them.",
    )
    body_limit: int = Field(
        2_000_000, ge=10_000, description="Largest webhook body in bytes; a larger one is answered with 413."
    )
    inbox_limit: int = Field(
        500_000, ge=1_000, description="Deliveries that may wait for a worker; beyond it stores are told to come later."
    )
    disk_reserve_mb: int = Field(
        200, ge=0, description="Megabytes that stay free where SQLite lives; below it stores are told to come later."
    )
    drain_batch: int = Field(100, ge=1, le=5000, description="Deliveries of one shop that a worker takes at a time.")
    body_retention_days: int = Field(30, ge=1, description="Days that a delivery's sealed body is kept.")
    feed_folder: Path = Field(
        Path("var/feeds"),
        description="Folder of the built product feeds. Workers write it and web processes serve from it: on several "
        "machines a shared volume.",
    )
    touch_window_days: int = Field(14, ge=1, le=90, description="Default window of a click, in days of 24 hours.")
    touch_grace_hours: int = Field(24, ge=0, le=72, description="How late a tap may reach us and still count.")
    hold_days: int = Field(15, ge=0, le=90, description="Default days between delivery and clearing.")
    no_signal_days: int = Field(
        45, ge=1, le=365, description="Days after payment at which a line without any sign of delivery clears."
    )
    reread_before_clearing: bool = Field(
        True, description="Whether an order is read from its store once more before its commission clears."
    )
    touches_per_minute: int = Field(60, ge=1, description="Touches that one device may make in a minute.")
    requests_per_minute: int = Field(600, ge=1, description="Requests that one app token may make in a minute.")
    outbound_ports: str = Field(
        "443, 8443",
        pattern=r"^\s*\d{1,5}\s*(,\s*\d{1,5}\s*)*$",
        description="Ports on which stores and endpoints are reached, parted by commas. `dev` reaches any. Add 9000 "
        "for a Medusa server, or 3000 for a Vendure server, that has a certificate and no proxy in front.",
    )
    payout_approval: str = Field(
        "10000, JPY 1500000",
        pattern=r"^\s*(([A-Z]{3}\s+)?\d{1,12}\s*(,\s*([A-Z]{3}\s+)?\d{1,12}\s*)*)?$",
        description="Above which total, in whole units of its currency, a second person has to approve a payout batch: "
        "a sum for every currency, and others by name. Empty: nobody has to.",
    )
    payout_rate_days: int = Field(
        4, ge=1, le=31, description="Days that an entered conversion rate may be paid by; four cover a long weekend."
    )
    payout_debtor_name: str = Field("", description="Holder of the account that SEPA payouts are debited to.")
    payout_debtor_iban: str = Field("", description="IBAN of that account.")
    payout_debtor_bic: str = Field("", description="BIC of its bank; most banks need none.")
    stripe_key: SecretStr = Field(
        SecretStr(""),
        description="Stripe secret key, for payouts by Stripe transfers and merchants' payments by card. Needs the "
        "extra `stripe`.",
    )
    stripe_webhook_secret: SecretStr = Field(
        SecretStr(""),
        description="Signing secret of the Stripe endpoint `/hooks/stripe`, which records merchants' payments. Empty: "
        "the endpoint is closed.",
    )
    invoice_issuer: str = Field(
        "connector",
        description="Who gives out invoices and statements, as it stands at their head; `|` begins a new line.",
    )
    invoice_pay_to: str = Field(
        "",
        description="How merchants pay an invoice, as it stands on it, like `Example Ltd, IBAN …`; `|` begins a new "
        "line.",
    )
    invoice_tax_number: str = Field(
        "", description="The app's own number for the tax office, as it stands on invoices whose fee is taxed."
    )
    invoice_reverse_charge: str = Field(
        "Reverse charge: the recipient accounts for the tax on the app's fee.",
        description="What an invoice says where the shop's setting `fee_tax` is `reverse_charge`.",
    )
    staff_oidc_issuer: str = Field("", description="OpenID Connect issuer for staff; empty: single-use links only.")
    staff_oidc_client_id: str = Field("", description="Client id at that issuer.")
    staff_oidc_client_secret: SecretStr = Field(SecretStr(""), description="Client secret at that issuer.")
    application_version: str = Field(
        "1", description="Version of the durable jobs. Raise it only when a job's steps change incompatibly."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_format: Literal["json", "console"] = Field("json", description="`console` is for people at a terminal.")
    clock_file: Path | None = Field(None, description="dev only: a file with an offset in seconds for business time.")

    def keys(self) -> list[str]:
        return [key.strip() for key in self.sealing_keys.get_secret_value().split(",") if key.strip()]

    @property
    def dev(self) -> bool:
        return self.env == "dev"

    @property
    def ports(self) -> frozenset[int]:
        return frozenset(int(port) for port in self.outbound_ports.split(","))


def read_settings() -> Settings:
    """The settings of this process. Errors: ConfigurationWrong, naming the first one that is off."""
    settings = load(Settings, "CONNECTOR_")
    url = urlsplit(settings.public_url)
    if url.scheme not in ("http", "https") or not url.hostname or settings.public_url.endswith("/"):
        raise ConfigurationWrong(
            "CONNECTOR_PUBLIC_URL", "isn't a URL without a slash at its end", "Set it like https://connector.example."
        )
    if settings.dev and not loopback(url.hostname):
        raise ConfigurationWrong(
            "CONNECTOR_ENV", f"is dev, and CONNECTOR_PUBLIC_URL names {url.hostname}",
            "dev switches protections off: use it on loopback only, or set CONNECTOR_ENV=production.",
        )  # fmt: skip
    if not settings.dev and url.scheme != "https":
        raise ConfigurationWrong("CONNECTOR_PUBLIC_URL", "isn't https", "Stores deliver webhooks to https only.")
    if not settings.dev and settings.clock_file is not None:
        raise ConfigurationWrong("CONNECTOR_CLOCK_FILE", "is set outside dev", "Remove it: money follows real time.")
    for name in ("hash_key", "session_key"):
        if len(getattr(settings, name).get_secret_value()) < 32:
            raise ConfigurationWrong(
                f"CONNECTOR_{name.upper()}", "is shorter than 32 characters", "Run `connector init` for a new .env."
            )
    return settings


def loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def load(kind: type[S], prefix: str) -> S:
    """Read one settings class. Errors: ConfigurationWrong with the variable's name, what is wrong and what to do."""
    try:
        return kind()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        info = kind.model_fields.get(name)
        remedy = (info.description or "") if info else ""
        problem = "is missing" if first["type"] == "missing" else f"is wrong ({first['msg']})"
        raise ConfigurationWrong(prefix + name.upper(), problem, remedy) from None
