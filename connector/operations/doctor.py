"""What is off with this installation, and what to do about it.

Each check looks at one thing and returns findings; nothing is changed. `mend` is for what stops work or loses something
if it stays; `look` is for what a person should know of. A check that can't run (the database is away, a table is
missing) becomes a finding itself, and the others go on.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from connector import clock, db, jobs, vault
from connector.commerce.shops import connect, queries, scopes
from connector.commerce.shops.tables import ApiBudget, GrantRow, Shop
from connector.config import Settings
from connector.db import Database, Scope
from connector.earnings.attribution import queries as attribution
from connector.earnings.attribution.tables import DueForPin
from connector.earnings.ledger import running
from connector.earnings.payouts import queries as payouts
from connector.earnings.payouts.tables import PayoutBatch
from connector.earnings.settlement import queries as settlement
from connector.errors import ConfigurationWrong, ConnectorError
from connector.insight.market import index
from connector.operations.privacy import requests as privacy
from connector.platforms import roster
from connector.programme.samples import policy as samples
from connector.sync.tables import DailyProof, Reconciliation, SyncRun
from connector.webhooks.tables import DeliveryRow, RejectedCount, WantedRead

Severity = Literal["mend", "look"]
SAMPLE = 200  # sealed values that are opened to see whether the keys fit
LATE = timedelta(minutes=2)  # a delivery that waits longer is worth a look
STUCK = timedelta(minutes=15)
SEALED_WITHIN = timedelta(hours=1)
QUIET = timedelta(hours=6)  # a worker compares each shop every hour
SKEW = timedelta(seconds=30)
VERSION_LIFE = timedelta(days=330)  # of the twelve months that Shopify serves a version
LEAST_FREE = 500_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is off: which check says so, what it is, what to do, and how urgent."""

    severity: Severity
    check: str
    what: str
    remedy: str


def examine(settings: Settings, *, newest: str = "") -> list[Finding]:
    """Run every check against the process's database; findings, the urgent ones first.

    `newest` is the migration that the database should stand at; "" leaves that out.
    """
    database = db.current()
    found = list(_version(database, newest)) if newest else []
    for name, check in CHECKS.items():
        try:
            found.extend(check(settings, database))
        except (SQLAlchemyError, ConnectorError, OSError) as error:
            remedy = "Mend what the findings above name; if there are none, read the message."
            found.append(Finding("mend", name, f"this could not be looked at: {_first_line(error)}", remedy))
    return sorted(found, key=lambda finding: finding.severity != "mend")


def _version(database: Database, newest: str) -> Iterator[Finding]:
    try:
        with database.engine.connect() as connection:
            version = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    except SQLAlchemyError as error:
        what = f"the database doesn't answer, or was never migrated: {_first_line(error)}"
        yield Finding("mend", "version", what, "Check CONNECTOR_DATABASE_URL, then run `connector migrate`.")
        return
    if version != newest:
        what = f"the database is at {version}, this version of the code wants {newest}"
        yield Finding("mend", "version", what, "Run `connector migrate`.")


def _platforms(settings: Settings, database: Database) -> Iterator[Finding]:
    with _reading(database) as session:
        rows = session.execute(sa.select(Shop.platform, sa.func.count()).group_by(Shop.platform))
        joined = {slug: int(count) for slug, count in rows}
    for slug in roster.platforms():
        count = joined.pop(slug, 0)
        severity: Severity = "mend" if count else "look"
        try:
            own = roster.settings_of(slug)
        except ConfigurationWrong as wrong:
            what = f"{wrong.setting} {wrong.problem}; {count} shops are on {slug}"
            yield Finding(severity, "platforms", what, wrong.remedy or "Set it, then start again.")
            continue
        prefix = str(type(own).model_config.get("env_prefix", "")).upper()
        for name in ("client_id", "client_secret"):
            value = getattr(own, name, None)
            if value is not None and not (value.get_secret_value() if isinstance(value, SecretStr) else value):
                what = f"{prefix}{name.upper()} is empty: no shop can join by {slug}; {count} shops are on it"
                yield Finding(
                    severity, "platforms", what, "Take it from the app's page at the platform, then start again."
                )
        yield from _rotation(own, prefix)
    for slug, count in joined.items():
        what = f"{count} shops are on {slug}, and no such platform is installed"
        yield Finding("mend", "platforms", what, "Install its package again, or let the shops leave.")


def _rotation(own: object, prefix: str) -> Iterator[Finding]:
    """A secret that rotates, and an API version that runs out."""
    before = getattr(own, "client_secret_previous", None)
    if isinstance(before, SecretStr) and before.get_secret_value():
        what = f"{prefix}CLIENT_SECRET_PREVIOUS is set: what either secret signed is taken"
        remedy = "Empty it an hour after the new secret is the only one at the platform, then start again."
        yield Finding("look", "platforms", what, remedy)
    version = str(getattr(own, "api_version", ""))
    if re.fullmatch(r"20\d\d-\d\d", version):
        age = clock.wall().date() - datetime.strptime(version, "%Y-%m").replace(tzinfo=UTC).date()
        if age > VERSION_LIFE:
            what = f"{prefix}API_VERSION {version} is {age.days} days old; a version is served for a year"
            yield Finding("look", "platforms", what, "Read the platform's notes, then raise it: shapes may have moved.")


def _schema(settings: Settings, database: Database) -> Iterator[Finding]:
    tables = set(sa.inspect(database.engine).get_table_names())
    known = set(db.Base.metadata.tables)
    missing = sorted(known - tables)
    if missing:
        what = f"{len(missing)} of our tables are missing, {missing[0]} among them"
        yield Finding("mend", "schema", what, "Run `connector migrate`.")
    inspector = sa.inspect(database.engine)
    theirs = tables if database.is_sqlite else set(inspector.get_table_names(schema="dbos"))
    if not jobs.their_tables() <= theirs:
        yield Finding("mend", "schema", "the tables of the durable jobs are missing", "Run `connector migrate`.")


def _sqlite(settings: Settings, database: Database) -> Iterator[Finding]:
    if not database.is_sqlite:
        return
    with database.engine.connect() as connection:
        mode = str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())
        synchronous = int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())
        problem = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
    if mode != "wal":
        what = f"the journal mode of SQLite is {mode}, not WAL"
        yield Finding("mend", "sqlite", what, "Put the file on a local disk: WAL doesn't work over a network.")
    if synchronous < 2:
        yield Finding(
            "mend", "sqlite", "SQLite doesn't sync at each commit", "Something set PRAGMA synchronous: undo it."
        )
    if problem != "ok":
        yield Finding("mend", "sqlite", f"the file is damaged: {problem}", "Stop everything and restore a backup.")


def _disk(settings: Settings, database: Database) -> Iterator[Finding]:
    if not database.is_sqlite or not database.url.database:
        return
    folder = Path(database.url.database).resolve().parent
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        what = f"{free // 1_000_000} MB are free in {folder}"
        yield Finding("mend", "disk", what, "Make room: SQLite stops writing when the disk is full.")


def _clock(settings: Settings, database: Database) -> Iterator[Finding]:
    if not database.is_sqlite:
        with database.engine.connect() as connection:
            theirs: datetime = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
        skew = abs(clock.wall() - theirs.astimezone(UTC))
        if skew > SKEW:
            what = f"this machine and the database differ by {int(skew.total_seconds())} seconds"
            yield Finding(
                "mend", "clock", what, "Let both follow a time server: leases and token expiry go by the clock."
            )
    shift = clock.now() - clock.wall()
    if abs(shift) > SKEW:
        what = f"business time is shifted by {_span(shift)}"
        yield Finding("look", "clock", what, "This is the demo's clock; remove CONNECTOR_CLOCK_FILE to end it.")


def _keys(settings: Settings, database: Database) -> Iterator[Finding]:
    """The live sealing keys open what is stored: all grants, and the oldest bodies, which the oldest key sealed."""
    with _reading(database) as session:
        grants = session.scalars(sa.select(GrantRow.access_sealed).limit(SAMPLE)).all()
        kept = DeliveryRow.body_sealed
        bodies = session.scalars(sa.select(kept).where(kept.is_not(None)).order_by(DeliveryRow.id).limit(20)).all()
    yield from _older_keys(settings, [*grants, *(body for body in bodies if body)])
    for name, sealed in (("shops' tokens", grants), ("kept bodies", bodies)):
        shut = sum(not _opens(value) for value in sealed if value)
        if shut:
            what = f"no key opens {shut} of {len(sealed)} {name} that were tried"
            yield Finding(
                "mend", "keys", what, "Put the earlier key back into CONNECTOR_SEALING_KEYS, after the newest."
            )


def _older_keys(settings: Settings, sealed: Sequence[str]) -> Iterator[Finding]:
    """A rotation of the sealing keys, and the step that comes next."""
    if len(settings.keys()) < 2:
        return
    older = sum(not vault.current().is_newest(value) for value in sealed)
    if older:
        what = f"{older} of {len(sealed)} sealed values that were tried are under an older key"
        remedy = "Once every process runs with the new key in front: `connector keys reseal`."
    else:
        what = f"{len(settings.keys())} sealing keys are live, and nothing that was tried needs an older one"
        remedy = "Run `connector keys reseal` once more; when it seals nothing anew, drop the older keys."
    yield Finding("look", "keys", what, remedy)


def _permissions(settings: Settings, database: Database) -> Iterator[Finding]:
    """What shops did not grant, tokens that the platform will refuse, and answers of another API version."""
    with _reading(database) as session:
        rows = session.execute(
            sa.select(Shop, GrantRow, ApiBudget)
            .join(GrantRow, GrantRow.shop_id == Shop.id)
            .join(ApiBudget, ApiBudget.shop_id == Shop.id, isouter=True)
            .where(Shop.status == "connected")
            .order_by(Shop.domain)
        ).all()
        changed = [(shop.domain, connect.currency_sentence(shop)) for shop in queries.of_changed_currency(session)]
    for shop, grant, budget in rows:
        try:
            own = roster.settings_of(shop.platform)
        except ConnectorError:
            continue  # said under "platforms"
        if lacks := scopes.missing(scopes.asked(own), grant.scopes.split()):
            what = f"{shop.domain} did not grant {', '.join(lacks)}"
            yield Finding("look", "permissions", what, "Its page of permissions says what that costs, and how to give.")
        if grant.expires_at is None and grant.refresh_sealed is None and roster.platform(shop.platform).can("embedded"):
            what = f"the token of {shop.domain} never expires: Shopify refuses such tokens from 2027-01-01 on"
            yield Finding("look", "permissions", what, "Ask the merchant to connect again; the new token is renewed.")
        asked, today = str(getattr(own, "api_version", "")), clock.wall() - timedelta(days=1)
        served = budget.served_version if budget and budget.served_at and budget.served_at > today else asked
        if served != asked:
            what = f"{shop.domain} answered API version {served}, we asked for {asked}"
            yield Finding("mend", "permissions", what, "Raise the platform's API_VERSION: shapes may have moved.")
    for domain, sentence in changed:
        remedy = (
            f"Talk to the merchant, then accept it in the console or run `connector shop accept-currency {domain}`."
        )
        yield Finding("mend", "shops", f"{domain}: {sentence}", remedy)


def _shops(settings: Settings, database: Database) -> Iterator[Finding]:
    soon = clock.wall() + timedelta(days=3)
    with _reading(database) as session:
        lost = session.execute(
            sa.select(Shop.domain, Shop.status_reason).where(Shop.status == "needs_reconnect").order_by(Shop.domain)
        ).all()
        ending = session.execute(
            sa.select(Shop.domain, GrantRow.refresh_expires_at)
            .join(GrantRow, GrantRow.shop_id == Shop.id)
            .where(Shop.status == "connected", GrantRow.refresh_expires_at < soon)
            .order_by(GrantRow.refresh_expires_at)
        ).all()
    for domain, reason in lost:
        what = f"{domain} must be reconnected ({reason or 'its permission is gone'})"
        yield Finding("mend", "shops", what, "Ask the merchant to open the app in the store's admin once.")
    for domain, until in ending:
        what = f"the permission of {domain} ends at {until} unless it is renewed"
        yield Finding("look", "shops", what, "A running worker renews it; if it stays, ask the merchant to reconnect.")


def _worker(settings: Settings, database: Database) -> Iterator[Finding]:
    now = clock.wall()
    with _reading(database) as session:
        slots = session.scalars(sa.select(jobs.WorkerSlot)).all()
        alive = [slot for slot in slots if slot.until > now]
        waiting = sa.select(sa.func.count(), sa.func.min(DeliveryRow.received_at)).where(
            DeliveryRow.status == "waiting"
        )
        number, oldest = session.execute(waiting).one()
    if not alive:
        last = max((slot.until for slot in slots), default=None)
        since = f"; the last one was heard of at {last.isoformat(timespec='seconds')}" if last else ""
        yield Finding("mend", "worker", f"no worker is alive{since}", "Start `connector worker`.")
    if number and now - oldest > LATE:
        severity: Severity = "mend" if now - oldest > STUCK else "look"
        what = f"{number} deliveries wait, the oldest for {_span(now - oldest)}"
        yield Finding(severity, "worker", what, "Look at the worker's log; start more workers (PostgreSQL).")


def _stranded(settings: Settings, database: Database) -> Iterator[Finding]:
    found = jobs.stranded(database, settings.application_version)
    for version in sorted({job.version for job in found}):
        names = sorted({job.name for job in found if job.version == version})
        what = f"{sum(job.version == version for job in found)} jobs of version {version} wait: {', '.join(names)}"
        remedy = f"Run one worker with CONNECTOR_APPLICATION_VERSION={version} until they are done."
        yield Finding("mend", "jobs", what, remedy)


def _sealed(settings: Settings, database: Database) -> Iterator[Finding]:
    """An entry is sealed within seconds of its booking: one that waits long has no worker, or a writer hangs."""
    with _reading(database) as session:
        since = running.waiting_since(session)
    if since is not None and clock.now() - since > SEALED_WITHIN:
        what = f"entries of the ledger wait for their seal since {since:%Y-%m-%d %H:%M} UTC"
        remedy = "See that a worker runs; on PostgreSQL look for a transaction that hangs (pg_stat_activity)."
        yield Finding("look", "ledger", what, remedy)


def _privacy(settings: Settings, database: Database) -> Iterator[Finding]:
    with _reading(database) as session:
        past, soon = privacy.overdue(session)
    remedy = "`connector privacy list` names them; `connector privacy show` says what holds one up."
    if past:
        yield Finding("mend", "privacy", f"{past} privacy requests are past their deadline of 30 days", remedy)
    if soon:
        yield Finding("look", "privacy", f"{soon} privacy requests are due within a week", remedy)


def _deliveries(settings: Settings, database: Database) -> Iterator[Finding]:
    with _reading(database) as session:
        parked = session.execute(
            sa.select(DeliveryRow.status, DeliveryRow.reason, sa.func.count(), sa.func.min(DeliveryRow.received_at))
            .where(DeliveryRow.status.in_(("parked", "failed", "quarantined")))
            .group_by(DeliveryRow.status, DeliveryRow.reason)
            .order_by(sa.func.count().desc())
        ).all()
        reads = session.execute(
            sa.select(sa.func.count(), sa.func.max(WantedRead.tries)).where(WantedRead.tries >= 3)
        ).one()
        today = clock.wall().date()
        days = [today.isoformat(), (today - timedelta(days=1)).isoformat()]
        rejected = session.execute(
            sa.select(RejectedCount.platform, RejectedCount.reason, sa.func.sum(RejectedCount.count))
            .where(RejectedCount.day.in_(days))
            .group_by(RejectedCount.platform, RejectedCount.reason)
        ).all()
    for status, reason, number, oldest in parked:
        what = f"{number} deliveries are {status} ({reason or 'no reason kept'}), the oldest of {oldest:%Y-%m-%d}"
        remedy = f"Look at them in the console; then `connector replay --status {status} --reason {reason}`."
        if status == "quarantined":
            remedy = "Look at each in the console: release it to its shop, or put it aside, with a reason."
        yield Finding("look", "deliveries", what, remedy)
    if reads[0]:
        what = f"{reads[0]} orders or products could not be read from their store, up to {reads[1]} times"
        yield Finding("look", "deliveries", what, "See the shop's page: its store may be away or refuse us.")
    for slug, reason, number in rejected:
        what = f"{int(number)} deliveries of {slug} were refused since yesterday ({reason})"
        remedy = "Someone is knocking, or the app's secret changed: compare it with the platform's settings."
        yield Finding("look", "deliveries", what, remedy)


def _reconciled(settings: Settings, database: Database) -> Iterator[Finding]:
    since = clock.now() - QUIET
    last = (
        sa.select(Reconciliation.shop_id, sa.func.max(Reconciliation.started_at).label("at"))
        .group_by(Reconciliation.shop_id)
        .subquery()
    )
    newest = (
        sa.select(Shop.domain, Shop.installed_at, Reconciliation)
        .join(last, last.c.shop_id == Shop.id, isouter=True)
        .join(
            Reconciliation,
            sa.and_(Reconciliation.shop_id == Shop.id, Reconciliation.started_at == last.c.at),
            isouter=True,
        )
        .where(Shop.status == "connected")
        .order_by(Shop.domain)
    )
    with _reading(database) as session:
        for domain, installed_at, row in session.execute(newest):
            if row is not None and row.status in ("gaps", "failed"):
                problem = row.problem or f"{len(row.gaps)} gaps"
                what = f"the last comparison with {domain} ended with {row.status}: {problem}"
                yield Finding(
                    "look", "reconciliation", what, "Run `connector reconcile`; the shop's page names the gaps."
                )
            if (row.started_at if row is not None else installed_at) < since:
                what = f"{domain} wasn't compared with its store for more than {_span(QUIET)}"
                yield Finding(
                    "look", "reconciliation", what, "A running worker does it hourly; or run `connector reconcile`."
                )


def _proved(settings: Settings, database: Database) -> Iterator[Finding]:
    """Days whose orders don't add up, though a worker tried for a day to mend them."""
    open_days = (
        sa.select(Shop.domain, sa.func.count(), sa.func.min(DailyProof.day))
        .join(DailyProof, DailyProof.shop_id == Shop.id)
        .where(DailyProof.status != "proved", DailyProof.ends_at < clock.now() - timedelta(days=1))
        .group_by(Shop.domain)
        .order_by(Shop.domain)
    )
    with _reading(database) as session:
        for domain, number, first in session.execute(open_days):
            what = f"{number} days of {domain} are not proved, the first is {first}"
            yield Finding(
                "look", "proofs", what, "`connector proof` names the orders; the console says why each differs."
            )


def _runs(settings: Settings, database: Database) -> Iterator[Finding]:
    silent = clock.now() - STUCK
    with _reading(database) as session:
        newest = sa.select(sa.func.max(SyncRun.id)).where(SyncRun.kind == "full").group_by(SyncRun.shop_id)
        query = sa.select(SyncRun, Shop.domain).join(Shop, Shop.id == SyncRun.shop_id).where(SyncRun.id.in_(newest))
        for run, domain in session.execute(query.order_by(Shop.domain)):
            if run.status == "failed":
                what = f"the last catalog sync of {domain} failed: {run.problem}"
                yield Finding("look", "sync", what, "Start it again on the shop's page.")
            elif run.status in ("running", "waiting") and (run.heard_at or run.queued_at) < silent:
                what = f"the catalog sync of {domain} is silent since {(run.heard_at or run.queued_at).isoformat()}"
                yield Finding("look", "sync", what, "A living worker takes it over; if none is alive, start one.")


def _money(settings: Settings, database: Database) -> Iterator[Finding]:
    now = clock.now()
    with _reading(database) as session:
        drift = session.scalar(sa.select(sa.func.count()).where(attribution.DRIFTED)) or 0
        unknown = payouts.unknown_count(session)
        late = session.scalar(sa.select(sa.func.count()).where(DueForPin.pin_at < now - settlement.PATIENCE)) or 0
        stalled = settlement.stalled(session, now, limit=1000)
        prepared = session.execute(
            sa.select(PayoutBatch.id, PayoutBatch.status, PayoutBatch.prepared_at).where(
                PayoutBatch.status.not_in(("paid", "finished", "refused")),
                PayoutBatch.rows > 0,
                PayoutBatch.prepared_at < now - timedelta(days=7),
            )
        ).all()
    if drift:
        what = f"{drift} final decisions would be made otherwise now (decision_changed)"
        yield Finding("look", "money", what, "`connector audit` names them; nothing was booked about it.")
    if late:
        what = f"{late} orders wait to have their decision made final"
        yield Finding("look", "money", what, "A running worker does it; or run `connector pin`.")
    for reason in sorted({line.reason for line in stalled}):
        lines = [line for line in stalled if line.reason == reason]
        what = f"{len(lines)} lines are stalled ({reason}), the longest since {lines[0].since:%Y-%m-%d}"
        remedy = (
            "Run `connector clear`." if reason == "not_cleared_yet" else "`connector trace` shows what each waits for."
        )
        yield Finding("look", "money", what, remedy)
    for batch_id, status, prepared_at in prepared:
        what = f"payout batch {batch_id} is {status} since {prepared_at:%Y-%m-%d}"
        remedy = "Say what became of it: `connector payout sent`, `connector payout paid`, `connector payout outcomes`."
        if status == "awaiting":
            remedy = "A second person from finance approves it in the console, or calls it off."
        yield Finding("look", "money", what, remedy)
    if unknown:
        what = f"{unknown} payouts have an outcome that nobody knows"
        yield Finding("look", "money", what, "`connector payout ask`, or look at the bank: Unknown transfers.")


def _search(settings: Settings, database: Database) -> Iterator[Finding]:
    with _reading(database) as session:
        behind = index.lag(session)
    if behind.since is not None and clock.wall() - behind.since > STUCK:
        what = f"{behind.waiting} changed listings wait for the search index, the oldest for "
        remedy = "Look at the worker's log for `index changed listings`; `connector search follow` does it here."
        yield Finding("look", "search", what + _span(clock.wall() - behind.since), remedy)


def _samples(settings: Settings, database: Database) -> Iterator[Finding]:
    """Sales in a currency that no threshold names lift nobody: a person says at which sums they do."""
    with _reading(database) as session:
        named = samples.at(session, clock.now()).numbers.thresholds
        sold = sa.select(Shop.currency).where(Shop.status == "connected", Shop.currency != "").distinct()
        unnamed = sorted(currency for currency in session.scalars(sold) if currency not in named)
    if unnamed:
        what = f"sales in {', '.join(unnamed)} lift no creator's number of samples: the policy names no sums in it"
        remedy = f"connector samples change threshold.{unnamed[0]}=LOWER,HIGHER --why … (minor units)"
        yield Finding("look", "samples", what, f"`{remedy}`.")


CHECKS: dict[str, Callable[[Settings, Database], Iterator[Finding]]] = {
    "schema": _schema,
    "sqlite": _sqlite,
    "disk": _disk,
    "clock": _clock,
    "platforms": _platforms,
    "keys": _keys,
    "worker": _worker,
    "jobs": _stranded,
    "shops": _shops,
    "permissions": _permissions,
    "deliveries": _deliveries,
    "privacy": _privacy,
    "reconciliation": _reconciled,
    "proofs": _proved,
    "sync": _runs,
    "search": _search,
    "samples": _samples,
    "money": _money,
    "ledger": _sealed,
}


def _reading(database: Database) -> AbstractContextManager[Session]:
    return database.read(Scope.system("the doctor looks at the whole installation"))


def _opens(sealed: str) -> bool:
    try:
        vault.current().open(sealed)
    except ConfigurationWrong:
        return False
    return True


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if abs(seconds) >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"


def _first_line(error: Exception) -> str:
    # SQLAlchemy's messages quote the statement and its parameters: only the driver's own sentence is shown.
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().splitlines()[0][:200] if str(cause).strip() else type(cause).__name__
