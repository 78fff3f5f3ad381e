"""The first page: is anything wrong, and whose turn is it? One sentence, the exceptions, then their figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask import current_app, url_for
from sqlalchemy.orm import Session

from connector import clock, db, jobs
from connector.commerce.orders.tables import Order
from connector.commerce.shops import connect
from connector.commerce.shops.tables import GrantRow, Shop
from connector.config import Settings
from connector.db import Scope
from connector.earnings.attribution import queries
from connector.earnings.attribution.rules import APPEAL
from connector.earnings.attribution.tables import Act, DecisionRow
from connector.earnings.commission.tables import Clearance, Freeze
from connector.earnings.payouts.tables import PayoutBatch
from connector.earnings.settlement import queries as settlement
from connector.faces.console import checks
from connector.faces.console.face import WHY, blueprint
from connector.insight.market import index
from connector.operations import programme_health, standing, timeline
from connector.operations.privacy import requests as privacy
from connector.operations.programme_health import Health
from connector.operations.standing import Check, Checked
from connector.operations.telling import queries as telling
from connector.platforms import roster
from connector.sync.tables import DailyProof, Reconciliation, SyncRun
from connector.web import moments, platform_words, sample_words, words
from connector.web.amounts import plain
from connector.web.guards import staff
from connector.web.layout import page
from connector.web.progress import SILENT_AFTER
from connector.web.words import Badge, Kind
from connector.webhooks import heard
from connector.webhooks.tables import DeliveryRow, RejectedCount

BEHIND = timedelta(seconds=60)
INDEX_BEHIND = timedelta(minutes=5)
# Parked deliveries that go on by themselves: in the inbox's figures, and nobody's task.
SETTLES_ITSELF = ("parked_orphan", "unknown_store", "store_disconnected")
_WEIGHT = {"bad": 0, "warn": 1, "hold": 2, "info": 3}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One exception: what and why, who must act, what they do, and where to look."""

    badge: Badge
    text: str
    who: str  # merchant | staff | finance | operator
    url: str
    remedy: str = ""
    name: str = ""  # the shop that it is about


@dataclass(slots=True)
class Inbox:
    by_status: dict[str, int] = field(default_factory=dict)
    oldest: datetime | None = None  # of those that wait
    rejected_today: int = 0


@dataclass(frozen=True, slots=True)
class Workers:
    alive: int
    heard: datetime | None
    stranded: int


@dataclass(frozen=True, slots=True)
class ProofLine:
    shop: Shop
    pass_: Reconciliation | None


@blueprint.get("", strict_slashes=False)
@staff("support")
def health() -> str:
    now = clock.wall()
    settings: Settings = current_app.config["CONNECTOR"]
    with db.read(Scope.system(WHY)) as session:
        inbox = read_inbox(session, now)
        workers = read_workers(session, now, settings)
        proofs = read_proofs(session)
        looked, looked_ago = checks.newest(session)
        stalled = settlement.stalled(session, clock.now(), limit=standing.MOST)
        lag = index.lag(session)
        running = programme_health.read(session)
        troubles = sorted(
            (
                *_of_shops(session, now),
                *_of_hooks(session),
                *_of_inbox(session, inbox, workers, now),
                *_of_runs(session, clock.now()),
                *_of_proofs(proofs),
                *_of_days(session),
                *_of_privacy(session),
                *_of_money(session),
                *_of_checks(looked, stalled),
                *_of_index(lag, now),
                *_of_endpoints(session, now),
                *_of_programme(running, now),
            ),
            key=lambda trouble: _WEIGHT.get(trouble.badge.kind, 9),
        )
    return page(
        "console/health.html", troubles=troubles, inbox=inbox, workers=workers, proofs=proofs, now=now,
        sentence=_sentence(len(troubles), now), about=checks.ABOUT, looked=looked, lag=lag, stalled=stalled,
        running=running, looked_ago=moments.lasting(timedelta(seconds=looked_ago)),
    )  # fmt: skip


def _sentence(troubles: int, now: datetime) -> str:
    at = moments.hour(now)[:5]
    if troubles == 0:
        return f"Everything is well, {at}."
    things = "1 thing needs someone" if troubles == 1 else f"{troubles} things need someone"
    return f"{things}. Everything else is well, {at}."


def read_inbox(session: Session, now: datetime) -> Inbox:
    found = Inbox()
    for status, number in session.execute(sa.select(DeliveryRow.status, sa.func.count()).group_by(DeliveryRow.status)):
        found.by_status[status] = int(number)
    found.oldest = session.scalar(
        sa.select(sa.func.min(DeliveryRow.received_at)).where(DeliveryRow.status == "waiting")
    )
    found.rejected_today = int(
        session.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(RejectedCount.count), 0)).where(
                RejectedCount.day == now.date().isoformat()
            )
        )
        or 0
    )
    return found


def read_workers(session: Session, now: datetime, settings: Settings) -> Workers:
    slots = session.scalars(sa.select(jobs.WorkerSlot).where(jobs.WorkerSlot.until > now)).all()
    heard = max((slot.taken_at for slot in slots), default=None)
    return Workers(len(slots), heard, len(jobs.stranded(db.current(), settings.application_version)))


def read_proofs(session: Session) -> list[ProofLine]:
    """Each shop that is not gone with its newest reconciliation."""
    newest = (
        sa.select(Reconciliation.shop_id, sa.func.max(Reconciliation.started_at).label("at"))
        .group_by(Reconciliation.shop_id)
        .subquery()
    )
    rows = session.execute(
        sa.select(Reconciliation).join(
            newest, sa.and_(Reconciliation.shop_id == newest.c.shop_id, Reconciliation.started_at == newest.c.at)
        )
    ).scalars()
    by_shop = {row.shop_id: row for row in rows}
    shops = session.scalars(sa.select(Shop).where(Shop.status != "left").order_by(Shop.name, Shop.id)).all()
    return [ProofLine(shop, by_shop.get(shop.id)) for shop in shops]


def _of_shops(session: Session, now: datetime) -> Iterator[Trouble]:
    for shop in session.scalars(sa.select(Shop).where(Shop.status == "needs_reconnect").order_by(Shop.name)):
        yield Trouble(
            words.status("shop", shop.status), shop.status_detail or "Its permission is gone.", "merchant",
            _shop_url(shop.id),
            f"{platform_words.comeback(shop.platform)} No order is lost: we fetch them afterwards.", _name(shop),
        )  # fmt: skip
    soon = sa.select(Shop, GrantRow).join(GrantRow, GrantRow.shop_id == Shop.id)
    for shop, grant in session.execute(
        soon.where(Shop.status == "connected", GrantRow.refresh_expires_at < now + timedelta(days=7))
    ):
        if grant.refresh_expires_at is not None:
            yield Trouble(
                Badge("warn", "Needs you"), f"its permission ends {moments.ago(grant.refresh_expires_at, wall=True)}.",
                "merchant", _shop_url(shop.id),
                "A living worker renews it by itself; if this stays, the merchant opens the app in the store once.",
                _name(shop),
            )  # fmt: skip
    changed = sa.select(Shop).where(Shop.currency_changed_at.is_not(None)).order_by(Shop.name)
    for shop in session.scalars(changed):
        yield Trouble(
            Badge("hold", "Waits"), connect.currency_sentence(shop), "finance",
            url_for("console.currency", shop_id=shop.id), "Ask the merchant whether they meant it, then accept it.",
            _name(shop),
        )  # fmt: skip
    for silent in timeline.quiet_shops(session):
        text = f"no order for {moments.lasting(silent.lasted)}; about {silent.usual:,} are usual in these hours."
        yield Trouble(
            Badge("warn", "Silent"), text, "staff",
            url_for("console.timeline", shop_id=silent.shop.id, only="deliveries", days=7),
            "See whether messages still come and whether the store sells; the next comparison fetches what was missed.",
            _name(silent.shop),
        )  # fmt: skip


def _of_hooks(session: Session) -> Iterator[Trouble]:
    """Shops that post to an address of their own, whose orders come by polling alone: nothing is lost, all is late."""
    apart = [each.slug for each in roster.platforms().values() if each.can("shop_secrets")]
    if not apart:
        return
    shops = sa.select(Shop).where(Shop.status == "connected", Shop.platform.in_(apart)).order_by(Shop.name)
    for shop in session.scalars(shops):
        found = heard.of(session, shop.id)
        if found.state not in ("never", "silent"):
            continue
        plugin = roster.platform(shop.platform).can("plugin")
        since = f"since {moments.ago(found.delivery, wall=True)}" if found.delivery is not None else "ever"
        yield Trouble(
            words.status("hook", found.state), f"orders come by polling, and no message of the store {since}.",
            "merchant" if plugin else "staff", _shop_url(shop.id),
            "The merchant compares the plug-in's address and secret with those under Setup, Connection."
            if plugin else "A firewall at the store may stop its messages; the next comparison subscribes again.",
            _name(shop),
        )  # fmt: skip


def _name(shop: Shop) -> str:
    return shop.name or shop.domain


def _of_checks(looked: Mapping[Check, Checked], stalled: Sequence[settlement.Stalled]) -> Iterator[Trouble]:
    """The standing checks with something to look at; each leads to its list."""
    kinds: dict[str, tuple[Kind, str]] = {
        "missed": ("warn", "staff"), "duplicates": ("bad", "finance"), "gaps": ("info", "staff"),
        "stuck": ("warn", "finance"),
    }  # fmt: skip
    for name, done in looked.items():
        if not done.open:
            continue
        kind, who = kinds[name]
        number = f"{done.open:,} or more" if done.cut else f"{done.open:,}"
        most = sorted(_open_reasons(done).items(), key=lambda each: -each[1])[0][0]
        text = f"{checks.ABOUT[done.check].title}: {number}, most often this: {words.reason(most, 'support')}."
        yield Trouble(
            Badge(kind, "To look at"), text, who, url_for("console.check", name=name), words.staff_do(most)
        )  # fmt: skip
    held = [line for line in stalled if line.reason != "no_delivery_signal"]
    if held:
        lines = "1 line stands" if len(held) == 1 else f"{len(held):,} lines stand"
        text = f"{lines} still though the hold is over, the longest for {moments.lasting(clock.now() - held[0].since)}."
        remedy = "Each line says what it waits for; `connector clear` clears what is merely late."
        yield Trouble(Badge("warn", "Stalled"), text, "finance", url_for("console.stalled"), remedy)


def _open_reasons(done: Checked) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in done.findings:
        if not one.explained:
            found[one.reason] = found.get(one.reason, 0) + 1
    return found


def _of_index(lag: index.Lag, now: datetime) -> Iterator[Trouble]:
    if lag.since is not None and now - lag.since > INDEX_BEHIND:
        behind = moments.lasting(now - lag.since)
        text = f"Search is {behind} behind the catalogs: {lag.waiting:,} changed products wait for a worker."
        remedy = "A living worker catches up by itself; if it doesn't, start one more (PostgreSQL) or look at its log."
        yield Trouble(Badge("warn", "Waiting"), text, "operator", url_for("console.runs"), remedy)


def _of_inbox(session: Session, inbox: Inbox, workers: Workers, now: datetime) -> Iterator[Trouble]:
    waiting = inbox.by_status.get("waiting", 0)
    if workers.alive == 0:
        text = "No worker is alive: deliveries wait and runs stand still."
        url = url_for("console.inbox", status="waiting")
        yield Trouble(Badge("bad", "Failed"), text, "operator", url, "Start `connector worker`.")
    elif inbox.oldest is not None and now - inbox.oldest > BEHIND:
        text = f"{waiting:,} deliveries wait, the oldest {moments.lasting(now - inbox.oldest)}. Workers are behind."
        url = url_for("console.inbox", status="waiting")
        yield Trouble(Badge("warn", "Waiting"), text, "operator", url, "Start more workers, or look at their log.")
    if workers.stranded:
        text = f"{workers.stranded} jobs belong to an earlier version and will not run."
        remedy = "`connector doctor` lists them: run one worker of that version until they are done."
        yield Trouble(Badge("bad", "Failed"), text, "operator", url_for("console.runs"), remedy)
    rows = session.execute(
        sa.select(DeliveryRow.status, DeliveryRow.reason, sa.func.count())
        .where(DeliveryRow.status.in_(("failed", "parked")), DeliveryRow.reason.not_in(SETTLES_ITSELF))
        .group_by(DeliveryRow.status, DeliveryRow.reason)
        .order_by(sa.func.count().desc())
    )
    for status, reason, number in rows:
        what = words.reason(reason, "support") if reason else "No reason was written down"
        text = f"{_deliveries(int(number))}: {what}."
        url = url_for("console.inbox", status=status, reason=reason or None)
        remedy = "Look at one of them; after a fix, replay all of this filter. Nothing of them is lost."
        yield Trouble(words.status("delivery", status), text, "staff", url, remedy)


def _deliveries(number: int) -> str:
    return "1 delivery" if number == 1 else f"{number:,} deliveries"


def _of_runs(session: Session, now: datetime) -> Iterator[Trouble]:
    newest = sa.select(SyncRun.shop_id, sa.func.max(SyncRun.queued_at).label("at")).group_by(SyncRun.shop_id).subquery()
    rows = session.execute(
        sa.select(SyncRun, Shop)
        .join(newest, sa.and_(SyncRun.shop_id == newest.c.shop_id, SyncRun.queued_at == newest.c.at))
        .join(Shop, Shop.id == SyncRun.shop_id)
        .where(Shop.status != "left")
    )
    for run, shop in rows:
        url = url_for("console.run", run_id=run.id)

        def trouble(badge: Badge, text: str, who: str, remedy: str, url: str = url, shop: Shop = shop) -> Trouble:
            return Trouble(badge, text, who, url, remedy, _name(shop))

        if run.status == "failed":
            why = run.problem.rstrip(".")
            yield trouble(
                words.status("run", "failed"), f"the last sync failed: {why}.", "staff",
                "Nothing was removed. Start it again; if it fails twice alike, an engineer looks.",
            )  # fmt: skip
        elif run.status == "asks":
            yield trouble(
                words.status("run", "asks"), f"a sync asks before it goes on. {run.problem}", "staff",
                "Look at the store and at a dry run, then let it go on or leave it.",
            )  # fmt: skip
        elif run.status == "refusals":
            yield trouble(
                words.status("run", "refusals"), f"{_products(run.refused)} could not be taken in at the last sync.",
                "merchant", "The run lists them by cause, each with what the merchant does at the store.",
            )  # fmt: skip
        elif run.status == "running" and run.heard_at is not None and now - run.heard_at > SILENT_AFTER:
            silent = moments.lasting(now - run.heard_at)
            yield trouble(
                Badge("warn", "Running"), f"a sync has been silent for {silent}.", "operator",
                "If its worker is gone, another takes over within a minute. See that one is alive.",
            )  # fmt: skip


def _products(number: int) -> str:
    return "1 product" if number == 1 else f"{number:,} products"


def _of_proofs(proofs: Sequence[ProofLine]) -> Iterator[Trouble]:
    for line in proofs:
        if line.pass_ is None or line.pass_.status not in ("gaps", "failed"):
            continue
        gaps = len(line.pass_.gaps)
        orders = "1 order" if gaps == 1 else f"{gaps} orders"
        what = f"{orders} at the store not taken in" if line.pass_.status == "gaps" else line.pass_.problem
        yield Trouble(
            words.status("proof", line.pass_.status), f"{what.rstrip('.')}.", "staff",
            _shop_url(line.shop.id) + "#proofs",
            "The shop's page names each; the next comparison tries again by itself.", _name(line.shop),
        )  # fmt: skip


def _of_days(session: Session) -> Iterator[Trouble]:
    """Days that are over and not proved, a line a shop."""
    rows = session.execute(
        sa.select(Shop, sa.func.count(), sa.func.min(DailyProof.day))
        .join(DailyProof, DailyProof.shop_id == Shop.id)
        .where(DailyProof.status != "proved", Shop.status != "left")
        .group_by(Shop.id)
        .order_by(Shop.name)
    )
    for shop, number, first in rows:
        days = f"the orders of {first}" if number == 1 else f"the orders of {number} days, the first {first},"
        yield Trouble(
            words.status("day", "gaps"), f"{days} don't add up yet.", "staff",
            url_for("console.proofs", shop=shop.id, only="open"),
            "Each order that differs is named there; the day is compared again by itself.", _name(shop),
        )  # fmt: skip


def _of_privacy(session: Session) -> Iterator[Trouble]:
    """Requests whose deadline has passed or is near: the law gives thirty days."""
    past, soon = privacy.overdue(session)
    url, remedy = url_for("console.privacy", view="late"), "Each request says what it waits for and what answers it."
    if past:
        said = "1 privacy request is" if past == 1 else f"{past:,} privacy requests are"
        yield Trouble(Badge("bad", "Overdue"), f"{said} past the deadline and not answered.", "staff", url, remedy)
    if soon:
        said = "1 privacy request has its deadline" if soon == 1 else f"{soon:,} privacy requests have their deadlines"
        yield Trouble(Badge("warn", "Due soon"), f"{said} within a week.", "staff", url, remedy)


def _of_money(session: Session) -> Iterator[Trouble]:
    drifted = session.scalar(sa.select(sa.func.count(sa.distinct(DecisionRow.order_id))).where(queries.DRIFTED))
    if drifted:
        orders = "1 order" if drifted == 1 else f"{drifted} orders"
        text = f"{orders} would be decided otherwise now. Nothing was posted."
        yield Trouble(
            words.status("money", "frozen"), text, "finance", url_for("console.orders", flag="drift"),
            "The order's page says what would differ; only a recorded act changes a pinned decision.",
        )  # fmt: skip
    yield from _of_deciding(session)
    yield from _of_payouts(session)
    blocked = session.scalar(
        sa.select(sa.func.count(sa.distinct(Clearance.order_id))).where(
            Clearance.state == "open", Clearance.blocked.contains("refund_amount_unknown")
        )
    )
    if blocked:
        orders = "1 order waits" if blocked == 1 else f"{blocked} orders wait"
        text = f"{orders} for the amount of a refund that the store did not give."
        yield Trouble(
            words.status("money", "frozen"), text, "finance", url_for("console.orders", flag="unknown_refund"),
            "Ask the merchant for the amount and enter it; the line clears by itself then.",
        )  # fmt: skip


def _of_payouts(session: Session) -> Iterator[Trouble]:
    """Batches that wait for a second person; a transfer that nobody knows of is a standing check's."""
    waiting = session.scalars(sa.select(PayoutBatch).where(PayoutBatch.status == "awaiting").limit(standing.MOST)).all()
    if waiting:
        text = f"{len(waiting)} payout batches wait for a second person to approve them."
        url = url_for("console.payouts", status="awaiting")
        if len(waiting) == 1:
            text = (
                f"A payout batch of {plain(waiting[0].total, waiting[0].currency, 'code')} waits for a second person."
            )
            url = url_for("console.batch", batch_id=waiting[0].id)
        yield Trouble(
            words.status("payout", "awaiting"), text, "finance", url,
            "Somebody else than who prepared it approves it or refuses it; nothing leaves before.",
        )  # fmt: skip


def _of_deciding(session: Session) -> Iterator[Trouble]:
    """Orders that a person must look at, and acts that wait for a second person."""
    over = sa.case((Order.placed_at < clock.now() - APPEAL, DecisionRow.order_id))
    under_review, late = session.execute(
        sa.select(sa.func.count(sa.distinct(DecisionRow.order_id)), sa.func.count(sa.distinct(over)))
        .join(Order, Order.id == DecisionRow.order_id)
        .where(queries.UNDER_REVIEW)
    ).one()
    if under_review:
        orders = "1 order is" if under_review == 1 else f"{under_review} orders are"
        past = f" {late} past the creator's time to explain." if late else ""
        yield Trouble(
            words.status("money", "frozen"),
            f"{orders} under review: the buyer may be the creator, or one tap is used by many.{past}",
            "finance",
            url_for("console.reviews"),
            "Pass or refuse each; it doesn't clear before somebody has.",
        )
    still = sa.select(sa.func.count()).select_from(Freeze).where(Freeze.ended_at.is_(None))
    decide = session.scalar(still.where(sa.or_(Freeze.appeal_until <= clock.now(), Freeze.appealed_at.is_not(None))))
    if decide:
        said = "1 freeze waits" if decide == 1 else f"{decide} freezes wait"
        yield Trouble(
            words.status("money", "frozen"), f"{said} for a decision: an appeal came, or its time is over.", "finance",
            url_for("console.freezes"), "Lift it, or forfeit what should be taken away; the rest ends on its date.",
        )  # fmt: skip
    waiting = session.scalar(sa.select(sa.func.count()).select_from(Act).where(Act.state == "proposed"))
    if waiting:
        said = "1 act waits" if waiting == 1 else f"{waiting} acts wait"
        yield Trouble(
            words.status("act", "proposed"), f"{said} for a second person.", "finance", url_for("console.reviews"),
            "Look at what it would do now, then approve or refuse it.",
        )  # fmt: skip


def _of_programme(running: Health, now: datetime) -> Iterator[Trouble]:
    """What merchants and creators say against the rules' outcome, samples that are stuck, rounds that are behind."""
    waiting = running.appeals["rules"] + running.appeals["breaches"]
    if waiting:
        said = "1 appeal waits" if waiting == 1 else f"{waiting:,} appeals wait"
        yield Trouble(
            words.status("refusal", "appealed"), f"{said} for an answer: a product is kept out, or a breach counts.",
            "staff", url_for("console.rules"), "Decide each with a reason; whoever appealed reads it.",
        )  # fmt: skip
    if number := running.appeals["samples"]:
        said = "1 creator says" if number == 1 else f"{number:,} creators say"
        yield Trouble(
            words.status("sample", "appealed"), f"{said} why no content came of a sample.", "staff",
            url_for("console.samples", show="appeals"), "Decide each with a reason; the creator and the shop read it.",
        )  # fmt: skip
    for why, stuck in running.stuck.items():
        if stuck and why != "refused":  # what the store refused is the shop's to put right, and stands on its pages
            said = "1 sample" if stuck == 1 else f"{stuck:,} samples"
            text, remedy = sample_words.STUCK[why]
            yield Trouble(
                Badge("warn", "Stuck"), f"{said}: {words.lowered(text)}.", "staff",
                url_for("console.samples", show="stuck"), remedy,
            )  # fmt: skip
    for behind, what, url in (
        (running.screening, "products wait to be screened by the rules", url_for("console.rules")),
        (running.telling, "notices wait to be told to the app", url_for("console.endpoints")),
    ):
        if behind.since is not None and now - behind.since > INDEX_BEHIND:
            text = f"{_some(behind.waiting)} {what}, the oldest {moments.lasting(now - behind.since)}."
            remedy = "A living worker catches up by itself; if it doesn't, look at its log."
            yield Trouble(Badge("warn", "Waiting"), text, "operator", url, remedy)


def _some(number: int) -> str:
    return f"{number:,} or more" if number >= programme_health.MOST else f"{number:,}"


def _of_endpoints(session: Session, now: datetime) -> Iterator[Trouble]:
    """Where the app should hear of events and doesn't."""
    for row in telling.troubled(session):
        url = url_for("console.endpoint", endpoint_id=row.id)
        if row.status == "off":
            why = "it said that it is gone" if row.off_why == "gone" else "it took nothing for three days"
            yield Trouble(
                words.status("endpoint", "switched_off"), f"events for the app are kept and not sent: {why}.",
                "operator", url, "See that it answers, then switch it on: what was kept leaves then.", row.name,
            )  # fmt: skip
        elif row.failing_since is not None and now - row.failing_since > BEHIND * 10:
            yield Trouble(
                words.status("endpoint", "failing"),
                f"the app has taken no event for {moments.lasting(now - row.failing_since)}.",
                "operator", url, "Its page has each attempt; they go on for three days.", row.name,
            )  # fmt: skip


def _shop_url(shop_id: str) -> str:
    return url_for("console.shop", shop_id=shop_id)
