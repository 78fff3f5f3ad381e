"""Stripe transfers to connected accounts, one call a payout, under the payout's id as idempotency key.

    a transfer comes back       paid, with its id; reversed in full: returned
    400, 402, 403, 404          failed: Stripe says that it didn't do it
    no answer, 409, 500         unknown: it may have. Nothing is sent again; `ask` looks it up by the payout's id
    401, 429                    nothing was done: the hand-over stops, and goes on when somebody starts it again

Stripe keeps an idempotency key's first answer, a 500 too, for a day or more and then forgets it: the key alone doesn't
tell what became of a call. Each transfer carries the payout's id as its `transfer_group`, by which it is found.
Source: docs.stripe.com/api/idempotent_requests, /api/errors, /api/transfers, /currencies, read 2026-11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector import money
from connector.earnings.payouts.rails.contract import Told, Transfer
from connector.errors import ConfigurationWrong, PlatformBusy, PlatformDown
from connector.programme.creators.payees import Details

if TYPE_CHECKING:
    import stripe

# Where Stripe's smallest unit isn't ISO 4217's, an amount would be a hundred times too much or too little.
_OTHER_UNITS = frozenset({"ISK", "UGX", "MGA"})
# Their words of a failure → our code
_REASONS = {
    "balance_insufficient": "rail_out_of_money",
    "insufficient_funds": "rail_out_of_money",
    "account_invalid": "account_refused",
    "resource_missing": "account_refused",
    "insufficient_capabilities_for_transfer": "account_refused",
    "transfers_not_allowed": "account_refused",
    "amount_too_small": "amount_refused",
    "amount_too_large": "amount_refused",
}


class StripeTransfers:
    slug = "stripe"

    def __init__(self, key: str) -> None:
        self._key = key
        self._client: stripe.StripeClient | None = None

    def refuses(self, payee: Details, currency: str) -> str:
        # Of three decimals Stripe takes two: the last digit has to be 0, which nobody can promise.
        if currency in _OTHER_UNITS or money.exponent(currency) > 2:
            return "currency_not_served"
        return "" if payee.stripe_account else "payee_other_rail"

    def send(self, transfer: Transfer) -> Told:
        import stripe

        try:
            made = self._calls().v1.transfers.create(
                {
                    "amount": transfer.amount,
                    "currency": transfer.currency.lower(),
                    "destination": transfer.payee.stripe_account,
                    "transfer_group": transfer.payout_id,
                    "description": f"Commission from {transfer.shop}",
                    "metadata": {"payout": transfer.payout_id},
                },
                {"idempotency_key": transfer.payout_id},
            )
        except (stripe.AuthenticationError, stripe.RateLimitError) as error:
            raise _stopped(error) from None
        except stripe.StripeError as error:
            return _failed(error)
        return _told(made)

    def ask(self, transfer: Transfer) -> Told | None:
        import stripe

        try:
            found = self._calls().v1.transfers.list({"transfer_group": transfer.payout_id, "limit": 1})
        except (stripe.AuthenticationError, stripe.RateLimitError) as error:
            raise _stopped(error) from None
        except stripe.StripeError as error:
            raise PlatformDown(f"Stripe doesn't answer ({type(error).__name__})") from None
        return _told(found.data[0]) if found.data else None

    def _calls(self) -> stripe.StripeClient:
        if self._client is None:
            try:
                import stripe
            except ModuleNotFoundError:
                raise ConfigurationWrong(
                    "stripe", "isn't installed", "Install the extra: pip install connector[stripe]."
                ) from None
            # Its own repeats go under the same key, within seconds.
            self._client = stripe.StripeClient(self._key, max_network_retries=2)
        return self._client


def _told(transfer: stripe.Transfer) -> Told:
    if transfer.reversed:
        return Told("returned", "transfer_reversed", ref=transfer.id)
    return Told("paid", "rail_confirmed", ref=transfer.id)


def _failed(error: stripe.StripeError) -> Told:
    status, code = error.http_status or 0, error.code or ""
    # 409 and a clash of keys say that another call is under way or was made: this one's fate is that one's.
    if status not in (400, 402, 403, 404) or type(error).__name__ == "IdempotencyError":
        return Told("unknown", "rail_did_not_answer", f"{status or 'no answer'} {type(error).__name__}")
    # Their sentence may name our account; the code is enough to look it up.
    return Told("failed", _REASONS.get(code, "rail_refused"), code or type(error).__name__)


def _stopped(error: stripe.StripeError) -> Exception:
    if (error.http_status or 0) == 429:
        return PlatformBusy("Stripe asks us to slow down", retry_after=5)
    return ConfigurationWrong("CONNECTOR_STRIPE_KEY", "is refused by Stripe", "Put a live secret key there.")
