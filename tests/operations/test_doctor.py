"""The doctor names what is off and what to do, changes nothing, and goes on where one look fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy.orm import Session

from connector import clock, db, jobs, vault
from connector.commerce.shops.tables import ApiBudget, GrantRow, Shop
from connector.config import Settings
from connector.db import Database, new_id
from connector.earnings.attribution.tables import DueForPin
from connector.earnings.payouts.tables import PayoutBatch
from connector.migrations import run
from connector.operations import doctor, rekey
from connector.platforms import roster
from connector.platforms.shopify.settings import ShopifySettings
from connector.sync.tables import DailyProof, Reconciliation, SyncRun
from connector.webhooks.tables import DeliveryRow, RejectedCount, WantedRead
from tests.attribution.world import World, app_settings
from tests.conftest import KEY
from tests.operations.days import SYSTEM

HOUR = timedelta(hours=1)


@pytest.fixture
def settings() -> Settings:
    return app_settings()


@pytest.fixture
def well(sqlite_world: World) -> World:
    return make_well(sqlite_world)


def make_well(world: World) -> World:
    """An installation that nothing is wrong with: a worker lives, the shop was compared this morning. Its database is
    opened as the product opens it, and not as tests do, who need no durable commits."""
    world.database = db.use(Database(world.database.url.render_as_string(hide_password=False)))
    jobs.prepare(world.database)
    now = clock.wall()
    with world.database.write(SYSTEM) as session:
        session.add(jobs.WorkerSlot(slot="worker-1", owner="me", until=now + HOUR, taken_at=now))
        session.add(
            Reconciliation(id="rec_1", shop_id=world.shop_id, since=now, started_at=now - HOUR, missing=[], gaps=[],
                           status="done")
        )  # fmt: skip
        session.add(
            GrantRow(shop_id=world.shop_id, access_sealed=vault.current().seal("shpat_x"), renewed_at=now,
                     refresh_expires_at=now + timedelta(days=60))
        )  # fmt: skip
    return world


def found(settings: Settings) -> list[tuple[str, str]]:
    return [(finding.severity, finding.check) for finding in doctor.examine(settings, newest=run.newest())]


def delivery(world: World, **changes: object) -> DeliveryRow:
    fields = {
        "id": new_id("dlv"), "platform": "plain", "domain": "one.plain.example", "shop_id": world.shop_id,
        "topic": "orders/paid", "received_at": clock.wall(), "headers": {}, "body_hash": "h", "body_size": 1,
        "status": "waiting",
    }  # fmt: skip
    return DeliveryRow(**(fields | changes))


def no_worker(session: Session, world: World) -> None:
    session.execute(sa.update(jobs.WorkerSlot).values(until=clock.wall() - HOUR))


def an_old_delivery(session: Session, world: World) -> None:
    session.add(delivery(world, received_at=clock.wall() - HOUR))


def a_parked_delivery(session: Session, world: World) -> None:
    session.add(delivery(world, status="parked", reason="unknown_store"))


def wrong_signatures(session: Session, world: World) -> None:
    session.add(RejectedCount(platform="plain", day=clock.wall().date().isoformat(), reason="bad_signature", count=3))


def a_read_that_fails(session: Session, world: World) -> None:
    session.add(
        WantedRead(
            id="wnt_1", shop_id=world.shop_id, kind="order", ref="1", why="stub", wanted_at=clock.wall(), tries=4
        )
    )


def a_lost_grant(session: Session, world: World) -> None:
    session.execute(sa.update(Shop).values(status="needs_reconnect", status_reason="grant_lost"))


def an_ending_grant(session: Session, world: World) -> None:
    session.execute(sa.update(GrantRow).values(refresh_expires_at=clock.wall() + HOUR))


def another_currency(session: Session, world: World) -> None:
    session.execute(sa.update(Shop).values(currency_before="USD", currency_changed_at=clock.now()))


def another_api_version(session: Session, world: World) -> None:
    now = clock.wall()
    session.add(
        ApiBudget(shop_id=world.shop_id, available=0, maximum=0, restore_rate=0, flights=[], heard_at=now,
                  served_version="2026-01", served_at=now - HOUR)
    )  # fmt: skip


def a_key_dropped(session: Session, world: World) -> None:
    sealed = Fernet(Fernet.generate_key()).encrypt(b"shpat_x").decode()
    session.execute(sa.update(GrantRow).values(access_sealed=sealed))


def no_comparison(session: Session, world: World) -> None:
    session.execute(sa.update(Reconciliation).values(started_at=clock.wall() - timedelta(days=3)))


def gaps(session: Session, world: World) -> None:
    session.execute(sa.update(Reconciliation).values(status="gaps", gaps=[{"order": "#1", "why": "refused"}]))


def a_failed_sync(session: Session, world: World) -> None:
    session.add(
        SyncRun(id="run_1", shop_id=world.shop_id, kind="full", trigger="joined", status="failed", problem="file cut",
                queued_at=clock.wall())
    )  # fmt: skip


def a_pin_overdue(session: Session, world: World) -> None:
    session.add(DueForPin(order_id="ord_1", shop_id=world.shop_id, pin_at=clock.now() - 3 * HOUR))


def a_batch_forgotten(session: Session, world: World) -> None:
    session.add(
        PayoutBatch(id="bat_1", key="k", rail="csv", currency="EUR", status="prepared", rows=1, total=1,
                    prepared_at=clock.now() - timedelta(days=9), prepared_by="test")
    )  # fmt: skip


def a_platform_gone(session: Session, world: World) -> None:
    session.execute(sa.update(Shop).values(platform="vanished"))


def a_currency_without_thresholds(session: Session, world: World) -> None:
    session.execute(sa.update(Shop).values(currency="JPY"))


def an_older_schema(session: Session, world: World) -> None:
    session.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))


AILMENTS: list[tuple[Callable[[Session, World], None], tuple[str, str]]] = [
    (no_worker, ("mend", "worker")),
    (an_old_delivery, ("mend", "worker")),
    (a_parked_delivery, ("look", "deliveries")),
    (wrong_signatures, ("look", "deliveries")),
    (a_read_that_fails, ("look", "deliveries")),
    (a_lost_grant, ("mend", "shops")),
    (an_ending_grant, ("look", "shops")),
    (another_currency, ("mend", "shops")),
    (another_api_version, ("mend", "permissions")),
    (a_key_dropped, ("mend", "keys")),
    (no_comparison, ("look", "reconciliation")),
    (gaps, ("look", "reconciliation")),
    (a_failed_sync, ("look", "sync")),
    (a_pin_overdue, ("look", "money")),
    (a_batch_forgotten, ("look", "money")),
    (a_platform_gone, ("mend", "platforms")),
    (a_currency_without_thresholds, ("look", "samples")),
    (an_older_schema, ("mend", "version")),
]


def test_a_well_installation_has_no_finding_and_an_ill_one_has_them_all(world: World, settings: Settings) -> None:
    make_well(world)
    assert found(settings) == []
    # A shop has one status, and nothing is known of what a platform that is gone was asked for.
    apart = (an_ending_grant, a_lost_grant, another_api_version)
    together = [one for one in AILMENTS if one[0] not in apart]
    with world.database.write(SYSTEM) as session:
        for ail, _ in together:
            ail(session, world)
    assert set(found(settings)) == {finding for _, finding in together}


@pytest.mark.parametrize(("ail", "finding"), AILMENTS)
def test_each_ailment_is_found_and_has_a_remedy(
    well: World, settings: Settings, ail: Callable[[Session, World], None], finding: tuple[str, str]
) -> None:
    with well.database.write(SYSTEM) as session:
        ail(session, well)
    findings = doctor.examine(settings, newest=run.newest())
    assert [(one.severity, one.check) for one in findings] == [finding]
    assert findings[0].what
    assert findings[0].remedy


def test_the_urgent_comes_first(well: World, settings: Settings) -> None:
    with well.database.write(SYSTEM) as session:
        a_parked_delivery(session, well)
        no_worker(session, well)
    assert found(settings) == [("mend", "worker"), ("look", "deliveries")]


def test_an_empty_database_is_one_remedy_not_a_stack(settings: Settings, tmp_path: Path) -> None:
    database = db.use(Database(f"sqlite:///{tmp_path / 'empty.db'}"))
    findings = doctor.examine(settings, newest=run.newest())
    database.close()
    assert findings[0].check == "version"
    assert "connector migrate" in findings[0].remedy
    assert all("SELECT" not in finding.what for finding in findings)


def test_a_shifted_clock_is_named(well: World, settings: Settings, tmp_path: Path) -> None:
    offset = tmp_path / "offset"
    offset.write_text("864000")
    clock.use_offset_file(offset)
    assert ("look", "clock") in found(settings)


def test_a_rotation_is_followed_step_by_step(well: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two secrets at the platform, and two sealing keys: the doctor names the next step, and then is still."""
    old, new = KEY, Fernet.generate_key().decode()
    shopify = ShopifySettings(
        client_id="x", client_secret=SecretStr("new"), client_secret_previous=SecretStr("old"), _env_file=None
    )  # type: ignore[call-arg]
    plain = roster.settings_of
    monkeypatch.setattr(roster, "settings_of", lambda _slug: shopify)

    def said(*keys: str) -> list[str]:
        vault.use(vault.Vault(keys, "a hash key that is used by tests only, 32+"))
        chosen = app_settings(sealing_keys=",".join(keys))
        return [one.what for one in doctor.examine(chosen, newest=run.newest()) if one.check in ("keys", "platforms")]

    secret, older = said(new, old)
    assert "CLIENT_SECRET_PREVIOUS" in secret
    assert older == "1 of 1 sealed values that were tried are under an older key"
    # A process that still runs with the new key behind the old one opens what the others seal: nobody is shut out.
    assert vault.Vault([old, new], "h" * 32).open(vault.Vault([new, old], "h" * 32).seal("x")) == b"x"
    assert rekey.reseal().grants_written == 1
    assert said(new, old)[1].startswith("2 sealing keys are live, and nothing")
    monkeypatch.setattr(roster, "settings_of", plain)
    assert said(new) == []


def test_scopes_that_a_shop_did_not_grant_are_named(well: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shopify = ShopifySettings(client_id="x", client_secret=SecretStr("new"), _env_file=None)  # type: ignore[call-arg]
    monkeypatch.setattr(roster, "settings_of", lambda _slug: shopify)
    with well.database.write(SYSTEM) as session:
        session.execute(sa.update(GrantRow).values(scopes="read_products write_orders"))
    named = [one.what for one in doctor.examine(app_settings(), newest=run.newest()) if one.check == "permissions"]
    assert named == ["one.plain.example did not grant read_fulfillments"]


def test_days_that_stay_unproved_are_named(well: World) -> None:
    def named() -> list[str]:
        return [one.what for one in doctor.examine(app_settings(), newest=run.newest()) if one.check == "proofs"]

    now = clock.now()
    with well.database.write(SYSTEM) as session:
        for back, status in ((1, "gaps"), (3, "gaps"), (4, "failed"), (5, "proved")):
            session.add(
                DailyProof(
                    shop_id=well.shop_id, day=f"2026-11-{20 - back}", time_zone="UTC", status=status, problem="",
                    starts_at=now - timedelta(days=back + 1), ends_at=now - timedelta(days=back) + timedelta(hours=1),
                    tried_at=now, proved_at=None, tries=1, at_store=1, seen=0, evaluated=0, fetched=0, gaps=[],
                    store_ids_hash="", our_ids_hash="", store_versions_hash="", our_versions_hash="",
                )
            )  # fmt: skip
    assert named() == ["2 days of one.plain.example are not proved, the first is 2026-11-16"]
