"""What the operator set about payouts: from which sum on two people decide, whose account pays, how old a rate may be.

Taken once a process (`use`); without that, the settings' own defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from connector import money
from connector.config import Settings
from connector.errors import ConfigurationWrong


@dataclass(frozen=True, slots=True)
class Debtor:
    """Whose account is debited."""

    name: str
    iban: str
    bic: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """`approval` as the setting is written: a sum in major units for every currency, and others for some by name."""

    approval: str
    rate_days: int
    debtor_name: str = ""
    debtor_iban: str = ""
    debtor_bic: str = ""
    stripe_key: str = ""

    def needs_second(self, total: int, currency: str) -> bool:
        """Must a second person approve a batch of that total?"""
        limit = self.limit(currency)
        return limit is not None and total > limit

    def limit(self, currency: str) -> int | None:
        """The largest total, in minor units, that one person may pay alone; None: any. Errors: MoneyRefused."""
        named: dict[str, str] = {}
        for part in filter(None, (part.strip() for part in self.approval.split(","))):
            name, _, amount = part.rpartition(" ")
            named.setdefault(name.strip(), amount)
        amount = named.get(currency, named.get("", ""))
        return money.parse(amount, currency, "CONNECTOR_PAYOUT_APPROVAL") if amount else None

    @property
    def rates_are_good_for(self) -> timedelta:
        return timedelta(days=self.rate_days)

    def debtor(self) -> Debtor:
        """Errors: ConfigurationWrong when the account that pays isn't set."""
        if not self.debtor_iban or not self.debtor_name:
            raise ConfigurationWrong(
                "CONNECTOR_PAYOUT_DEBTOR_IBAN", "is empty, or CONNECTOR_PAYOUT_DEBTOR_NAME is",
                "SEPA files name the account that pays: set both.",
            )  # fmt: skip
        return Debtor(self.debtor_name, self.debtor_iban.replace(" ", ""), self.debtor_bic)

    def stripe(self) -> str:
        """Errors: ConfigurationWrong when there is no key."""
        if not self.stripe_key:
            raise ConfigurationWrong("CONNECTOR_STRIPE_KEY", "is empty", "Put your Stripe secret key there.")
        return self.stripe_key


_current: Policy | None = None


def use(settings: Settings) -> None:
    """Take the settings of this process."""
    global _current
    _current = Policy(
        settings.payout_approval, settings.payout_rate_days, settings.payout_debtor_name, settings.payout_debtor_iban,
        settings.payout_debtor_bic, settings.stripe_key.get_secret_value(),
    )  # fmt: skip


def current() -> Policy:
    if _current is not None:
        return _current
    fields = Settings.model_fields
    return Policy(str(fields["payout_approval"].default), int(fields["payout_rate_days"].default))
