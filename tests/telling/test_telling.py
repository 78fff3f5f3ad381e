"""From the act to the app's endpoint and back into the console, with everything that goes wrong on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from standardwebhooks.webhooks import Webhook

from connector import clock, db, notices, outbound
from connector.earnings.settlement import clear
from connector.errors import Conflict, HostRefused, NotFound, PlatformDown
from connector.operations import sealing
from connector.operations.telling import catalogue, endpoints, gather, queries, replay, sending
from connector.operations.telling.tables import Attempt, ChainRead, Endpoint, Send, Told
from tests.settlement.books import SYSTEM, Books, utc

URL = "https://app.example/hook"


@dataclass
class App:
    """The app's back end: what it took, and what it says."""

    secrets: dict[str, str] = field(default_factory=dict)  # by host
    says: Callable[[dict[str, Any]], int] = lambda event: 204
    taken: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    retry_after: str = ""

    def send(self, method: str, url: str, *, headers: dict[str, str], body: bytes, **_: Any) -> Any:
        self.asked += 1
        event = Webhook(self.secrets[url]).verify(body, headers | {"webhook-timestamp": headers["webhook-timestamp"]})
        status = self.says(event)
        if status == 0:
            raise PlatformDown("app.example: no answer in time")
        if status == 1:
            raise HostRefused("the host's address isn't public")
        if 200 <= status < 300:
            self.taken.append(event)
        given = {"retry-after": self.retry_after} if self.retry_after else {}
        return type("Answer", (), {"status": status, "headers": given, "close": lambda self: None})()

    def permit(self, url: str) -> None: ...


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> App:
    made = App()
    monkeypatch.setattr(outbound, "current", lambda: made)
    # The receiver's own clock goes with ours.
    monkeypatch.setattr(
        Webhook, "_Webhook__verify_timestamp", lambda self, text: datetime.fromtimestamp(int(text), clock.wall().tzinfo)
    )
    return made


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    real, gone = clock.wall, [timedelta(0)]
    monkeypatch.setattr(clock, "wall", lambda: real() + gone[0])

    def later(span: timedelta) -> None:
        gone[0] += span

    return later


def listen(app: App, name: str = "app", url: str = URL, kinds: tuple[str, ...] = ()) -> str:
    with db.write(SYSTEM) as session:
        row, app.secrets[url] = endpoints.make(session, name, url, kinds, "test")
        return row.id


def say(kind: str, **detail: Any) -> None:
    with db.write(SYSTEM) as session:
        notices.say(session, kind, **detail)


def work() -> int:
    return gather.gather() + sending.send_due("worker")


def row_of(endpoint_id: str) -> Endpoint:
    with db.read(SYSTEM) as session:
        return queries.endpoint(session, endpoint_id)


def test_what_is_booked_and_said_reaches_the_app(books: Books, app: App) -> None:
    """Acts pay nothing: events are made of notices and of sealed entries; nothing from before the endpoint is told."""
    shop, creator = books.shop(), books.creator("mira")
    books.line(shop, creator, 300, clears_at=None)
    say("payee.changed", creator_id=creator, payee_id="pye_0", shown={}, secret="1234")
    sealing.seal_waiting(lambda: False)
    assert work() == 0  # nobody listens
    listen(app)
    line = books.line(shop, creator, 600, clears_at=utc("2026-11-05"))
    books.earn(line, -240, utc("2026-11-03"))
    say("payout.paid", creator_id=creator, shop_id=shop, payout_id="pay_1", amount=360, currency="USD")
    say("payee.changed", creator_id=creator, payee_id="pye_1", shown={"iban": "3000"}, secret="987654")
    work()
    assert [event["type"] for event in app.taken] == ["payout.made", "payee.changed"]  # not sealed yet
    with db.write(SYSTEM) as session:
        clear.clear_due(session, shop, utc("2026-11-06"))
    sealing.seal_waiting(lambda: False)
    while work():
        pass
    told = app.taken[2:]
    assert [(event["type"], event["data"]["amount"]) for event in told] == [
        ("order.attributed", 600), ("commission.changed", -240), ("commission.cleared", 360),
    ]  # fmt: skip
    assert all(catalogue.missing(event["type"], event["data"]) == [] for event in app.taken)
    assert {(event["data"]["order_id"], event["data"]["number"]) for event in told} == {(line.order_id, "#1")}
    numbers = [event["sequence"] for event in app.taken]
    assert numbers == sorted(set(numbers))
    assert "987654" not in str(app.taken)  # what is for the addressee alone stays in the notice
    with db.read(SYSTEM) as session:
        assert notices.secret(notices.get(session, app.taken[1]["notice_id"])) == "987654"
    assert work() == 0
    with db.write(SYSTEM) as session:  # the creator is erased
        assert sending.forget_about(session, creator) == 5
        assert [session.scalar(sa.select(sa.func.count()).select_from(table)) for table in (Told, Send, Attempt)] == [
            0
        ] * 3


def test_killed_between_send_and_mark_it_sends_again(
    books: Books, app: App, wall: Callable[[timedelta], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint_id = listen(app)
    say("freeze.ended", freeze_id="frz_1", how="lifted")
    gather.gather()
    with monkeypatch.context() as patch:
        patch.setattr(sending, "settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sending.send_due("killed")
    assert len(app.taken) == 1
    assert sending.send_due("another") == 0  # leased: nobody sends it twice while its worker may live
    wall(sending.LEASE + timedelta(seconds=1))
    assert sending.send_due("another") == 1
    assert app.taken[0] == app.taken[1]
    with db.read(SYSTEM) as session:
        assert [send.status for send in session.scalars(sa.select(Send))] == ["delivered"]
    assert row_of(endpoint_id).leased_until is None


def test_an_endpoint_that_fails_is_asked_less_then_off_then_gets_everything(
    books: Books, app: App, wall: Callable[[timedelta], None]
) -> None:
    endpoint_id = listen(app)
    listen(app, "other", "https://other.example/hook", ("payout.*",))
    for number in range(40):
        say("freeze.ended", freeze_id=f"frz_{number}", how="lifted")
    say("payout.failed", payout_id="pay_1")
    gather.gather()
    app.says = lambda event: 500 if event["type"] == "freeze.ended" else 204
    # One event is taken: the endpoint lives, the others have their own next attempts.
    assert sending.send_due("w") == 33
    assert row_of(endpoint_id).failures == 1
    assert sending.send_due("w") == 0  # it rests
    app.says = lambda event: 0
    app.asked = 0
    for _ in range(16):
        wall(timedelta(hours=5))
        sending.send_due("w")
    row = row_of(endpoint_id)
    assert (row.status, row.off_why) == ("off", "failing")
    assert app.asked == 15  # one request at a time, whatever waits
    with db.read(SYSTEM) as session:
        assert [each.id for each in queries.troubled(session)] == [endpoint_id]
    say("freeze.ended", freeze_id="frz_late", how="lifted")
    assert gather.gather() == 1  # kept for it, though it is off
    app.says = lambda event: 204
    assert sending.send_due("w") == 0
    with db.write(SYSTEM) as session:
        assert endpoints.switch(session, endpoint_id, on=True, by="test") == 42
    app.taken.clear()
    while sending.send_due("w"):
        pass
    assert len(app.taken) == 42
    with db.read(SYSTEM) as session:
        assert queries.figures(session, [endpoint_id])[endpoint_id].delivered == 42
        problems = set(session.scalars(sa.select(Attempt.problem)))
    assert problems == {"", "answered", "no_answer"}


def test_secrets_rotate_events_are_replayed_and_a_gone_endpoint_is_off(
    books: Books, app: App, wall: Callable[[timedelta], None]
) -> None:
    endpoint_id = listen(app)
    say("freeze.ended", freeze_id="frz_1", how="lifted")
    work()
    old = app.secrets[URL]
    with db.write(SYSTEM) as session:
        new = endpoints.rotate(session, endpoint_id, "test")
        with pytest.raises(Conflict):
            endpoints.rotate(session, endpoint_id, "test")
    for secret in (old, new):
        app.secrets[URL] = secret
        with db.write(SYSTEM) as session:
            assert replay.some(session, endpoints.get(session, endpoint_id), [app.taken[0]["id"]], "test") == 1
        assert sending.send_due("w") == 1
    assert [event["id"] for event in app.taken] == [app.taken[0]["id"]] * 3
    wall(endpoints.ROTATION + timedelta(minutes=1))
    assert sending.live_secrets(row_of(endpoint_id), clock.wall()) == [new]
    with db.write(SYSTEM) as session:
        row = endpoints.get(session, endpoint_id)
        assert replay.since(session, row, clock.wall() - timedelta(days=9), "test") == 1
        assert replay.since(session, row, clock.wall() - timedelta(hours=1), "test") == 0
        with pytest.raises(NotFound):
            replay.some(session, row, ["evt_none"], "test")
        endpoints.try_out(session, endpoint_id, "test")
    app.says = lambda event: 410
    sending.send_due("w")
    row = row_of(endpoint_id)
    assert (row.status, row.off_why) == ("off", "gone")
    with db.write(SYSTEM) as session:
        endpoints.remove(session, endpoint_id, "test")
    assert row_of(endpoint_id).secret_sealed == ""
    say("freeze.ended", freeze_id="frz_2", how="lifted")
    assert work() == 0
    wall(notices.KEPT)
    assert sending.forget_old() == 2
    with db.read(SYSTEM) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(ChainRead)) == 0
