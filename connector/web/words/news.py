"""What a creator is told of: a sentence for each kind of notice, as their studio shows it.

A wording has named slots; where the facts for one aren't known its second, plain form is used, so that no sentence has
a hole. `tests/studio` fails on a kind that has no wording here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from connector.web.icons import KINDS
from connector.web.words.wording import Kind


@dataclass(frozen=True, slots=True)
class News:
    """How it looks, and what it says; `exact` where all of its slots are known."""

    kind: Kind
    plain: str
    exact: str = ""

    @property
    def icon(self) -> str:
        return KINDS[self.kind]

    def said(self, slots: Mapping[str, Any]) -> str:
        known = {name: value for name, value in slots.items() if value not in (None, "")}
        whole = self.exact and all(name in known for _, name, _, _ in Formatter().parse(self.exact) if name)
        return self.exact.format_map(known) if whole else self.plain


NEWS: dict[str, News] = {
    "creator.accepted": News(
        "good", "You take part: add products and share your links",
        "You take part. Until {pilot_until} there is a limit on how many products you can add",
    ),
    "creator.held": News("hold", "You can add no new product for now", "You can add no new product for now: {why}"),
    "creator.refused": News(
        "warn", "You can add no new product; what you promote goes on",
        "You can add no new product; what you promote goes on: {why}",
    ),
    "creator.flagged": News(
        "hold", "Your follower count jumped; it counts when it has stood for a week",
        "Your follower count jumped to {followers}; until it has stood for a week {believed} count",
    ),
    "creator.status": News("info", "The status of your account changed", "Your account is {status} now"),
    "offer.made": News("warn", "A shop made you an offer", "{shop} offers you {rate}, until {expires_at}"),
    "offer.answered": News("info", "An offer was answered", "An offer between {shop} and you was {answer}"),
    "collaboration.agreed": News(
        "good", "A shop and you agreed on a rate", "{shop} and you agreed: {rate} for you until {ends_at}"
    ),
    "content.answered": News(
        "info", "Content of yours for a flat fee was answered", "Your content for {amount} at {shop}: {answer}"
    ),
    "content.appealed": News(
        "hold", "A shop asked support about content of yours", "{shop} asked support about your content for {amount}"
    ),
    "content.decided": News(
        "info", "Support decided about content of yours", "Support decided about your content for {amount}: {answer}"
    ),
    "sample.moved": News("info", "A sample of yours went a step on", "Your sample of {product}: {status}"),
    "violation.recorded": News(
        "warn", "A breach of the rules was recorded",
        "A breach of the rules was recorded. {why} You can answer until {appeal_until}",
    ),
    "violation.ended": News("good", "A recorded breach counts no more"),
    "payout.made": News("good", "A payout was made", "{amount} was paid to you"),
    "payout.failed": News("bad", "A payout did not reach you", "A payout of {amount} did not reach you: {why}"),
    "payout.returned": News("bad", "A payout came back", "A payout of {amount} came back: {why}"),
    "payout.held": News("hold", "A payout was kept back", "A payout of {amount} was kept back: {why}"),
    "payee.changed": News("warn", "Your payment details were changed: confirm them with the code from the app"),
    "payee.confirmed": News(
        "good", "Your new payment details are confirmed", "Your new payment details count from {in_force_at} on"
    ),
    "payee.refused": News("idle", "Changed payment details were refused; yours are as before"),
    "statement.ready": News("info", "A statement is ready", "The statement of {shop} for {period} is ready"),
    "freeze.made": News(
        "hold", "Money of yours was frozen", "Money of yours was frozen. {why} You can explain until {appeal_until}"
    ),
    "freeze.ended": News("good", "A freeze of your money ended", "A freeze of your money ended. {how}"),
    "terms.cut": News("warn", "A rate of yours falls soon", "A rate of yours at {shop} falls on {falls_at}"),
}  # fmt: skip
