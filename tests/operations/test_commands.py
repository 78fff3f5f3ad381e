"""The commands, driven as an operator drives them: from a clearing to a payout file, then trace, audit and doctor."""

from __future__ import annotations

import csv
import json
import zlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from connector import clock, vault
from connector.audit import AuditRow
from connector.cli import connector, main
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import GrantRow, ShopSetting
from connector.errors import ConfigurationWrong, ConnectorError, InputRefused
from connector.webhooks.tables import DeliveryRow
from tests.attribution.world import DAY, PLACED, World
from tests.conftest import KEY
from tests.operations.days import CLOSING, DELIVERED, SYSTEM, hear, parcel
from tests.payees.details import all_payable

Run = Callable[..., Result]


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    return prepared(world, monkeypatch, tmp_path)


def prepared(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "ENV": "dev",
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "DATABASE_URL": world.database.url.render_as_string(hide_password=False),
        "SEALING_KEYS": KEY,
        "HASH_KEY": "a hash key that is used by tests only, 32+",
        "SESSION_KEY": "a session key that is used by tests only",
    }.items():
        monkeypatch.setenv(f"CONNECTOR_{name}", value)
    runner = CliRunner()

    def run(*args: str, code: int = 0) -> Result:
        result = runner.invoke(connector, args)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return run


def test_from_clearing_to_a_payout_file(world: World, run: Run, tmp_path: Path) -> None:
    touch = world.tap("x", "A")
    hear(world, [touch.token])
    assert "0 orders are final now" in run("pin", "--as-of", (PLACED + timedelta(hours=23)).isoformat()).output
    assert "1 orders are final now" in run("pin", "--as-of", (PLACED + timedelta(hours=24)).isoformat()).output
    hear(world, [touch.token], at=DELIVERED, fulfilments=(parcel(DELIVERED),))
    domain = "one.plain.example"

    early, due = (DELIVERED + timedelta(days=14)).isoformat(), (DELIVERED + timedelta(days=15)).isoformat()
    assert "0 lines cleared" in run("clear", "--as-of", early).output
    assert "1 lines cleared" in run("clear", "--as-of", due, "--shop", domain).output
    assert "0 lines cleared" in run("clear", "--as-of", due).output

    assert "isn't over yet" in run("close", "2026-12", "--as-of", due, code=1).stderr
    closed = run("close", "2026-12", "--as-of", CLOSING.isoformat()).output
    assert f"{domain}  2026-12  EUR 4.00" in closed
    assert "closed already" in run("close", "2026-12", "--as-of", CLOSING.isoformat(), code=1).stderr

    payday = ("--as-of", (CLOSING + DAY).isoformat())
    with world.database.write(SYSTEM) as session:
        all_payable(session)
    before = run("payout", "prepare", "--currency", "EUR", "--key", "early", *payday).output
    assert "unfunded" in before
    assert "INV-000001" in run("invoice", "list", *payday).output
    paid = ("receipt", "add", "INV-000001", "4.00", "--reference", "bank 1")
    assert "EUR 4.00 recorded" in run(*paid).output
    assert "was recorded before" in run(*paid).output
    aside = run("payout", "prepare", "--currency", "EUR", "--minimum", "4.01", "--key", "first", *payday).output
    assert "below_minimum, 0.01 missing" in aside
    assert list(tmp_path.glob("var/payouts/*")) == []
    prepared = run("payout", "prepare", "--currency", "eur", *payday).output.splitlines()
    assert "1 payouts, EUR 4.00, prepared" in prepared[0]
    again = run("payout", "prepare", "--currency", "EUR", *payday).output.splitlines()
    assert "It stands since" in again.pop(1)
    assert again == prepared
    with Path(prepared[1]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["creator"], row["shop"], row["amount"], row["currency"]) for row in rows] == [
        ("x", domain, "4.00", "EUR")
    ]

    batch_id = prepared[0].split(":")[0]
    assert "is sent" in run("payout", "sent", batch_id, *payday).output
    assert "is paid" in run("payout", "paid", batch_id, *payday).output

    assert "X (@x) earns EUR\u00a04.00 for 1 of 2 lines." in run("trace", "7001").output
    assert json.loads(run("trace", "#7001", "--json").output)["payouts"][0]["status"] == "paid"
    audit = run("audit").output
    assert "wrong" not in audit.replace("what is wrong", "")
    assert "right  payouts_are_the_ledgers" in audit


def test_the_audit_fails_loudly(world: World, run: Run) -> None:
    hear(world, [world.tap("x", "A").token])
    with world.database.write(SYSTEM) as session:
        session.execute(sa.update(Order).values(content_hash="newer"))
    output = run("audit", code=1).output
    assert "wrong  orders_are_evaluated" in output
    assert "1 things are wrong" in output


def test_the_doctor_says_what_to_mend(world: World, run: Run) -> None:
    output = run("doctor", code=1).output
    assert "no worker is alive" in output
    assert "Start `connector worker`." in output


def test_settings_are_printed_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONNECTOR_PUBLIC_URL", raising=False)
    result = CliRunner().invoke(connector, ["settings"])
    assert result.exit_code == 0
    assert "CONNECTOR_PUBLIC_URL  (required)" in result.output


@pytest.mark.parametrize("moment", ["yesterday", "2026-12-01T00:00", "2026-12-01"])
def test_a_time_without_its_offset_is_refused(moment: str) -> None:
    result = CliRunner().invoke(connector, ["clear", "--as-of", moment])
    assert result.exit_code == 2
    assert "isn't a time with its offset" in result.output


def test_a_database_that_was_never_migrated_is_a_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONNECTOR_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    monkeypatch.setattr("sys.argv", ["connector", "inbox"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("connector: the database can't be used: no such table")
    assert "Run `connector migrate`." in run("doctor", code=1).output


def test_a_shop_s_settings_are_changed_from_now_or_later_and_shown(world: World, run: Run) -> None:
    shop, soon = "one.plain.example", clock.now() + DAY
    assert f"{shop}  hold_days is 20 from" in run("shop", "set", shop, "hold_days", "20").output
    run("shop", "set", world.shop_id, "hold_days", "25", "--from", soon.isoformat())
    shown = [line.split() for line in run("shop", "settings", shop).output.splitlines()]
    at = next(n for n, words in enumerate(shown) if words[0] == "hold_days")
    assert shown[at][1:3] == ["20", "since"]
    assert shown[at + 1][:2] == ["25", "from"]
    assert ["minimum_payout", "0", "default"] in shown
    ahead = run("shop", "settings", shop, "--as-of", (soon + DAY).isoformat()).output
    assert ["hold_days", "25", "since"] in [line.split()[:3] for line in ahead.splitlines()]
    assert "NL: the programme is off." in run("country", "nl", "--off", "--why", "no licence").output
    assert "NL: the programme is off." in run("country", "NL").output
    assert "NL: the programme is on." in run("country", "NL", "--on", "--why", "licensed").output
    with world.database.read(SYSTEM) as session:
        rows = session.scalars(sa.select(AuditRow).where(AuditRow.act == "shop.setting").order_by(AuditRow.id)).all()
        assert [(row.actor, row.shop_id, row.detail["name"], row.detail["after"]) for row in rows] == [
            ("command", world.shop_id, "hold_days", "20"), ("command", world.shop_id, "hold_days", "25"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("one.plain.example", "colour", "red"), "There are touch_window_days"),
        (("one.plain.example", "shade", "1"), "is no setting of a shop"),
        (("one.plain.example", "hold_days", "91"), "between 0 and 90"),
        (("one.plain.example", "hold_days", "many"), "between 0 and 90"),
        (("one.plain.example", "payout_when", "soon"), "Give advance or funded"),
        (("one.plain.example", "hold_days", "9", "--from", "2026-01-01T00:00Z"), "give a time from now on"),
        (("nobody.example", "hold_days", "9"), "no shop is called"),
    ],
)
def test_a_setting_that_can_t_be_taken_says_what_can(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ConnectorError, match=said):
        prepared(sqlite_world, monkeypatch, tmp_path)("shop", "set", *words)
    with sqlite_world.database.read(SYSTEM) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(ShopSetting)) == 0


def test_two_values_from_one_moment_are_refused(world: World, run: Run) -> None:
    words = ("shop", "set", "one.plain.example", "hold_days", "9", "--from", (clock.now() + DAY).isoformat())
    run(*words)
    with pytest.raises(InputRefused, match="starts then already"):
        run(*words)


def test_after_resealing_the_old_key_may_go(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    body = zlib.compress(b"{}")
    box = vault.current()
    with world.database.write(SYSTEM) as session:
        session.add(
            GrantRow(
                shop_id=world.shop_id, access_sealed=box.seal("access"), refresh_sealed=box.seal("refresh"),
                renewed_at=PLACED,
            )
        )  # fmt: skip
        for n, sealed in enumerate((box.seal(body), None, box.seal(body))):
            session.add(
                DeliveryRow(
                    id=f"dlv_{n}", platform="plain", domain="x", topic="t", received_at=PLACED, headers={},
                    body_hash="h", body_size=1, status="done", body_sealed=sealed,
                )
            )  # fmt: skip
    fresh = Fernet.generate_key().decode()
    monkeypatch.setenv("CONNECTOR_SEALING_KEYS", f"{fresh},{KEY}")
    first = run("keys", "reseal").output
    assert first == "grants: 1, 1 sealed anew\nbodies of deliveries: 2, 2 sealed anew\n"
    again = run("keys", "reseal").output
    assert again == "grants: 1, 0 sealed anew\nbodies of deliveries: 2, 0 sealed anew\n"
    only = vault.Vault([fresh], "a hash key that is used by tests only, 32+")
    with world.database.read(SYSTEM) as session:
        grant = session.get_one(GrantRow, world.shop_id)
        assert (only.open(grant.access_sealed), only.open(grant.refresh_sealed or "")) == (b"access", b"refresh")
        assert grant.previous_refresh_sealed is None
        assert only.open(session.get_one(DeliveryRow, "dlv_2").body_sealed or "") == body
        assert session.get_one(DeliveryRow, "dlv_1").body_sealed is None


def test_resealing_names_a_key_that_is_missing(world: World, run: Run) -> None:
    other = vault.Vault([Fernet.generate_key().decode()], "a hash key that is used by tests only, 32+")
    with world.database.write(SYSTEM) as session:
        session.add(GrantRow(shop_id=world.shop_id, access_sealed=other.seal("access"), renewed_at=PLACED))
    with pytest.raises(ConfigurationWrong, match="Put the earlier key back"):
        run("keys", "reseal")
