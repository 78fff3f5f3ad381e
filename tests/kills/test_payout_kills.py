"""kill -9 while a batch is booked, and between its booking and its hand-over: doing it again pays everybody once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from connector.db import Database
from connector.earnings.payouts import hand_over
from connector.earnings.payouts.tables import Payout
from tests.conftest import KEY
from tests.settlement.books import SYSTEM, Books, utc

pytestmark = pytest.mark.kill

DAY = utc("2026-12-10")
# The child books as the command does, says how far it is, and waits there to be killed.
CHILD = """
import sys, time
from datetime import datetime
from connector import db, vault
from connector.commerce.shops import settings
from connector.earnings.payouts import batch

url, key, as_of, inside, when = sys.argv[1:]
settings.DEFAULTS["payout_when"] = when
vault.use(vault.Vault([key], "a hash key that is used by tests only, 32+"))
db.use(db.Database(url))
with db.write(db.Scope.system("kill test")) as session:
    batch.prepare(session, "one", "USD", datetime.fromisoformat(as_of), "command")
    if inside == "yes":
        print("here", flush=True)
        time.sleep(120)
print("here", flush=True)
time.sleep(120)
"""


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database)


def killed(database: Database, *, inside: bool) -> None:
    from connector.commerce.shops import settings

    url = database.url.render_as_string(hide_password=False)
    when = str(settings.DEFAULTS["payout_when"])
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, url, KEY, DAY.isoformat(), "yes" if inside else "no", when],
        stdout=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "here"
    child.send_signal(signal.SIGKILL)
    child.wait(30)
    child.stdout.close()


def test_a_killed_payout_is_done_again_and_pays_once(books: Books) -> None:
    shop = books.shop()
    people = [books.creator(handle) for handle in ("mira", "tal")]
    for creator_id in people:
        books.line(shop, creator_id, 600, clears_at=utc("2026-11-16"))
    books.clear(shop, utc("2026-11-20"))
    books.close(shop, "2026-11", utc("2026-12-01"))

    killed(books.database, inside=True)
    assert books.rows(Payout) == []
    assert books.balance(people[0]).settled == 600

    killed(books.database, inside=False)
    booked = books.rows(Payout)
    assert [row.amount for row in booked] == [600, 600]
    made = books.pay("one", DAY)
    with books.database.write(SYSTEM) as session:
        [(_, content)] = hand_over.files(session, made.id, DAY, "command")
    assert sorted(row.id for row in books.rows(Payout)) == sorted(row.id for row in booked)
    assert [content.decode().count(row.id) for row in booked] == [1, 1]
    books.paid(made.id, DAY)
    assert [books.balance(creator_id).paid for creator_id in people] == [600, 600]
