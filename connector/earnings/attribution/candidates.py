"""All that the decision table needs of one order, gathered in a handful of queries, whatever its number of lines.

Candidates are (a) the touches whose tokens ride in the order's carriers, each carrier named, collected from every
version of the order, (b) the other touches of the same journeys in that shop, and, where the shop says so, those that
the same customer's earlier orders brought, and (c) the creator codes on its lines. All of them are candidates of every
line; the table alone ranks them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from connector import db, telemetry
from connector.commerce.orders import queries as orders
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops import absences, settings
from connector.commerce.shops.tables import Shop
from connector.earnings.attribution import acts, buyers, codes, hints, leaks, tokens, trial
from connector.earnings.attribution.rules import (
    ActSeen,
    BadToken,
    Candidate,
    LineAsked,
    OrderAsked,
    Personal,
    Policy,
    known_to,
)
from connector.earnings.attribution.tables import TokenBuyer, Touch
from connector.platforms.roster import platform
from connector.programme.collaborations import rates
from connector.programme.creators import countries
from connector.programme.creators import queries as creators

# A token on orders of more customers than that is being passed around.
BUYERS_OF_A_TOKEN = 3
# Carriers can be edited by the buyer: more tokens than that are not read.
_MOST_TOKENS = 50
# Only the latest matters; a journey longer than that is a machine's.
_MOST_TOUCHES = 500
# Carriers that aren't ours alone: a word in them that doesn't look like a token is somebody else's, and no forgery.
_SHARED_CARRIERS = frozenset({"landing_page", "referral", "journey", "code", leaks.REFERRER})
JOURNEY = "journey"
CUSTOMER = "customer"
_log = telemetry.logger(__name__)

# Built once: building a statement costs more than running it. Lists are bound as expanding parameters.
_TOUCH = sa.select(
    Touch.id, Touch.token, Touch.shop_id, Touch.creator_id, Touch.content_id, Touch.product_ref, Touch.kind,
    Touch.journey, Touch.at, Touch.received_at, Touch.window_seconds, Touch.eligible, Touch.ineligible_reason,
    Touch.flags, Touch.followers, Touch.followers_needed,
)  # fmt: skip
_BY_TOKEN = _TOUCH.where(db.among(Touch.token, "tokens"))
_OF_JOURNEYS = (
    _TOUCH.where(
        Touch.shop_id == sa.bindparam("shop_id"),
        db.among(Touch.journey, "journeys"),
        Touch.at <= sa.bindparam("placed_at"),
    )
    .order_by(Touch.at.desc(), Touch.id.desc())
    .limit(_MOST_TOUCHES)
)
# Where only direct touches count, those on other products aren't even read.
_OF_JOURNEYS_DIRECT = _OF_JOURNEYS.where(db.among(Touch.product_ref, "products"))
_OF_CUSTOMER = (
    _TOUCH.where(
        Touch.shop_id == sa.bindparam("shop_id"),
        Touch.id.in_(
            sa.select(TokenBuyer.touch_id).where(
                TokenBuyer.buyer_hash == sa.bindparam("buyer"), TokenBuyer.placed_at <= sa.bindparam("placed_at")
            )
        ),
    )
    .order_by(Touch.at.desc(), Touch.id.desc())
    .limit(_MOST_TOUCHES)
)
# As many pairs as tell that one token has too many: a token that a thousand orders carry costs no more than another.
_BUYERS = (
    sa.select(TokenBuyer.touch_id, TokenBuyer.buyer_hash)
    .where(
        db.among(TokenBuyer.touch_id, "touches"),
        TokenBuyer.buyer_hash.is_not(None),
        TokenBuyer.placed_at <= sa.bindparam("placed_at"),
    )
    .distinct()
    .limit(sa.bindparam("most", type_=sa.Integer()))
)
# More rows than that aren't read for a batch at once.
_MOST_AHEAD = 2_000
_ON_JOURNEYS = (
    _TOUCH.where(Touch.shop_id == sa.bindparam("shop_id"), db.among(Touch.journey, "journeys"))
    .order_by(Touch.at.desc(), Touch.id.desc())
    .limit(_MOST_AHEAD + 1)
)
_BUYERS_AHEAD = (
    sa.select(TokenBuyer.touch_id, TokenBuyer.order_id, TokenBuyer.buyer_hash, TokenBuyer.placed_at)
    .where(db.among(TokenBuyer.touch_id, "touches"), TokenBuyer.buyer_hash.is_not(None))
    .limit(_MOST_AHEAD + 1)
)
# A row of `_TOUCH`.
TouchRow = sa.Row[*tuple[Any, ...]]


class Pinned(msgspec.Struct, frozen=True):
    """What pinned lines hold of the buyer, and of which creators it was told: of any other nothing is pinned yet."""

    personal: Personal
    people: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a batch's orders would ask of touches, read at once before the first of them (`db.known`)."""

    shop_id: str
    tokens: frozenset[str]  # that were asked for
    by_token: dict[str, TouchRow]
    journeys: frozenset[str]  # whose touches were read, all of them
    of_journeys: Sequence[TouchRow]  # the latest first
    # Touch → order → (buyer, placed at): the rows of `token_buyers`, with those that the batch itself has noted.
    buyers: dict[str, dict[str, tuple[str | None, datetime]]]

    @property
    def creator_ids(self) -> set[str]:
        return {touch.creator_id for touch in (*self.by_token.values(), *self.of_journeys)}

    def note(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """An order was noted with its touches; whether the buyers of all of these are known here."""
        for row in rows:
            noted = self.buyers.get(row["touch_id"])
            if noted is not None:  # as the table does it: another version names the buyer anew, the moment stays
                _, placed_at = noted.get(row["order_id"], ("", row["placed_at"]))
                noted[row["order_id"]] = (row["buyer_hash"], placed_at)
        return all(row["touch_id"] in self.buyers for row in rows)

    def customers(self, touch_id: str, placed_at: datetime) -> int:
        return len({buyer for buyer, at in self.buyers[touch_id].values() if at <= placed_at})

    def on_journeys(
        self, journeys: Collection[str], placed_at: datetime, products: Collection[str] | None
    ) -> list[TouchRow]:
        """As `_OF_JOURNEYS`, or with `products` as `_OF_JOURNEYS_DIRECT`."""
        found = (
            touch
            for touch in self.of_journeys
            if touch.journey in journeys
            and touch.at <= placed_at
            and (products is None or touch.product_ref in products)
        )
        return list(islice(found, _MOST_TOUCHES))


def read_ahead(session: Session, shop: Shop, carried: Iterable[str]) -> Ahead | None:
    """Ask for a whole batch's touches, their journeys and their tokens' buyers in three statements.

    `carried`: what its orders carry. None: it is too much, or the shop counts taps of a customer's earlier orders,
    which must be in their table when the next order asks: then each order asks for itself.
    """
    read = (tokens.read(value) for value in carried)
    asked = sorted({found.token for found in read if found is not None})
    if len(asked) > _MOST_AHEAD or settings.changes(session, shop.id, "customer_match"):
        return None
    connection = session.connection()
    by_token = {touch.token: touch for touch in connection.execute(_BY_TOKEN, {"tokens": asked})}
    ours = [touch for touch in by_token.values() if touch.shop_id == shop.id]
    journeys = sorted({touch.journey for touch in ours if touch.journey is not None})
    on_way = connection.execute(_ON_JOURNEYS, {"shop_id": shop.id, "journeys": journeys}).all() if journeys else []
    if len(on_way) > _MOST_AHEAD:  # a machine's: each order reads its latest
        journeys, on_way = [], []
    buyers: dict[str, dict[str, tuple[str | None, datetime]]] = {touch.id: {} for touch in ours}
    noted = connection.execute(_BUYERS_AHEAD, {"touches": list(buyers)}).all() if buyers else []
    if len(noted) > _MOST_AHEAD:  # a token that goes around
        buyers = {}
    for touch_id, order_id, buyer_hash, placed_at in noted if buyers else ():
        buyers[touch_id][order_id] = (buyer_hash, placed_at)
    ahead = Ahead(shop.id, frozenset(asked), by_token, frozenset(journeys), on_way, buyers)
    db.know(session, ahead)
    return ahead


class Gathered(msgspec.Struct, frozen=True):
    order: OrderAsked
    lines: list[LineAsked]
    candidates: list[Candidate]
    referrer: str = ""  # the coupon site that the visit came from
    personal: Pinned | None = None  # what was pinned of the buyer, if anything was


def gather(
    session: Session, shop: Shop, order: Order, facts: OrderFacts, *, created: bool = False,
    personal: Pinned | None = None, also: ActSeen | None = None, note: bool = True,
) -> Gathered:  # fmt: skip
    """The facts of one order for `rules.decide`. Also notes which buyer ordered with which token.

    `created`: it has just been made, so no act and no other version of it is known. `personal`: what was pinned of the
    buyer, which is read instead of looked up (F3). `also`: an act that isn't recorded: what would it do? With it, or
    without `note`, nothing is written.
    """
    placed_at, policy = facts.placed_at, policy_at(session, shop.id, facts.placed_at)
    hinted = hints.of_order(session, order.id, created=created)
    carried, mended = _carried(shop, facts, hinted)
    by_token, bad, tried = _by_token(session, shop, carried)
    if also is None and note:
        _note_buyer(session, order, facts.buyer_hash, [touch.id for touch, _ in by_token], created=created)
    shared = _shared(session, [touch.id for touch, _ in by_token], placed_at)
    on_lines = line_codes(session, facts, created=created)
    known = codes.of_order(session, shop.id, {text for texts in on_lines.values() for text in texts}, placed_at)
    via = {touch.id: names for touch, names in by_token}
    touches = {touch.id: touch for touch, _ in by_token}
    if not shared:
        wide = policy.indirect or bool(known)
        for name, touch in _others(session, shop, facts, list(touches.values()), wide):
            touches.setdefault(touch.id, touch)
            via[touch.id] = (*via.get(touch.id, ()), name)
    done = () if created else acts.of_order(session, order.id)
    lines = [
        LineAsked(line.line_ref, line.product_ref, on_lines.get(line.line_ref, ()), line.exchange_of)
        for line in facts.snapshot.lines
    ]
    asked = OrderAsked(
        placed_at=placed_at,
        grace=timedelta(hours=settings.whole(session, shop.id, "touch_grace_hours", placed_at)),
        disconnected=absences.away(session, shop.id, placed_at),
        shared=shared,
        flags=_flags(trial_click=tried, token_mended=any(touch.token in mended for touch, _ in by_token)),
        bad_tokens=tuple(bad),
        policy=policy,
        codes=known,
        acts=(*done, *((also,) if also is not None else ())),
    )
    asked = with_creators(session, facts, asked, lines, {touch.creator_id for touch in touches.values()}, personal)
    referrer = leaks.referrer(hinted) if known else ""
    return Gathered(asked, lines, as_candidates(touches.values(), via), referrer, personal)


def policy_at(session: Session, shop_id: str, moment: datetime) -> Policy:
    """The shop's rules of credit as they stood at `moment`. Its settings are read once a session."""

    def number(name: str) -> int:
        return settings.whole(session, shop_id, name, moment)

    return Policy(
        code_policy=str(settings.at(session, shop_id, "code_policy", moment)),
        indirect=bool(number("indirect")),
        indirect_share_bp=number("indirect_share_bp"),
        cart_carry=timedelta(days=number("cart_carry_days")),
        lifetime=bool(number("lifetime")),
        inherit=bool(number("inherit_when_ineligible")),
    )


def line_codes(session: Session, facts: OrderFacts, *, created: bool = False) -> dict[str, tuple[str, ...]]:
    """Line → canonical texts of the codes that took something off it, in any version of the order (F3), the first
    applied first. A shipping code, or one for other products, is not among them."""
    snapshots = [facts.snapshot]
    coded = any(carrier.kind == "code" for carrier in facts.carriers)
    if not created and (coded or any(a.code for line in facts.snapshot.lines for a in line.allocations)):
        snapshots = orders.snapshots(session, facts.order_id) or snapshots
    found: dict[str, dict[str, None]] = {}
    for snapshot in snapshots:
        for line in snapshot.lines:
            for allocation in line.allocations:
                if allocation.code:
                    found.setdefault(line.line_ref, {})[codes.canonical(allocation.code)] = None
    return {line_ref: tuple(texts) for line_ref, texts in found.items()}


def with_creators(
    session: Session, facts: OrderFacts, asked: OrderAsked, lines: Sequence[LineAsked], touching: set[str],
    pinned: Pinned | None,
) -> OrderAsked:  # fmt: skip
    """What is known of everybody who may be credited: status, terms, and whether they are the buyer."""
    bound = None
    if asked.policy.lifetime:
        bound = buyers.bound(session, facts) if pinned is None else pinned.personal.bound
    people = set(touching) | {code.creator_id for code in asked.codes.values() if code.creator_id is not None}
    people |= {act.creator_id for act in asked.acts if act.creator_id is not None}
    people |= {bound} if bound is not None else set()
    if not people:  # without a candidate no rate is asked for
        return msgspec.structs.replace(asked, personal=Personal() if pinned is None else pinned.personal)
    products = sorted({line.product_ref for line in lines if line.product_ref is not None})
    offers = rates.offers(session, facts.shop_id, products, people)
    known = Personal(bound=bound) if pinned is None else pinned.personal
    fresh = people if pinned is None else people - pinned.people
    # Asked only where it changes the rate: most shops offer nothing special to new buyers.
    special = known.returning is None and any(version.new_buyer_bp is not None for version in offers.versions)
    if fresh or special:  # an edit may bring a creator, or a product, of whom nothing is pinned
        known = msgspec.structs.replace(
            known,
            self_match=buyers.self_match(session, facts, fresh) | known.self_match if fresh else known.self_match,
            returning=buyers.returning(session, facts) if special else known.returning,
        )
    statuses = creators.statuses_at(session, people, asked.placed_at)
    statuses |= dict.fromkeys(countries.held_back(session, people, asked.placed_at), countries.OFF)
    return msgspec.structs.replace(asked, offers=offers, personal=known, statuses=statuses)


def _flags(**raised: bool) -> tuple[str, ...]:
    return tuple(name for name, up in raised.items() if up)


def _carried(
    shop: Shop, facts: OrderFacts, hinted: Sequence[tuple[str, str]]
) -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    """(token → names of the carriers that brought it, those that had to be mended).

    Carriers are a set over all versions of the order (F3); hints are what only one side of a store tells of it.
    """
    snapshot = msgspec.structs.replace(facts.snapshot, carriers=tuple(facts.carriers))
    names: dict[str, set[str]] = {}
    mended: set[str] = set()
    for value, carrier in [*platform(shop.platform).checkout.tokens(snapshot), *hinted]:
        read = tokens.read(value)
        if read is not None and read.mended:
            mended.add(read.token)
        if read is not None or carrier not in _SHARED_CARRIERS or tokens.shaped(value):
            names.setdefault(read.token if read is not None else value, set()).add(carrier)
    # Sorted, so that which ones are read doesn't depend on the order in which a store lists them.
    kept = {token: tuple(sorted(names[token])) for token in sorted(names)[:_MOST_TOKENS]}
    return kept, frozenset(mended)


def _by_token(
    session: Session, shop: Shop, carried: dict[str, tuple[str, ...]]
) -> tuple[list[tuple[TouchRow, tuple[str, ...]]], list[BadToken], bool]:
    """The touches of genuine tokens with their carriers, what rode there that is no token of this shop, and whether
    a merchant's test click did."""
    genuine = [token for token in carried if tokens.genuine(token)]
    known = _touches(session, genuine)
    lost = [token for token in genuine if token not in known]
    trials = trial.among(session, shop.id, lost) if lost else frozenset()
    good: list[tuple[TouchRow, tuple[str, ...]]] = []
    bad: list[BadToken] = []
    for token, names in carried.items():
        touch = known.get(token)
        if touch is not None and touch.shop_id == shop.id:
            good.append((touch, names))
            continue
        if token in trials:
            continue  # it credits nobody, and nothing is wrong with it
        problem = "signature_wrong" if token not in genuine else "unknown" if touch is None else "other_shop"
        bad.append(BadToken(token=token[:8], problem=problem, via=names, nearest=_nearest(session, shop, token)))
    return good, bad, bool(trials)


def _touches(session: Session, genuine: Sequence[str]) -> dict[str, TouchRow]:
    """Token → its touch, of those that are kept."""
    ahead = db.known(session, Ahead)
    if ahead is not None and ahead.tokens.issuperset(genuine):
        return {token: ahead.by_token[token] for token in genuine if token in ahead.by_token}
    rows = session.connection().execute(_BY_TOKEN, {"tokens": genuine}).all() if genuine else []
    return {touch.token: touch for touch in rows}


def _nearest(session: Session, shop: Shop, token: str) -> str:
    """The shop's touch whose token begins alike; for people, never for credit. Told to the log as well."""
    head = tokens.head(token)
    found = None
    if head:
        begins = (f"t1{head}" + "0" * 24, f"t1{head}" + "z" * 24)
        found = session.scalar(
            sa.select(Touch.id).where(Touch.shop_id == shop.id, Touch.token.between(*begins)).limit(1)
        )
    _log.warning("token.unknown", shop_id=shop.id, begins=token[:8], nearest=found or "")
    return found or ""


def _note_buyer(
    session: Session, order: Order, buyer_hash: str | None, touch_ids: Collection[str], *, created: bool
) -> None:
    if buyer_hash is None or not touch_ids:
        return
    rows = [
        {"touch_id": touch_id, "order_id": order.id, "buyer_hash": buyer_hash, "placed_at": order.placed_at}
        for touch_id in touch_ids
    ]
    ahead = db.known(session, Ahead)
    known = ahead is not None and ahead.note(rows)
    # Held back only where every order of the batch counts in what was read ahead, and in what was noted there since.
    # An order that has just been made was noted with nothing yet: a plain row each.
    db.later(session, _NOTE_NEW if created else _note, rows, unread=created and known)


_NOTE_NEW = sa.insert(TokenBuyer)


def _note(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    connection.execute(_noted(connection.dialect.name), rows)


@cache
def _noted(dialect: str) -> sa.Insert:
    insert = postgresql.insert(TokenBuyer) if dialect == "postgresql" else sqlite.insert(TokenBuyer)
    # An older version may name the buyer otherwise: that one counts, and the order counts once.
    return insert.on_conflict_do_update(
        index_elements=["touch_id", "order_id"], set_={"buyer_hash": insert.excluded.buyer_hash}
    )


def _shared(session: Session, touch_ids: Sequence[str], placed_at: datetime) -> bool:
    """Had more than three customers ordered with one of these tokens, up to and with this order?"""
    if not touch_ids:
        return False
    ahead = db.known(session, Ahead)
    if ahead is not None and ahead.buyers.keys() >= set(touch_ids):
        return any(ahead.customers(touch_id, placed_at) > BUYERS_OF_A_TOKEN for touch_id in touch_ids)
    most = BUYERS_OF_A_TOKEN * len(touch_ids) + 1  # so many pairs leave one token with more than three
    asked = {"touches": touch_ids, "placed_at": placed_at, "most": most}
    counts = Counter(touch_id for touch_id, _ in session.connection().execute(_BUYERS, asked))
    return max(counts.values(), default=0) > BUYERS_OF_A_TOKEN


def _others(
    session: Session, shop: Shop, facts: OrderFacts, found: Sequence[TouchRow], wide: bool
) -> Iterable[tuple[str, TouchRow]]:
    """The other touches of the same journeys, and, where the switch is on, those of the customer's earlier orders.

    `wide`: touches on other products bear on the order too (D13, and codes whose owner must be involved).
    """
    asked = {"shop_id": shop.id, "placed_at": facts.placed_at}
    if facts.buyer_hash is not None and settings.whole(session, shop.id, "customer_match", facts.placed_at):
        known = {touch.id for touch in found}
        of_customer = session.connection().execute(_OF_CUSTOMER, {**asked, "buyer": facts.buyer_hash}).all()
        earlier = [touch for touch in of_customer if touch.id not in known]
        yield from ((CUSTOMER, touch) for touch in earlier)
        found = [*found, *earlier]
    journeys = sorted({touch.journey for touch in found if touch.journey is not None})
    products = sorted({line.product_ref for line in facts.snapshot.lines if line.product_ref is not None})
    if not journeys or not (products or wide):
        return
    # A tap of the second in which the order was placed came before it (`rules.known_to`), by a journey too.
    until = facts.placed_at + known_to(facts.placed_at)
    of_these: dict[str, Any] = {"shop_id": shop.id, "placed_at": until, "journeys": journeys}
    rows: Iterable[TouchRow]
    ahead = db.known(session, Ahead)
    if ahead is not None and ahead.shop_id == shop.id and ahead.journeys.issuperset(journeys):
        rows = ahead.on_journeys(journeys, until, None if wide else products)
    elif wide:
        rows = session.connection().execute(_OF_JOURNEYS, of_these)
    else:
        rows = session.connection().execute(_OF_JOURNEYS_DIRECT, {**of_these, "products": products})
    yield from ((JOURNEY, touch) for touch in rows)


def as_candidates(touches: Iterable[TouchRow | Touch], via: Mapping[str, tuple[str, ...]]) -> list[Candidate]:
    return [
        Candidate(
            touch_id=touch.id,
            creator_id=touch.creator_id,
            content_id=touch.content_id,
            product_ref=touch.product_ref,
            kind=touch.kind,
            at=touch.at,
            received_at=touch.received_at,
            window=timedelta(seconds=touch.window_seconds),
            via=via[touch.id],
            invalid="over_rate" if "over_rate" in touch.flags else "",
            at_checkout="at_checkout" in touch.flags,
            threshold_missed="" if touch.eligible else touch.ineligible_reason,
            followers=touch.followers,
            followers_needed=touch.followers_needed,
        )
        for touch in touches
    ]
