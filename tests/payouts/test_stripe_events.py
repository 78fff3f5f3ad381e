"""Transfers that Stripe tells of later: made after all, failed, taken back whole or in part; each once, all signed.

Bodies are those of Stripe's public API reference (transfers, events), read 2026-11, with other ids.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from connector.audit import AuditRow
from connector.earnings.payouts import batch, stripe_events
from connector.earnings.payouts.tables import Payout, PayoutEvent
from connector.errors import PayloadUnreadable
from connector.operations import books as audit
from connector.operations import stalled_money
from tests.conftest import wired
from tests.settlement.books import SYSTEM, Books, utc
from tests.settlement.test_stripe_payments import SECRET, signed
from tests.web.conftest import settings

DAY = utc("2026-12-10")
CREATED = int(utc("2026-12-11").timestamp())


def event(kind: str, payout_id: str, **changes: Any) -> dict[str, Any]:
    thing = {
        "id": f"tr_{payout_id[-6:]}", "object": "transfer", "amount": 600, "amount_reversed": 0, "created": CREATED,
        "currency": "usd", "destination": "acct_1MTfjCQ9PRzxEwkZ", "metadata": {"payout": payout_id},
        "reversed": False, "transfer_group": payout_id,
    } | changes  # fmt: skip
    return {"id": "evt_1", "object": "event", "type": kind, "created": CREATED, "data": {"object": thing}}


def test_what_is_none_of_our_business_is_left_alone_and_what_cant_be_read_is_refused() -> None:
    assert stripe_events.of_event(event("transfer.created", "pay_1")) is not None
    for other in (
        event("charge.succeeded", "pay_1"), event("transfer.created", "group 1"),
        event("transfer.created", "pay_1", metadata={}), event("transfer.created", "pay_1", transfer_group=None),
        event("transfer.updated", "pay_1"),
    ):  # fmt: skip
        assert stripe_events.of_event(other) is None
    for broken in ({"type": "transfer.created"}, event("transfer.created", "pay_1", amount="a lot")):
        with pytest.raises(PayloadUnreadable):
            stripe_events.of_event(broken)


def test_what_stripe_tells_later_is_booked_once(books: Books) -> None:
    shop = books.shop()
    for handle in ("mira", "tal", "uma", "vic"):
        books.line(shop, books.creator(handle), 600, clears_at=utc("2026-11-16"))
    books.clear(shop, utc("2026-11-20"))
    books.close(shop, "2026-11", utc("2026-12-01"))
    made = books.pay("one", DAY)
    client = wired(settings(stripe_webhook_secret=SECRET)).test_client()

    def post(kind: str, payout_id: str, secret: str = SECRET, **changes: Any) -> tuple[int, str]:
        body = json.dumps(event(kind, payout_id, **changes)).encode()
        answer = client.post("/hooks/stripe", data=body, headers=signed(body, secret))
        return answer.status_code, answer.text

    def status() -> list[str]:
        return [row.status for row in books.rows(Payout)]

    back, failed, part, late = (row.id for row in books.rows(Payout))
    whole = {"amount_reversed": 600, "reversed": True}
    assert post("transfer.created", back) == (200, "looked at by a person"), "its batch was never handed over"
    with books.database.write(SYSTEM) as session:
        batch.mark_handed(session, made.id, DAY)
    assert post("transfer.created", back, secret="whsec_other")[0] == 401
    assert status() == ["prepared"] * 4
    # made, heard twice, and taken back whole: the money is settled again, once
    for kind, more, said in (
        ("transfer.created", {}, "recorded"), ("transfer.created", {}, "repeat"),
        ("transfer.reversed", whole, "recorded"), ("transfer.updated", whole, "repeat"),
        ("transfer.created", {}, "repeat"),
    ):  # fmt: skip
        assert post(kind, back, **more) == (200, said), kind
    assert post("transfer.failed", failed) == (200, "recorded")
    assert post("transfer.created", late) == (200, "recorded")
    assert post("transfer.failed", late) == (200, "recorded"), "paid, and failed later: it came back"
    assert status() == ["returned", "failed", "prepared", "returned"]
    # in part: nothing is booked, and a person sees it, although that it was made is heard of last
    for said in ("looked at by a person", "repeat"):
        assert post("transfer.reversed", part, amount_reversed=150) == (200, said)
    assert post("transfer.created", part) == (200, "recorded")
    assert status()[2] == "paid"
    with books.database.read(SYSTEM) as session:
        assert [each.reason for each in stalled_money.stuck(session, utc("2026-12-12"), shop)] == ["reversed_in_part"]
        assert audit.payouts_are_the_ledgers(session) == []
    # another amount, another transfer, no payout
    assert post("transfer.reversed", part, id="tr_other", **whole) == (200, "looked at by a person")
    assert post("transfer.created", part, amount=599) == (200, "looked at by a person")
    assert post("transfer.created", "pay_none") == (200, "looked at by a person")
    assert len([row for row in books.rows(AuditRow) if row.act == "payout.unmatched"]) == 5
    assert [row.outcome for row in books.rows(PayoutEvent) if row.payout_id == back] == ["paid", "returned"]
    people = {row.creator_id: row.status for row in books.rows(Payout)}
    assert [books.balance(creator).settled for creator, now in people.items()] == [
        0 if now == "paid" else 600 for now in people.values()
    ]
