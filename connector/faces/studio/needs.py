"""What needs the creator: each thing that only they can do, with until when, the nearest end first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from connector.commerce.catalog.ids import listing_id
from connector.faces.studio import messages, sample_said
from connector.faces.studio.face import address_of
from connector.insight.reports import table
from connector.operations.earned import Held
from connector.programme.collaborations import approvals
from connector.programme.collaborations import messages as threads
from connector.programme.creators import eligibility
from connector.programme.creators.payees import Standing
from connector.programme.creators.tables import Payee
from connector.programme.policies import use_terms, violations
from connector.programme.samples import moves, policy, queries
from connector.web import amounts, rate_words, words
from connector.web.words import Kind


@dataclass(frozen=True, slots=True)
class Need:
    """One thing to do. `until` None: it has no end of its own."""

    kind: Kind
    said: str
    act: str  # what the link says
    url: str
    until: datetime | None = None
    about: str = ""  # a name, shown apart: it may run the other way


def of(
    session: Session, creator_id: str, *, held: Sequence[Held], goes_to: Standing[Payee], earns: bool, now: datetime
) -> list[Need]:
    """`held` and `goes_to` as the caller has read them; `earns`: something was earned, so it has to go somewhere."""
    found = [
        *_terms(session, creator_id), *_eligibility(session, creator_id), *_offers(session, creator_id),
        *_fees(session, creator_id, now),
        *_samples(session, creator_id, now), *_frozen(held, now), *_payee(goes_to, earns=earns),
        *_breaches(session, creator_id, now), *_unread(session, creator_id),
    ]  # fmt: skip
    return sorted(found, key=lambda need: (need.until is None, need.until or now))


def _terms(session: Session, creator_id: str) -> Iterator[Need]:
    owed = use_terms.owed(session, "creator", creator_id)
    if owed is not None:
        said = f"Accept the terms of use, version {owed.version}"
        yield Need("warn", said, "Read and accept", address_of("studio.rules"), owed.due_at)


def _eligibility(session: Session, creator_id: str) -> Iterator[Need]:
    decision = eligibility.newest(session, creator_id)
    if decision is not None and decision.outcome != "accepted":
        said = f"You can add no new product: {words.lowered(words.reason(decision.reason, 'creator'))}"
        kind: Kind = "hold" if decision.outcome == "held" else "warn"
        yield Need(kind, said, "See why", address_of("studio.profile"))


def _offers(session: Session, creator_id: str) -> Iterator[Need]:
    for asked in messages.to_answer(session, creator_id):
        said = f"An offer of {rate_words.short(asked.offer.rate_bp)} waits for your answer"
        url = address_of("studio.offer_page", negotiation_id=asked.negotiation_id)
        yield Need("warn", said, "Answer it", url, asked.until, asked.shop)


def _fees(session: Session, creator_id: str, now: datetime) -> Iterator[Need]:
    """Content to be handed in for the flat fee of an agreement, or anew."""
    rows = approvals.to_hand_in(session, creator_id, now)
    shops = table.names(session, "shop", {row.shop_id for row in rows})
    for row in rows:
        fee = amounts.plain(row.flat_fee, row.fee_currency)
        said = f"Your content for {fee} was sent back" if row.sent_back else f"Hand in the content for {fee}"
        url = address_of("studio.offer_page", negotiation_id=row.negotiation_id)
        yield Need(
            "warn", said, "Open it", f"{url}#content" if url else "", row.until, shops.get(row.shop_id, "A shop")
        )


def _samples(session: Session, creator_id: str, now: datetime) -> Iterator[Need]:
    """Content due, an address to mend, one to choose or to buy, what can be appealed: the next step is theirs."""
    versions = {each.version: each.numbers for each in policy.every(session)}
    rows = queries.of_creator(session, creator_id, states=moves.OPEN, limit=50)
    titles = table.names(session, "product", {listing_id(row.shop_id, row.product_ref) for row in rows})
    for row in rows:
        stands = sample_said.stands(row, versions[row.policy_version], now)
        if stands.yours:
            title = titles.get(listing_id(row.shop_id, row.product_ref), "A sample that was promised to you")
            yield Need(
                "warn", stands.said, "Open it", address_of("studio.sample", sample_id=row.id), stands.until, title
            )


def _frozen(held: Sequence[Held], now: datetime) -> Iterator[Need]:
    """A freeze that somebody made can be answered; what a rule holds ends by itself, and stands among the figures."""
    together: dict[tuple[str, datetime, str], list[Held]] = {}
    for each in held:
        if each.explain_until is not None and each.explain_until >= now and each.said:
            together.setdefault((each.said, each.explain_until, each.currency), []).append(each)
    for (why, until, currency), lines in together.items():
        said = f"{amounts.plain(sum(line.amount for line in lines), currency)} is frozen. {why.rstrip('.')}."
        name = (lines[0].title or f"Order {lines[0].number}") if len(lines) == 1 else f"{len(lines)} products"
        yield Need("hold", said, "Explain", address_of("studio.freezes"), until, name)


def _payee(goes_to: Standing[Payee], *, earns: bool) -> Iterator[Need]:
    url = address_of("studio.payee")
    if goes_to.reason == "payee_missing" and earns:
        yield Need("warn", "Tell us where to pay you. What you earn is kept until then", "Give payment details", url)
    elif goes_to.reason == "payee_unconfirmed":
        said = "Confirm your new payment details with the code that the app sent you"
        yield Need("warn", said, "Confirm them", url, goes_to.until)


def _breaches(session: Session, creator_id: str, now: datetime) -> Iterator[Need]:
    for row in violations.of(session, creator_id):
        if row.appealed_at is None and row.decided_at is None and now < row.appeal_until:
            said = f"A breach of the rules was recorded. {row.why.rstrip('.')}."
            yield Need("warn", said, "Read and answer", address_of("studio.rules"), row.appeal_until)


def _unread(session: Session, creator_id: str) -> Iterator[Need]:
    number = threads.unread_of(session, creator_id=creator_id)
    if number:
        said = f"{amounts.count(number)} unread {'message' if number == 1 else 'messages'} from shops"
        yield Need("info", said, "Read", address_of("studio.messages"))
