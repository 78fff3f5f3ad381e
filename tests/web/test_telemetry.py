"""Nothing secret and nobody's data reaches a log."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from connector import telemetry
from connector.db import Database, Scope
from connector.earnings.attribution.tables import Touch

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SECRETS = {
    "access_token": "shpat_0123456789abcdef0123456789abcdef",
    "Authorization": "Bearer abcdefghijklmnop",
    "hmac": "700e2dadb827fcc8609e9d5ce208b2e9",
    "refreshToken": "shprt_0123456789abcdef",
    "email": "mara@example.com",
    "customer": {"first_name": "Mara", "phone": "+49 170 5550142"},
    "headers": [{"set-cookie": "session=abc"}],
}


class Log:
    """What this process logs, read back line by line."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    log = Log()
    telemetry.configure("info", "json", log.stream)
    yield log
    root.handlers[:] = before
    root.setLevel(level)


def test_by_key(log: Log) -> None:
    telemetry.logger("t").info("joined", shop_id="shp_1", **SECRETS)
    text = log.text
    for secret in ("shpat_", "abcdefghijkl", "700e2dad", "shprt_", "mara@", "Mara", "5550142", "session=abc"):
        assert secret not in text, secret
    assert "shp_1" in text


def test_by_shape_in_a_message(log: Log) -> None:
    logging.getLogger("urllib3.custom").warning(
        "GET https://one.myshopify.com/callback?code=0907a61c0c&hmac=700e2d&shop=one failed for %s with %s",
        "mara@example.com", "shpat_0123456789abcdef",
    )  # fmt: skip
    telemetry.logger("t").warning("db", url="postgresql://connector:hunter2@db/connector")
    telemetry.logger("t").warning("payee", said="no DE89370400440532013000, nor GB29 NWBK 6016 1331 9268 19")
    text = log.text
    for secret in ("0907a61c0c", "700e2d", "mara@", "shpat_0", "hunter2", "0532013", "NWBK"):
        assert secret not in text, secret
    assert "shop=one" in text


def test_in_a_stack(log: Log) -> None:
    secret = "shpat_" + "0123456789abcdef"
    try:
        raise ValueError(f"refused {secret} of mara@example.com")
    except ValueError as error:
        telemetry.logger("t").error("broke", exc_info=error)
    text = log.text
    assert "ValueError" in text
    assert secret not in text
    assert "mara@" not in text


@pytest.mark.parametrize("clash", ["token", "NULL"])
def test_a_row_that_the_database_refuses(log: Log, database: Database, clash: str) -> None:
    """Neither the parameters nor the values that PostgreSQL quotes."""
    row = {
        "id": "tch_1", "token": "Nq7Zk2Vx9.aBcDeFgHiJkLmNoP", "shop_id": "shp_1", "creator_id": "crt_1",
        "listing_id": "lst_1", "product_ref": "1", "kind": "video", "at": NOW, "received_at": NOW,
        "window_seconds": 60, "eligible": True, "ineligible_reason": "of\n\na buyer", "flags": [],
        "journey": "hash-of-a-buyer",
    }  # fmt: skip
    second = {**row, "id": "tch_2"} if clash == "token" else {**row, "kind": None}
    try:
        with database.write(Scope.system("test")) as session:
            session.execute(sa.insert(Touch).values(row))
            session.execute(sa.insert(Touch).values(second))
    except sa.exc.IntegrityError as error:
        telemetry.logger("t").error("broke", exc_info=error)
        logging.getLogger("other").exception("broke")
    text = log.text
    assert text.count("IntegrityError") >= 2
    assert "INSERT INTO touches" in text
    for secret in ("Nq7Zk2Vx9", "hash-of-a-buyer", "a buyer"):
        assert secret not in text, secret


def test_ids_and_numbers_stay(log: Log) -> None:
    kept = {
        "order_ref": "7100000000001",
        "token_id": "tok_01m85g2kxvh6w1",
        "at": "2026-11-14T21:07:14+01:00",
        "cents": 747,
    }
    telemetry.logger("t").info("kept", **kept)
    line = log.lines[0]
    assert {name: line[name] for name in kept} == kept


def test_bound_ids_are_on_every_line(log: Log) -> None:
    with telemetry.bound(shop_id="shp_1", run_id=None):
        telemetry.logger("t").info("inside")
    telemetry.logger("t").info("outside")
    inside, outside = log.lines
    assert inside["shop_id"] == "shp_1"
    assert "run_id" not in inside
    assert "shop_id" not in outside


@given(st.recursive(st.one_of(st.text(), st.integers(), st.none(), st.booleans(), st.binary()),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))  # fmt: skip
def test_scrubbing_takes_whatever_it_is_given(value: object) -> None:
    json.dumps(telemetry.scrub(value))
