"""kill -9 where something is handed on: an event sent and not noted, a file without its job, a list half done."""

from __future__ import annotations

import io
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from standardwebhooks.webhooks import Webhook

from connector import clock, db, jobs, notices, outbound
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope, new_id
from connector.faces.console import imports as page
from connector.operations import rounds
from connector.operations.imports import run as imports
from connector.operations.imports.tables import Import
from connector.operations.telling import endpoints, gather, sending
from connector.operations.telling.tables import Attempt, Send
from connector.programme.collaborations import batches, terms
from connector.programme.collaborations.invitations import Invited
from connector.programme.collaborations.proposals import Proposal
from connector.programme.collaborations.tables import Negotiation, Offer, OfferBatchRow
from connector.programme.creators.tables import Creator, CreatorStatus
from tests.kills.dying import die, run
from tests.kills.harness import Workers, until

pytestmark = [pytest.mark.kill, pytest.mark.timeout(120)]
SYSTEM = Scope.system("test")
CREATORS = 1_000


@pytest.fixture
def shop_id(database: Database) -> str:
    return made_shop(database)


def made_shop(database: Database) -> str:
    db.use(database)
    then = datetime(2026, 11, 1, tzinfo=UTC)
    with db.write(SYSTEM) as session:
        shop = Shop(
            id=new_id("shp"), platform="shopify", domain="one.myshopify.com", name="Harbour & Pine", currency="EUR",
            installed_at=then, created_at=then,
        )  # fmt: skip
        session.add(shop)
        session.flush()
        terms.open_terms(session, shop.id, 1000, by="test", now=then)
        return shop.id


def killed(database: Database, stop: tuple[Any, str, str, int], act: Callable[[], object]) -> None:
    """`act` in a child that is killed at the stop."""
    url = database.url.render_as_string(hide_password=False)
    database.engine.dispose()  # nothing of this process's connections goes into the child

    def child() -> None:
        db.use(Database(url))
        die(*stop)
        act()

    assert run(child) == -signal.SIGKILL, stop[1:]


# An event --------------------------------------------------------------------------------------------------------


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    """The app's back end, which notes what it takes; it outlives whoever sends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.taken.append((dict(self.headers), body))  # type: ignore[attr-defined]
            self.send_response(204)
            self.end_headers()

        def log_message(self, *given: object) -> None: ...

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.taken = []  # type: ignore[attr-defined]
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setattr(outbound, "_current", outbound.Outbound(allow_private=True))
    yield made
    made.shutdown()
    made.server_close()


def test_an_event_whose_sender_was_killed_is_sent_again_under_its_own_id(
    database: Database, shop_id: str, app: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before it leaves, between the request and the note of it, and before that note is committed: the app hears
    of each event at least once, and by `webhook-id` exactly once, byte for byte the same."""
    url = f"http://127.0.0.1:{app.server_address[1]}/hook"
    taken: list[tuple[dict[str, str], bytes]] = app.taken  # type: ignore[attr-defined]
    with db.write(SYSTEM) as session:
        row, secret = endpoints.make(session, "back end", url, [], by="test")
        endpoint_id = row.id
    gather.gather()
    stops = ((sending, "_post", "before", 1), (sending, "settle", "before", 1), (sending, "settle", "after", 1))
    for number, stop in enumerate(stops, 1):
        with db.write(SYSTEM) as session:
            for each in range(3):
                notices.say(session, "invoice.issued", shop_id=shop_id, number=f"{number}.{each}")
        gather.gather()
        already = len(taken)
        killed(database, stop, lambda: sending.send_due("worker 1"))
        assert len(taken) - already == (0 if number == 1 else 3), "what the app heard of the killed one"
        with db.read(SYSTEM) as session:
            assert session.scalar(sa.select(sa.func.count()).where(Send.status == "waiting")) == 3, (
                "and nobody noted it"
            )
        assert sending.send_due("worker 2") == 0, "the dead worker's lease holds"
        with monkeypatch.context() as later:
            moment = clock.wall() + sending.LEASE + timedelta(seconds=1)
            later.setattr(clock, "wall", lambda moment=moment: moment)
            assert sending.send_due("worker 2") == 3
    heard: dict[str, set[bytes]] = {}
    # The receiver's clock goes with ours, which was set forward.
    at = lambda _self, text: datetime.fromtimestamp(int(text), UTC)  # noqa: E731
    monkeypatch.setattr(Webhook, "_Webhook__verify_timestamp", at)
    for headers, body in taken:
        Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})
        heard.setdefault(headers["webhook-id"], set()).add(body)
    assert len(taken) == 3 + 6 + 6
    assert (len(heard), {len(bodies) for bodies in heard.values()}) == (9, {1})
    with db.read(SYSTEM) as session:
        sends = session.execute(sa.select(Send.status, Send.attempts).where(Send.endpoint_id == endpoint_id)).all()
        assert Counter(map(tuple, sends)) == {("delivered", 1): 9}
        assert session.scalar(sa.select(sa.func.count()).select_from(Attempt)) == 9


# A file ----------------------------------------------------------------------------------------------------------


def test_a_file_whose_page_was_killed_before_its_job_is_read_and_one_that_was_cut_is_never_shown(
    database: Database, shop_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = imports.BATCH + 5
    text = "code,creator\n" + "".join(f"C{number},nobody\n" for number in range(rows))

    def bring() -> None:
        """What the console's page does with it."""
        import_id = imports.receive(
            io.BytesIO(text.encode()), kind="codes", shop_id=shop_id, file_name="codes.csv", by="staff:Ada"
        )
        page._job("imports.look", import_id, shop_id)

    killed(database, (page, "_job", "before", 1), bring)  # between its file and its job
    killed(database, (imports, "_columns", "before", rows - 1), bring)  # in the midst of its rows
    killed(database, (imports, "_judge_some", "after", 1), lambda: _read(shop_id))  # in the midst of the reading
    with db.read(SYSTEM) as session:
        [shown] = imports.newest(session)
        assert (shown.status, shown.rows) == ("looking", rows)
        assert imports.counts(session, shown.id) == {"unread": 5, "refused": imports.BATCH}
    asked: list[str] = []
    monkeypatch.setattr(jobs, "enqueue", lambda session, name, key, **given: asked.append(given["import_id"]))
    assert rounds.read_left_files(clock.now() + timedelta(minutes=1)) == 1, "the round of a minute later finds it"
    assert asked == [shown.id]
    imports.look_job(shown.id, shop_id)
    with db.read(SYSTEM) as session:
        assert imports.get(session, shown.id).status == "looked"
        assert imports.counts(session, shown.id) == {"refused": rows}
    with db.write(SYSTEM) as session:  # the half of one goes with what nobody took
        assert session.scalar(sa.select(sa.func.count()).select_from(Import)) == 2
        assert imports.forget_untaken(session, clock.now() + imports.KEPT) == 2


def _read(shop_id: str) -> None:
    with db.read(SYSTEM) as session:
        import_id = imports.left_unread(session, clock.now() + timedelta(minutes=1))[0][0]
    imports.judge_all(import_id, shop_id)


# A list ----------------------------------------------------------------------------------------------------------


def invited(shop_id: str, creators: int) -> str:
    """A list of that many creators that waits to be invited: the batch."""
    now = clock.now()
    people = [(new_id("crt"), f"c{number}") for number in range(creators)]
    plain = {"name": "C", "followers": 9000, "created_at": now}
    status = {"status": "active", "reason": "", "starts_at": now, "recorded_at": now}
    with db.write(SYSTEM) as session:
        session.execute(sa.insert(Creator), [{"id": each, "handle": handle, **plain} for each, handle in people])
        statuses = [{"id": new_id("cst"), "creator_id": each, **status} for each, _ in people]
        session.execute(sa.insert(CreatorStatus), statuses)
        rows = [Invited(number, handle) for number, (_, handle) in enumerate(people, 2)]
        given = Proposal(rate_bp=1500, ends_at=now + timedelta(days=60), expires_at=now + timedelta(days=7))
        batch = batches.invite(session, shop_id, rows, given, by="staff:Ada", now=now)
        batches.start(session, batch)
        return batch.id


def outcomes(batch_id: str) -> Counter[str]:
    with db.read(SYSTEM) as session:
        found = sa.select(OfferBatchRow.outcome, sa.func.count()).where(OfferBatchRow.batch_id == batch_id)
        return Counter(dict(map(tuple, session.execute(found.group_by(OfferBatchRow.outcome)).all())))


def each_once(shop_id: str, creators: int) -> None:
    """One negotiation, one offer and one notice for each creator."""
    with db.read(SYSTEM) as session:
        made = sa.select(sa.func.count(), sa.func.count(sa.distinct(Negotiation.creator_id)))
        assert tuple(session.execute(made.where(Negotiation.shop_id == shop_id)).one()) == (creators, creators)
        assert session.scalar(sa.select(sa.func.count()).select_from(Offer)) == creators
        said = sa.select(sa.func.count(), sa.func.count(sa.distinct(notices.Notice.creator_id)))
        told = said.where(notices.Notice.kind == "offer.made")
        assert tuple(session.execute(told).one()) == (creators, creators), "each is told once"


def test_a_list_that_was_killed_in_the_midst_makes_each_row_once(
    database: Database, shop_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(batches.AT_ONCE, "invite", 10)
    batch_id = invited(shop_id, 40)
    for stop, taken in (
        ((batches, "_some", "after", 2), 10),  # its rows are written, not committed
        ((batches, "_some", "before", 2), 20),
        ((batches, "_invite", "after", 1), 20),
        ((batches.negotiation, "begin_many", "after", 2), 30),  # … and not noted in the list yet
        ((batches.audit, "record", "before", 1 + 10), 40),  # all is made, the list isn't done
    ):
        killed(database, stop, lambda: batches.work(batch_id, shop_id))
        assert outcomes(batch_id)["taken"] == taken, stop[1:]
    batches.work(batch_id, shop_id)
    assert outcomes(batch_id) == {"taken": 40}
    each_once(shop_id, 40)


def test_a_list_of_a_real_worker_that_was_killed_goes_on(sqlite_database: Database, tmp_path: Path) -> None:
    """`connector worker`, stopped and killed -9 in the midst of a list. That the next worker takes over a dead one's
    jobs is what `test_sync_kills` shows, and starting one takes seconds: what the job does then is done here."""
    shop_id = made_shop(sqlite_database)
    batch_id = invited(shop_id, CREATORS)
    workers = Workers(sqlite_database, 1, tmp_path)
    try:
        victim = workers.start()
        until(lambda: outcomes(batch_id)["taken"] > 0, 60, f"the first rows\n{workers.logs()}", every=0.002)
        workers.freeze(victim)
        middle = outcomes(batch_id)
        assert 0 < middle["taken"] < CREATORS, middle
        workers.kill(victim)
        batches.work(batch_id, shop_id)
    finally:
        workers.stop()
    assert outcomes(batch_id) == {"taken": CREATORS}
    each_once(shop_id, CREATORS)
