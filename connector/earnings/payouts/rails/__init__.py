"""Rails: how a prepared batch leaves. One interface (`contract`), one module a rail, all of them listed here."""

from __future__ import annotations

from connector.earnings.payouts import policy
from connector.earnings.payouts.rails.bank_file import BankFile, defused
from connector.earnings.payouts.rails.contract import ApiRail, FileRail, Head, Rail, Told, Transfer
from connector.earnings.payouts.rails.mass_payment import MassPayment
from connector.earnings.payouts.rails.sepa import Sepa
from connector.earnings.payouts.rails.stripe_transfers import StripeTransfers
from connector.errors import InputRefused

# slug → what people call it
TITLES = {
    BankFile.slug: "Bank file (CSV)",
    Sepa.slug: "SEPA credit transfer (pain.001)",
    MassPayment.slug: "Mass payment file (CSV)",
    StripeTransfers.slug: "Stripe transfers",
}


def named(slug: str) -> FileRail | ApiRail:
    """The rail of that name, set up as the operator configured it.

    Errors: InputRefused for no such rail; ConfigurationWrong when it lacks a setting.
    """
    settings = policy.current()
    if slug == Sepa.slug:
        return Sepa(settings.debtor())
    if slug == StripeTransfers.slug:
        return StripeTransfers(settings.stripe())
    if slug == MassPayment.slug:
        return MassPayment()
    if slug == BankFile.slug:
        return BankFile()
    raise InputRefused("rail", f"{slug[:40]!r} is no rail.", f"Use {', '.join(TITLES)}.")


__all__ = [
    "TITLES", "ApiRail", "BankFile", "FileRail", "Head", "MassPayment", "Rail", "Sepa", "StripeTransfers", "Told",
    "Transfer", "defused", "named",
]  # fmt: skip
