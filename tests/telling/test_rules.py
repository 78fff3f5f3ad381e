"""When an event is tried again, what is signed, what the catalogue holds: no database."""

from __future__ import annotations

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

import connector
from connector import clock, outbound
from connector.earnings.ledger import entry
from connector.errors import InputRefused
from connector.faces.console import telling as console
from connector.operations.telling import catalogue, endpoints, gather, retrying, sending
from connector.operations.telling.tables import Told
from connector.programme.collaborations import batches, moves

FIRST = datetime(2026, 11, 20, 12, tzinfo=UTC)
OLD, NEW = endpoints._secret(), endpoints._secret()


@given(st.lists(st.integers(0, 7200), max_size=60))
def test_attempts_go_on_for_three_days_and_end_there(asked: list[int]) -> None:
    """Whatever an endpoint asks for: each attempt is later than the one before, and the last one is at 72 hours."""
    now, attempts, waits = FIRST, 0, iter(asked)
    while True:
        attempts += 1
        wanted = next(waits, None)
        again = retrying.due_again(attempts, FIRST, now, None if wanted is None else timedelta(seconds=wanted))
        if again is None:
            break
        assert now < again <= FIRST + retrying.KEEP_TRYING
        now = again
    assert now == FIRST + retrying.KEEP_TRYING
    assert len(retrying.DELAYS) < attempts < 100


def test_delays_grow_and_a_pause_is_bounded() -> None:
    waits = [retrying.due_again(n, FIRST, FIRST) for n in range(1, 10)]
    assert waits == sorted(waits)  # type: ignore[type-var]
    assert [retrying.pause(n).total_seconds() for n in (1, 2, 3, 9, 500)] == [2, 4, 8, 300, 300]
    assert retrying.pause(1, timedelta(minutes=30)) == timedelta(minutes=30)
    assert retrying.asked_wait("120") == timedelta(minutes=2)
    assert retrying.asked_wait("9" * 40) == retrying.LONGEST_ASKED
    assert [retrying.asked_wait(text) for text in (None, "", "-1", "soon", "٣", "Fri, 20 Nov 2026")] == [None] * 6


def test_a_letter_is_read_by_whoever_has_either_live_secret() -> None:
    row = Told(seq=7, id="evt_x", kind="payout.made", at=FIRST, notice_id="ntc_1", data={"payout_id": "pay_1", "é": 1})
    now = clock.wall()
    one = sending.letter(row, "https://app.example/hook", [NEW, OLD], now)
    for secret in (OLD, NEW):
        read = Webhook(secret).verify(one.body, one.headers)
        assert (read["type"], read["id"], read["sequence"], read["data"]["é"]) == ("payout.made", "evt_x", 7, 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoints._secret()).verify(one.body, one.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(one.body + b" ", one.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(one.body, one.headers | {"webhook-id": "evt_y"})
    again = sending.letter(row, "https://app.example/hook", [NEW], now + timedelta(hours=9))
    assert (again.body, again.headers["webhook-id"]) == (one.body, "evt_x")


def test_every_notice_of_the_code_is_in_the_catalogue() -> None:
    """Whoever says a new kind of notice describes it: else the app's engineers learn of it from their logs."""
    said = set()
    for path in Path(connector.__file__).parent.rglob("*.py"):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)) if "notices.say" in text else ():
            says = isinstance(node, ast.Call) and ast.unparse(node.func).startswith("notices.say")
            if isinstance(node, ast.Call) and says and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
                said.add(catalogue.said_as(str(node.args[1].value)))
    assert {"freeze.made", "invoice.issued", "statement.ready"} <= said
    assert said - catalogue.KINDS.keys() == set()


def test_every_kind_of_the_catalogue_is_told_by_somebody() -> None:
    """What the document promises happens: `payout.made` stood there, and no payout that was made was ever told."""
    written = {gather.kind_of(kind) for kind in entry.KINDS} | {catalogue.TEST}
    for path in Path(connector.__file__).parent.rglob("*.py"):
        text = path.read_text()
        if "notices.say" in text:
            constants = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
            written |= {catalogue.said_as(each) for each in constants if isinstance(each, str) and each.islower()}
    assert catalogue.KINDS.keys() - written == set()


def test_every_act_of_the_audit_log_has_words() -> None:
    """Support reads sentences, and who acted by a name: not `offer.accepted` by `rule:arl_01`."""
    done = {f"offer.{outcome}" for outcome in (*moves.OUTCOMES.values(), "expired")}
    done |= {f"offer_batch.{act}" for act in batches.AT_ONCE}
    for path in Path(connector.__file__).parent.rglob("*.py"):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)) if "audit.record" in text else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.record" and len(node.args) > 2:
                done |= {str(each.value) for each in ast.walk(node.args[2]) if isinstance(each, ast.Constant)}
    missing = {act for act in done - console.ACTS.keys() if "." in act and not act.endswith(".")}
    assert missing == set()
    assert len(done) > 100
    assert {console.actor_words(each) for each in ("clock", "rule:arl_1", "agreement:agr_1", "command:x")} == {
        "by itself", "a rule of the shop", "an agreement", "a command",
    }  # fmt: skip


@pytest.mark.parametrize("kind", catalogue.KINDS)
def test_each_kind_has_a_schema_that_its_example_fits(kind: str) -> None:
    shape, shown = catalogue.schema(kind), catalogue.example(kind)
    types = {"string": str, "integer": int, "object": dict, "boolean": bool}
    assert shown.keys() == set(shape["required"])
    of_data = shape["properties"]["data"]
    for name, value in shown["data"].items():
        assert isinstance(value, types[of_data["properties"][name]["type"]]), name
    assert set(of_data["required"]) <= shown["data"].keys()
    assert catalogue.missing(kind, shown["data"]) == []
    assert msgspec.json.decode(msgspec.json.encode(shown)) == shown


def test_an_endpoint_names_kinds_and_families() -> None:
    assert catalogue.takes([], "payout.made")
    assert catalogue.takes(["offer.made", "payout.*"], "payout.failed")
    assert not catalogue.takes(["payout.made", "pay.*"], "payout.failed")
    assert endpoints.checked_kinds([" payout.* ", "offer.made", "offer.made", ""]) == ["offer.made", "payout.*"]
    for wrong in ("payout", "*", "nothing.*", "offer.maid"):
        with pytest.raises(InputRefused, match="kinds"):
            endpoints.checked_kinds([wrong])


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example/hook", "ftp://app.example/", "https://user:pw@app.example/", "https://10.0.0.1/hook",
        "https://[::1]/hook", "https://127.0.0.1:8443/", "https://169.254.169.254/latest", "https://localhost/",
        "https://db.internal/", "https://app.example/#x", "https://app.example/a\nb", "not an address", "",
        "https://app.example/" + "x" * 600,
    ],
)  # fmt: skip
def test_nothing_is_sent_to_such_an_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "_current", outbound.Outbound())
    with pytest.raises(InputRefused, match="url"):
        endpoints.checked_url(url)
    assert endpoints.checked_url(" https://app.example:8443/hook?key=1 ") == "https://app.example:8443/hook?key=1"
