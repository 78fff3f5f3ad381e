"""Renewal of a shop's grant: under contention, with a crash in the middle, and when it is lost for good."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from connector import clock, db
from connector.commerce.shops import connect, grants, queries
from connector.commerce.shops.tables import GrantRow
from connector.db import Database, Scope
from connector.errors import GrantLost, PlatformBusy, PlatformDown, PlatformError
from connector.events import ShopProfile
from connector.platforms import roster
from connector.platforms.contract import Client, Grant

PROFILE = ShopProfile(
    shop_ref="1", domain="sample-shop.myshopify.com", name="Sample", currency="USD", time_zone="Europe/Madrid"
)


class Store:
    """A token endpoint with Shopify's rule: a refresh token stays good until the one it was traded for is used."""

    def __init__(self) -> None:
        self.calls = 0
        self.parent: dict[str, str] = {}  # refresh token → the one it was traded for
        self.dead: set[str] = set()
        self.delay = 0.0
        self.asked = threading.Event()
        self.answers = threading.Event()  # cleared: a renewal waits at the store
        self.answers.set()
        self.down = False
        self.trouble: PlatformError = PlatformDown("no answer")
        self.lock = threading.Lock()

    def renew(self, domain: str, grant: Grant, settings: Any, http: Any, now: Any) -> Grant:
        self.asked.set()
        assert self.answers.wait(60)
        time.sleep(self.delay)
        with self.lock:
            self.calls += 1
            if self.down:
                raise self.trouble
            used = grant.refresh_token or ""
            if used in self.dead:
                raise GrantLost(f"{domain}: refused", fatal=True)
            if used in self.parent:
                self.dead.add(self.parent[used])
            fresh = f"refresh-{self.calls}"
            self.parent[fresh] = used
            return Grant(f"access-{self.calls}", fresh, ("read_orders",), now + timedelta(hours=1))


class _Platform:
    def __init__(self, store: Store) -> None:
        self.authorize = store


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    store = Store()
    monkeypatch.setattr(roster, "platforms", lambda: {"shopify": _Platform(store)})
    monkeypatch.setattr(roster, "settings_of", lambda _slug: object())
    return store


@pytest.fixture
def joined(database: Database) -> Callable[[timedelta | None], str]:
    def join(life: timedelta | None) -> str:
        expires = None if life is None else clock.wall() + life
        with db.write(Scope.system("test")) as session:
            return connect.connect(session, "shopify", PROFILE, Grant("access-0", "refresh-0", (), expires)).id

    return join


def row(shop_id: str) -> GrantRow:
    with db.read(Scope.shop(shop_id)) as session:
        found = session.get_one(GrantRow, shop_id)
        session.expunge(found)
        return found


def status(shop_id: str) -> tuple[str, str]:
    with db.read(Scope.shop(shop_id)) as session:
        shop = queries.get(session, shop_id)
        return shop.status, shop.status_reason


def test_a_live_token_is_used_as_it_is(joined: Callable[..., str], store: Store) -> None:
    shop_id = joined(timedelta(minutes=6))
    assert grants.client_for(shop_id, http=NOTHING).grant.access_token == "access-0"
    assert store.calls == 0


def test_a_token_that_never_expires_is_never_renewed(joined: Callable[..., str], store: Store) -> None:
    assert grants.client_for(joined(None), http=NOTHING).grant.access_token == "access-0"
    assert store.calls == 0


def test_it_is_renewed_before_it_runs_out_and_nothing_lies_open(joined: Callable[..., str], store: Store) -> None:
    shop_id = joined(timedelta(minutes=4))
    client = grants.client_for(shop_id, http=NOTHING)
    assert client.grant.access_token == "access-1"
    held = row(shop_id)
    assert held.previous_refresh_sealed is not None
    assert held.lease_owner is None
    for sealed in (held.access_sealed, held.refresh_sealed, held.previous_refresh_sealed):
        assert sealed is not None
        assert "access-" not in sealed
        assert "refresh-" not in sealed
    assert "access-1" not in repr(client)
    assert grants.client_for(shop_id, http=NOTHING).grant.access_token == "access-1"
    assert store.calls == 1


def test_eight_at_expiry_make_one_renewal(joined: Callable[..., str], store: Store) -> None:
    shop_id = joined(timedelta(seconds=-1))
    store.delay = 0.2
    found: list[str] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        found.append(grants.client_for(shop_id, http=NOTHING).grant.access_token)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["access-1"] * 8
    assert store.calls == 1


def test_while_one_renews_the_others_use_a_token_that_still_lives(joined: Callable[..., str], store: Store) -> None:
    shop_id = joined(timedelta(minutes=2))
    store.answers.clear()
    renewing = threading.Thread(target=grants.client_for, args=(shop_id, NOTHING))
    renewing.start()
    assert store.asked.wait(60)
    # The store has not answered yet, so who waited for it would wait here for ever.
    assert grants.client_for(shop_id, http=NOTHING).grant.access_token == "access-0"
    store.answers.set()
    renewing.join()
    assert store.calls == 1


def test_a_crash_between_answer_and_commit_loses_nothing(
    joined: Callable[..., str], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop_id = joined(timedelta(seconds=-1))

    class Killed(BaseException):
        pass

    def killed(*_args: Any) -> None:
        raise Killed

    with monkeypatch.context() as crash:
        crash.setattr(grants, "_write_down", killed)
        with pytest.raises(Killed):
            grants.client_for(shop_id, http=NOTHING)
    assert store.calls == 1
    assert row(shop_id).lease_owner is not None, "a killed process can't give its lease back"
    monkeypatch.setattr(clock, "wall", lambda now=clock.wall: now() + grants.LEASE + timedelta(seconds=1))
    assert grants.client_for(shop_id, http=NOTHING).grant.access_token == "access-2"
    assert store.parent == {"refresh-1": "refresh-0", "refresh-2": "refresh-0"}
    later = grants.client_for(shop_id, http=NOTHING)
    grants.keep_alive(shop_id, http=NOTHING)
    assert later.grant.access_token == "access-2"
    assert store.calls == 3


def test_the_token_before_is_tried_when_the_newest_is_refused(joined: Callable[..., str], store: Store) -> None:
    shop_id = joined(timedelta(minutes=1))
    grants.client_for(shop_id, http=NOTHING)
    store.dead.add("refresh-1")  # the platform never knew the pair that we stored
    grants.keep_alive(shop_id, http=NOTHING)
    assert store.parent["refresh-3" if "refresh-3" in store.parent else "refresh-2"] == "refresh-0"
    assert row(shop_id).generation == 3


def test_a_lost_grant_is_said_on_the_shop_and_nothing_more_is_sent(joined: Callable[..., str], store: Store) -> None:
    shop_id = joined(timedelta(seconds=-1))
    store.dead |= {"refresh-0"}
    with pytest.raises(GrantLost) as lost:
        grants.client_for(shop_id, http=NOTHING)
    assert lost.value.fatal
    with db.read(Scope.shop(shop_id)) as session:
        shop = queries.get(session, shop_id)
        assert (shop.status, shop.status_reason) == ("needs_reconnect", "grant_lost")
        assert not queries.has_good_grant(session, shop, clock.wall())
        assert queries.connected(session) == []
    sent = store.calls
    with pytest.raises(GrantLost):
        grants.client_for(shop_id, http=NOTHING)
    assert store.calls == sent


@pytest.mark.parametrize("trouble", [PlatformDown("no answer"), PlatformBusy("too many", retry_after=2)])
def test_a_platform_in_trouble_is_none_of_ours_while_the_token_lives(
    joined: Callable[..., str], store: Store, trouble: PlatformError
) -> None:
    store.down, store.trouble = True, trouble
    shop_id = joined(timedelta(minutes=2))
    assert grants.client_for(shop_id, http=NOTHING).grant.access_token == "access-0"
    assert row(shop_id).lease_owner is None


def test_a_platform_that_is_down_at_expiry_leaves_the_grant_as_it_was(joined: Callable[..., str], store: Store) -> None:
    store.down = True
    shop_id = joined(timedelta(seconds=-1))
    with pytest.raises(PlatformDown):
        grants.client_for(shop_id, http=NOTHING)
    store.down = False
    assert grants.client_for(shop_id, http=NOTHING).grant.access_token == "access-2"


def test_a_refused_token_is_renewed_once_for_all_who_were_refused(joined: Callable[..., str], store: Store) -> None:
    shop_id = joined(timedelta(hours=1))
    refused = grants.client_for(shop_id, http=NOTHING)
    assert grants.client_for(shop_id, http=NOTHING, refused=refused).grant.access_token == "access-1"
    assert grants.client_for(shop_id, http=NOTHING, refused=refused).grant.access_token == "access-1"
    assert store.calls == 1


def test_work_that_is_refused_is_done_again_with_a_renewed_token(joined: Callable[..., str], store: Store) -> None:
    shop_id = joined(timedelta(hours=1))
    used: list[str] = []

    def work(client: Client) -> str:
        used.append(client.grant.access_token)
        if len(used) == 1:
            raise GrantLost("401")
        return "done"

    assert grants.calling(shop_id, work, NOTHING) == "done"
    assert grants.calling(shop_id, work, NOTHING) == "done"
    assert used == ["access-0", "access-1", "access-1"]
    assert status(shop_id) == ("connected", "")


@pytest.mark.parametrize(("fatal", "times"), [(False, 2), (True, 1)])
def test_work_that_stays_refused_sends_the_merchant_back(
    joined: Callable[..., str], store: Store, fatal: bool, times: int
) -> None:
    shop_id = joined(timedelta(hours=1))
    tries: list[str] = []

    def work(client: Client) -> None:
        tries.append(client.grant.access_token)
        raise GrantLost("refused", fatal=fatal)

    with pytest.raises(GrantLost) as lost:
        grants.calling(shop_id, work, NOTHING)
    assert lost.value.fatal
    assert len(tries) == times
    assert status(shop_id) == ("needs_reconnect", "grant_lost")
    with pytest.raises(GrantLost):
        grants.calling(shop_id, work, NOTHING)
    assert len(tries) == times, "nothing more is sent"


def test_a_refusal_of_an_earlier_grant_does_not_spoil_a_new_one(joined: Callable[..., str], store: Store) -> None:
    shop_id = joined(timedelta(hours=1))

    def work(client: Client) -> None:
        with db.write(Scope.system("test")) as session:
            connect.connect(session, "shopify", PROFILE, Grant("access-joined", "refresh-joined"))
        raise GrantLost("refused", fatal=True)

    with pytest.raises(GrantLost):
        grants.calling(shop_id, work, NOTHING)
    assert status(shop_id) == ("connected", "")


def test_a_join_during_a_renewal_wins(joined: Callable[..., str], store: Store) -> None:
    shop_id = joined(timedelta(seconds=-1))
    store.answers.clear()
    found: list[str] = []
    renewing = threading.Thread(
        target=lambda: found.append(grants.client_for(shop_id, http=NOTHING).grant.access_token)
    )
    renewing.start()
    assert store.asked.wait(60)
    fresh = Grant("access-joined", "refresh-joined", (), clock.wall() + timedelta(hours=1))
    with db.write(Scope.system("test")) as session:
        connect.connect(session, "shopify", PROFILE, fresh)
    store.answers.set()
    renewing.join()
    assert found == ["access-joined"]
    assert grants.client_for(shop_id, http=NOTHING).grant.access_token == "access-joined"


def test_shops_left_alone_are_found_for_keeping_alive(joined: Callable[..., str], store: Store) -> None:
    shop_id = joined(timedelta(hours=1))
    with db.write(Scope.shop(shop_id)) as session:
        assert grants.idle(session) == []
        session.execute(sa.update(GrantRow).values(renewed_at=clock.wall() - timedelta(days=31)))
    with db.read(Scope.shop(shop_id)) as session:
        assert grants.idle(session) == [shop_id]
    grants.keep_alive(shop_id, http=NOTHING)
    with db.read(Scope.shop(shop_id)) as session:
        assert grants.idle(session) == []


class _Nothing:
    def send(self, *_args: Any, **_named: Any) -> Any:
        raise AssertionError("no request was to leave")


NOTHING = _Nothing()
