"""What a creator earns on a product at a moment: all dated versions in, one rate out. Pure.

    kind       whose                          scope               ends
    targeted   one creator's                  a product or ""     at its chosen end, or when it is withdrawn
    open       everybody's                    a product or ""     when it is withdrawn
    event      everybody's, part of `open`    a product or ""     at its end; while it is live it may only rise
    store      everybody's, the shop's own    "" only             when it is withdrawn

Precedence is by kind, targeted, then open, then store, and only then by rate (R5, D18): an accepted target wins even
where it is lower. Inside a kind a product's own terms stand before the whole shop's; an event lifts the open rate and
never lowers it. A creator who promoted a product before its rate was cut keeps the old rate for 30 x 24 hours, inside
the winning kind only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import msgspec

# R5: how long whoever promoted already keeps a rate that was cut.
PROTECTION = timedelta(days=30)
# Of `Version.code_rates`: the rate of every code that has none of its own.
ANY_CODE = "*"
# The precedence of D18. An event belongs to the open terms.
KINDS = ("targeted", "open", "store")


class Version(msgspec.Struct, frozen=True):
    """One version of terms. `product_ref` "": the whole shop; `rate_bp` None: withdrawn from `starts_at` on.

    Rates are basis points, 100 to 8000. `ads_bp` stands instead of the rate for a tap on a seller's ad, `new_buyer_bp`
    for a buyer's first order in the shop, `code_rates` (code in capitals, or `*`) for an order with a creator's code.
    """

    terms_id: str
    product_ref: str
    rate_bp: int | None
    version: int
    starts_at: datetime
    ends_at: datetime | None = None
    kind: str = "open"  # targeted | open | event | store
    creator_id: str | None = None  # targeted only
    ads_bp: int | None = None
    new_buyer_bp: int | None = None
    code_rates: dict[str, int] = {}
    calls_off: str | None = (
        None  # it says that this version, which had not begun, never was; and stands for nothing itself
    )


class Promotion(msgspec.Struct, frozen=True):
    """A creator had the product in the list or in content, from `starts_at` until `ends_at` (None: still)."""

    creator_id: str
    product_ref: str
    starts_at: datetime
    ends_at: datetime | None = None


class Rate(msgspec.Struct, frozen=True):
    """What stood at a moment, for one creator and product."""

    rate_bp: int  # basis points, 100 to 8000
    terms_id: str
    kind: str = "open"  # targeted | open | store: the precedence of D18
    ads: bool = False  # the ads rate of that version (D19)
    basis: str = "standard"  # standard | ads | event | new_buyer | code: which of the version's rates it is
    kept_until: datetime | None = None  # an older rate, kept until then by R5's protection


class _HasDates(Protocol):
    @property
    def terms_id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def calls_off(self) -> str | None: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime | None: ...


Dated = TypeVar("Dated", bound=_HasDates)
_Chains = tuple[Sequence[Version], Sequence[Version]]  # (the product's own, the whole shop's), each in its order


class Offers:
    """All versions and promotions that may bear on some products and creators of one shop."""

    __slots__ = ("_chains", "_promotions", "promotions", "versions")

    def __init__(self, versions: Iterable[Version], promotions: Iterable[Promotion] = ()) -> None:
        self.versions = tuple(in_effect(versions))
        self.promotions = tuple(promotions)
        self._chains: dict[tuple[str, str | None, str], list[Version]] = {}
        for version in sorted(self.versions, key=_by_start):
            self._chains.setdefault((version.kind, version.creator_id, version.product_ref), []).append(version)
        self._promotions: dict[tuple[str, str], list[Promotion]] = {}
        for promotion in self.promotions:
            self._promotions.setdefault((promotion.creator_id, promotion.product_ref), []).append(promotion)

    def chains(self, kind: str, creator_id: str | None, product_ref: str) -> _Chains:
        """The versions of one kind that bear on a product: its own, and those of the whole shop."""
        whose = creator_id if kind == "targeted" else None
        shop = self._chains.get((kind, whose, ""), ())
        return (self._chains.get((kind, whose, product_ref), ()) if product_ref else (), shop)

    def promoted(self, creator_id: str | None, product_ref: str, before: datetime, until: datetime) -> bool:
        """Had the creator the product before `before`, and not removed it since, up to `until`?"""
        return creator_id is not None and any(
            held.starts_at < before and (held.ends_at is None or held.ends_at > until)
            for held in self.promotions_of(creator_id, product_ref)
        )

    def promotions_of(self, creator_id: str, product_ref: str) -> Sequence[Promotion]:
        return self._promotions.get((creator_id, product_ref), ())


def rate_at(
    offers: Offers,
    *,
    creator_id: str | None,
    product_ref: str,
    moment: datetime,
    through_ad: bool = False,
    returning: bool | None = None,
    code: str | None = None,
) -> Rate | None:
    """The rate that stood for a creator and a product at `moment`; None: nothing was offered.

    `creator_id` None: for anybody. `through_ad`: the tap came through a seller's ad. `returning` False: the buyer's
    first order in the shop; None: not known. `code`: the code that credits the order, where one does.
    """
    for kind in KINDS:
        if kind == "targeted" and creator_id is None:
            continue
        plan = _plan(offers, kind, creator_id, product_ref, moment)
        if plan is None:
            continue
        if through_ad and plan.ads_bp is not None:
            return Rate(plan.ads_bp, plan.terms_id, kind, ads=True, basis="ads")
        best = _priced(plan, kind, returning, code)
        for older, changed_at in _superseded(offers.chains(kind, creator_id, product_ref), moment):
            if offers.promoted(creator_id, product_ref, changed_at, moment):
                held = _priced(older, kind, returning, code, kept_until=changed_at + PROTECTION)
                best = max(best, held, key=lambda rate: rate.rate_bp)
        return best
    return None


def in_force(versions: Iterable[Version], product_ref: str, moment: datetime) -> Rate | None:
    """What anybody earns on a product at `moment`, without an agreement of their own."""
    return rate_at(Offers(versions), creator_id=None, product_ref=product_ref, moment=moment)


def plan_at(offers: Offers, *, creator_id: str | None, product_ref: str, moment: datetime) -> Version | None:
    """The version that precedence picks, whatever older rate is still kept beside it."""
    for kind in KINDS:
        if kind == "targeted" and creator_id is None:
            continue
        plan = _plan(offers, kind, creator_id, product_ref, moment)
        if plan is not None:
            return plan
    return None


def _plan(offers: Offers, kind: str, creator_id: str | None, product_ref: str, moment: datetime) -> Version | None:
    """The version of a kind that stands then. An event stands only where it gives more than the open rate."""
    plan = _effective(offers.chains(kind, creator_id, product_ref), moment)
    if kind != "open":
        return plan
    for chain in offers.chains("event", None, product_ref):
        event = standing(chain, moment)
        if event is not None and event.rate_bp is not None and (plan is None or _standard(event) > _standard(plan)):
            plan = event
    return plan


def _effective(chains: _Chains, moment: datetime, *, just_before: bool = False) -> Version | None:
    """The product's own version if it has one then, else the shop's.

    A withdrawal or an end ends its own scope only: a product whose own rate is gone earns the shop's rate again.
    """
    for chain in chains:
        found = standing(chain, moment, just_before=just_before)
        if found is not None and found.rate_bp is not None:
            return found
    return None


def in_effect(rows: Iterable[Dated]) -> list[Dated]:
    """Without what was called off before it began, and without what says so; in the order of their starts, and of two
    at one moment the newer one behind."""
    every = list(rows)
    called_off = {row.calls_off for row in every if row.calls_off is not None}
    kept = [row for row in every if row.calls_off is None and row.terms_id not in called_off]
    return sorted(kept, key=_by_start)


def _by_start(row: Dated) -> tuple[datetime, int]:
    return (row.starts_at, row.version)


def standing(chain: Sequence[Dated], moment: datetime, *, just_before: bool = False) -> Dated | None:
    """The version of one scope that started last, unless it is over; it may be a withdrawal. `chain`: as `in_effect`.

    `just_before`: as it stood up to `moment`, not at it.
    """
    for version in reversed(chain):
        if version.starts_at > moment or (just_before and version.starts_at == moment):
            continue
        ends = version.ends_at
        return version if ends is None or moment < ends or (just_before and moment == ends) else None
    return None


def _superseded(chains: _Chains, moment: datetime) -> Iterator[tuple[Version, datetime]]:
    """(version, when it was superseded) of each that another took the place of less than 30 x 24 h before `moment`,
    the last change first.

    One that ended by itself or was withdrawn is not superseded, whatever came in its place.
    """
    since = moment - PROTECTION
    changes = {v.starts_at for chain in chains for v in chain if since < v.starts_at <= moment}
    for changed_at in sorted(changes, reverse=True):
        before = _effective(chains, changed_at, just_before=True)
        after = _effective(chains, changed_at)
        if before is None or after is None or before is after or before.ends_at == changed_at:
            continue
        in_its_place = standing(chains[0 if before in chains[0] else 1], changed_at)
        if in_its_place is not None and in_its_place.rate_bp is not None:
            yield before, changed_at


def _standard(version: Version) -> int:
    if version.rate_bp is None:
        raise AssertionError("a withdrawal is no plan")
    return version.rate_bp


def _priced(
    version: Version, kind: str, returning: bool | None, code: str | None, *, kept_until: datetime | None = None
) -> Rate:
    """Which of a version's rates the order earns: that of its code, else that of a new buyer, else the standard one."""
    special = _of_code(version.code_rates, code)
    if special is not None:
        return Rate(special, version.terms_id, kind, basis="code", kept_until=kept_until)
    if returning is False and version.new_buyer_bp is not None:
        return Rate(version.new_buyer_bp, version.terms_id, kind, basis="new_buyer", kept_until=kept_until)
    basis = "event" if version.kind == "event" else "standard"
    return Rate(_standard(version), version.terms_id, kind, basis=basis, kept_until=kept_until)


def _of_code(code_rates: Mapping[str, int], code: str | None) -> int | None:
    if code is None or not code_rates:
        return None
    return code_rates.get(code.strip().upper(), code_rates.get(ANY_CODE))
