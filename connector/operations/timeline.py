"""A shop's timeline: since when is it so, and what changed just before? Everything about one shop in one order.

Rows of eight tables become happenings with a code and its facts; `web` has no part in it and the face makes the
sentences. What repeats is folded: a day's messages of one kind and end are one happening with its number, and so are
passes in a row that found nothing. What did *not* happen is told as well: hours in which the shop is usually heard and
was not.

Times are those of our records. Deliveries and acts stand in wall time, runs, terms and passes in business time; the two
are one and the same but in a demo with a shifted clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.audit import AuditRow
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import GrantRow, Shop, ShopAbsence, ShopSetting
from connector.programme.collaborations.tables import Terms
from connector.sync.tables import Reconciliation, SyncRun
from connector.webhooks.tables import DeliveryRow

Group = Literal["grant", "sync", "deliveries", "subscriptions", "settings", "staff"]
GROUPS: tuple[Group, ...] = ("grant", "sync", "deliveries", "subscriptions", "settings", "staff")
SPANS = {7: "7 days", 30: "30 days", 90: "90 days", 365: "A year"}
MOST = 400  # happenings of one page; a page says when there are more
# Ends of a delivery that need no look by themselves: told a day and kind, not one by one.
QUIET = ("done", "ignored", "waiting")
# An hour's messages that are expected, by the same hour of other days; that many missing in a row make a silence.
SILENCE = 8
LEAST_DAYS = 5  # of hearing, before an hour is called unusual
WHO = "connector"  # acts in the audit log that nobody asked for


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened. `code` and `facts` are what a face makes its sentence of."""

    at: datetime
    group: Group
    code: str
    facts: dict[str, Any] = field(default_factory=dict)
    who: str = ""
    id: str = ""
    more: int = 0  # how many like it are folded into it
    until: datetime | None = None  # of something that lasted


@dataclass(frozen=True, slots=True)
class Timeline:
    happenings: list[Happening]  # newest first
    counts: dict[Group, int]  # over the whole span, before the filter
    since: datetime
    cut: bool


def read(
    session: Session,
    shop: Shop,
    *,
    days: int = 30,
    groups: Sequence[Group] = GROUPS,
    zone: tzinfo = UTC,
    now: datetime | None = None,
) -> Timeline:
    """What happened to one shop in the last `days`, newest first. `zone` is the one that its days are told in."""
    now = now or clock.now()
    since = now - timedelta(days=days)
    every: list[Happening] = []
    for source in (_grant, _runs, _passes, _settings, _acts):
        every += source(session, shop, since)
    every += _deliveries(session, shop, since, zone)
    every.sort(key=lambda one: (one.at, one.id), reverse=True)
    folded = list(_folded(every))
    counts: dict[Group, int] = dict.fromkeys(GROUPS, 0)
    for one in folded:
        counts[one.group] += 1
    kept = [one for one in folded if one.group in groups]
    return Timeline(kept[:MOST], counts, since, len(kept) > MOST)


def _folded(every: Sequence[Happening]) -> Iterator[Happening]:
    """Neighbours that say the same become one, with how many more there are."""
    held: Happening | None = None
    for one in every:
        same = held is not None and _alike(held) == _alike(one) and held.at.date() == one.at.date()
        if held is not None and same:
            held = Happening(
                held.at, held.group, held.code, held.facts, held.who, held.id, held.more + 1 + one.more, one.at
            )
            continue
        if held is not None:
            yield held
        held = one
    if held is not None:
        yield held


def _alike(one: Happening) -> tuple[Any, ...]:
    # A run or a delivery of its own id is told by itself; acts and passes without findings are not.
    told = {name: value for name, value in one.facts.items() if name in ("act", "status", "name", "problem")}
    single = one.id if one.group in ("sync", "deliveries") and not one.facts.get("quiet") else ""
    return (one.group, one.code, one.who, single, tuple(sorted(told.items())))


# ------------------------------------------------------------------ grant


def _grant(session: Session, shop: Shop, since: datetime) -> Iterator[Happening]:
    if shop.installed_at >= since:
        yield Happening(shop.installed_at, "grant", "connected", id=shop.id)
    absences = session.scalars(sa.select(ShopAbsence).where(ShopAbsence.shop_id == shop.id))
    for row in absences:
        if row.left_at >= since:
            yield Happening(row.left_at, "grant", "left")
        if row.returned_at is not None and row.returned_at >= since:
            yield Happening(row.returned_at, "grant", "returned")
    grant = session.get(GrantRow, shop.id)
    if grant is not None and grant.renewed_at >= since:
        facts = {"generation": grant.generation, "ends": grant.refresh_expires_at}
        yield Happening(grant.renewed_at, "grant", "renewed", facts)


# ------------------------------------------------------------------ sync


def _runs(session: Session, shop: Shop, since: datetime) -> Iterator[Happening]:
    rows = session.scalars(sa.select(SyncRun).where(SyncRun.shop_id == shop.id, SyncRun.queued_at >= since))
    for run in rows:
        facts = {
            "status": run.status, "trigger": run.trigger, "kind": run.kind, "problem": run.problem,
            "written": run.written, "same": run.same, "refused": run.refused, "gone": run.gone,
        }  # fmt: skip
        yield Happening(run.finished_at or run.started_at or run.queued_at, "sync", "run", facts, id=run.id)


def _passes(session: Session, shop: Shop, since: datetime) -> Iterator[Happening]:
    rows = session.scalars(
        sa.select(Reconciliation).where(Reconciliation.shop_id == shop.id, Reconciliation.started_at >= since)
    )
    for row in rows:
        facts = {
            "status": row.status, "fetched": len(row.missing), "orders": tuple(row.missing[:5]), "gaps": len(row.gaps),
            "problem": row.problem, "quiet": row.status == "done" and not row.missing,
        }  # fmt: skip
        code = "pass_quiet" if facts["quiet"] else "pass"
        yield Happening(row.finished_at or row.started_at, "sync", code, facts, id=row.id)


# ------------------------------------------------------------------ settings and rates


def _settings(session: Session, shop: Shop, since: datetime) -> Iterator[Happening]:
    before: dict[str, str] = {}
    rows = session.scalars(sa.select(ShopSetting).where(ShopSetting.shop_id == shop.id).order_by(ShopSetting.starts_at))
    for row in rows:
        if row.recorded_at >= since:
            facts: dict[str, Any] = {"name": row.name, "before": before.get(row.name), "after": row.value}
            facts["starts"] = row.starts_at
            yield Happening(row.recorded_at, "settings", "setting", facts, row.recorded_by, row.id)
        before[row.name] = row.value
    rates: dict[tuple[str, str | None, str], int | None] = {}
    terms = session.scalars(sa.select(Terms).where(Terms.shop_id == shop.id).order_by(Terms.recorded_at, Terms.version))
    for each in terms:
        key = (each.kind, each.creator_id, each.product_ref)
        if each.recorded_at >= since:
            told: dict[str, Any] = {
                "kind": each.kind, "product": each.product_ref, "before": rates.get(key), "after": each.rate_bp,
                "first": key not in rates, "starts": each.starts_at, "name": each.product_ref,
                "called_off": each.calls_off is not None,
            }  # fmt: skip
            yield Happening(each.recorded_at, "settings", "rate", told, each.recorded_by, each.id)
        if each.calls_off is None:
            rates[key] = each.rate_bp


# ------------------------------------------------------------------ acts

# Told from their own tables, with before and after.
_TOLD_ELSEWHERE = frozenset(
    {"shop.setting", "terms.open", "terms.withdraw", "terms.targeted", "terms.store", "terms.event", "terms.called_off"}
)


def _acts(session: Session, shop: Shop, since: datetime) -> Iterator[Happening]:
    rows = session.scalars(sa.select(AuditRow).where(AuditRow.shop_id == shop.id, AuditRow.at >= since))
    for row in rows:
        if row.act in _TOLD_ELSEWHERE:
            continue
        group: Group = "subscriptions" if row.act.startswith("webhooks.") else "staff"
        yield Happening(row.at, group, "act", {"act": row.act, **row.detail}, row.actor, row.subject)


# ------------------------------------------------------------------ deliveries


def _deliveries(session: Session, shop: Shop, since: datetime, zone: tzinfo) -> Iterator[Happening]:
    """A day's messages that came to nothing special as one happening a day; those that wait for somebody by reason."""
    hours = _by_hour(session, shop.id, since)
    quiet: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    last: dict[Any, datetime] = {}
    loud: dict[tuple[Any, str, str], list[tuple[datetime, int, str]]] = defaultdict(list)
    for row in hours:
        day = row.last_at.astimezone(zone).date()
        if row.status in QUIET:
            quiet[day][row.topic] += row.number
            last[day] = max(last.get(day, row.last_at), row.last_at)
        else:
            loud[(day, row.status, row.reason)].append((row.last_at, row.number, row.last_id))
    for day, topics in quiet.items():
        ranked = tuple(sorted(topics.items(), key=lambda each: -each[1]))
        facts = {"number": sum(topics.values()), "topics": ranked, "quiet": True, "day": day}
        yield Happening(last[day], "deliveries", "heard", facts)
    for (day, status, reason), parts in loud.items():
        at, _, newest = max(parts)
        facts = {"number": sum(number for _, number, _ in parts), "status": status, "reason": reason, "day": day}
        yield Happening(at, "deliveries", "stopped", facts, id=newest)
    yield from silences([(row.hour, row.number) for row in hours], since, clock.wall())


@dataclass(frozen=True, slots=True)
class _Hour:
    hour: datetime
    topic: str
    status: str
    reason: str
    number: int
    last_at: datetime
    last_id: str


def _by_hour(session: Session, shop_id: str, since: datetime) -> list[_Hour]:
    """Numbers an hour, topic and end: a shop with 100,000 messages a day is 24 rows a topic, not 100,000."""
    hour = _hour_of(session, DeliveryRow.received_at)
    query = (
        sa.select(
            hour, DeliveryRow.topic, DeliveryRow.status, DeliveryRow.reason, sa.func.count(),
            sa.func.max(DeliveryRow.received_at), sa.func.max(DeliveryRow.id),
        )
        .where(DeliveryRow.shop_id == shop_id, DeliveryRow.received_at >= since)
        .group_by(hour, DeliveryRow.topic, DeliveryRow.status, DeliveryRow.reason)
    )  # fmt: skip
    return [
        _Hour(datetime.fromisoformat(text).replace(tzinfo=UTC), topic, status, reason, int(number), last_at, last_id)
        for text, topic, status, reason, number, last_at, last_id in session.execute(query)
    ]


def _hour_of(session: Session, column: sa.orm.InstrumentedAttribute[datetime]) -> sa.ColumnElement[str]:
    """The hour of a moment in UTC, as text, on both databases."""
    if session.get_bind().dialect.name == "sqlite":
        return sa.func.strftime("%Y-%m-%dT%H:00:00", column, type_=sa.Text())
    return sa.func.to_char(sa.func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:00:00', type_=sa.Text())


def silences(hours: Sequence[tuple[datetime, int]], since: datetime, until: datetime) -> list[Happening]:
    """Spans in which nothing was heard although the same hours of other days bring `SILENCE` messages or more.

    A quiet night of a small shop is none; three hours at noon of a shop that sends twenty an hour are. Told only when
    the shop was heard on `LEAST_DAYS` days or more, since an hour has no usual number before.
    """
    heard: dict[datetime, int] = defaultdict(int)
    for hour, number in hours:
        heard[hour] += number
    days = {hour.date() for hour in heard}
    if len(days) < LEAST_DAYS:
        return []
    first = min(heard)
    whole = max(1, (until - first).days)
    usual: dict[int, float] = defaultdict(float)
    for hour, number in heard.items():
        usual[hour.hour] += number / whole
    found: list[Happening] = []
    start, missing = None, 0.0
    hour = max(first, since.replace(minute=0, second=0, microsecond=0))
    end = until.replace(minute=0, second=0, microsecond=0)  # the hour under way may still be heard
    while hour <= end:
        if hour < end and not heard.get(hour):
            start, missing = start or hour, missing + usual[hour.hour]
        else:
            if start is not None and missing >= SILENCE:
                facts = {"usual": round(missing), "open": hour >= end and not heard.get(hour), "lasted": hour - start}
                found.append(Happening(hour, "deliveries", "silence", facts, until=start))
            start, missing = None, 0.0
        hour += timedelta(hours=1)
    return found


@dataclass(frozen=True, slots=True)
class Silent:
    """A connected shop from which no order was heard for hours, though these hours usually bring some."""

    shop: Shop
    lasted: timedelta
    usual: int


def quiet_shops(session: Session, now: datetime | None = None, days: int = 8) -> list[Silent]:
    """Shops that are silent now, by the orders of the last days: `SILENCE` or more of them are missing."""
    now = now or clock.now()
    since = (now - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
    hour = _hour_of(session, Order.placed_at)
    rows = session.execute(
        sa.select(Order.shop_id, hour, sa.func.count())
        .join(Shop, Shop.id == Order.shop_id)
        .where(Shop.status == "connected", Order.placed_at >= since)
        .group_by(Order.shop_id, hour)
    )
    by_shop: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for shop_id, text, number in rows:
        by_shop[shop_id].append((datetime.fromisoformat(text).replace(tzinfo=UTC), int(number)))
    found: list[Silent] = []
    for shop_id, hours in by_shop.items():
        ends = [one for one in silences(hours, since, now) if one.facts["open"]]
        if ends:
            facts = ends[-1].facts
            found.append(Silent(session.get_one(Shop, shop_id), facts["lasted"], facts["usual"]))
    return sorted(found, key=lambda each: -each.usual)
