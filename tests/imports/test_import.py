"""A file's whole way on both databases: looked at, judged anew, taken once, and brought again without effect."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from connector import jobs
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution import codes, links
from connector.earnings.ledger import queries as ledger
from connector.earnings.payouts import policy
from connector.earnings.payouts.policy import Policy
from connector.errors import Conflict, InputRefused, NotAllowed
from connector.operations import rounds
from connector.operations.imports import report, run
from connector.operations.imports import take as taking
from connector.operations.imports.tables import Import, ImportRow
from tests.attribution.world import PLACED, World

NOW = PLACED
SYSTEM = Scope.system("test")


def look(world: World, kind: str, text: str) -> tuple[str, str]:
    """(import, token)"""
    import_id = run.look(
        io.BytesIO(text.encode()), kind=kind, shop_id=world.shop_id, file_name=f"{kind}.csv", by="test", now=NOW
    )
    with world.database.read(SYSTEM) as session:
        return import_id, run.get(session, import_id).token


def outcomes(world: World, import_id: str) -> list[tuple[int, str, str]]:
    with world.database.read(SYSTEM) as session:
        return [(row.number, row.outcome, row.reason) for row in run.rows_of(session, import_id, limit=50)]


def take(world: World, import_id: str, token: str) -> dict[str, int]:
    return run.take(import_id, world.shop_id, token, by="test", now=NOW)


def test_codes_and_balances(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "BATCH", 3)  # several transactions, several pages
    text = "code,creator\nX10,x\nY5,@Y\nX10,x\nZ,nobody\nBOTH,x\nBOTH,y\n"
    import_id, token = look(world, "codes", text)
    judged = [
        (2, "new", ""), (3, "new", ""), (4, "same", "twice_in_file"), (5, "refused", "creator_not_found"),
        (6, "conflict", "contradicts_row"), (7, "conflict", "contradicts_row"),
    ]  # fmt: skip
    assert outcomes(world, import_id) == judged
    with world.database.write(SYSTEM) as session:
        # meanwhile somebody gives Y5 to the other one: the report doesn't hold any more
        codes.create(session, world.shop_id, world.creators["x"], "y5", by="test", now=NOW)
    with pytest.raises(Conflict, match="facts moved"):
        take(world, import_id, token)
    assert outcomes(world, import_id)[1] == (3, "conflict", "code_of_another")
    with pytest.raises(Conflict, match="another report"):
        take(world, import_id, token)
    with world.database.read(SYSTEM) as session:
        token = run.get(session, import_id).token
        assert codes.of_order(session, world.shop_id, ["x10"], NOW) == {}, "nothing was taken"
        assert "1 would be taken, 1 here already, 3 conflict, 1 refused" in "\n".join(
            report.lines(session, run.get(session, import_id))
        )
    assert take(world, import_id, token) == {"taken": 1, "same": 1, "conflict": 3, "refused": 1}
    with pytest.raises(Conflict, match="taken already"):
        take(world, import_id, token)
    with world.database.read(SYSTEM) as session:
        found = codes.of_order(session, world.shop_id, ["x10", "y5"], NOW + timedelta(days=1))
        assert {code: each.creator_id for code, each in found.items()} == dict.fromkeys(
            ("x10", "y5"), world.creators["x"]
        )

    # balances: booked once per key, whatever file they stand in, and after a kill between two batches
    text = "creator,currency,amount,ref\nx,EUR,90.00,\ny,EUR,-12.50,\nx,KWD,1.005,\nx,EUR,5.00,late\nx,USD,1.005,\n"
    import_id, token = look(world, "balances", text)
    calls = []

    def killed(*given: object, **more: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(*given, **more)  # type: ignore[arg-type]

    real = taking.take
    monkeypatch.setattr(taking, "take", killed)
    with pytest.raises(KeyboardInterrupt):
        take(world, import_id, token)
    monkeypatch.setattr(taking, "take", real)
    assert [outcome for _, outcome, _ in outcomes(world, import_id)] == ["taken", "taken", "taken", "new", "refused"]
    assert take(world, import_id, token) == {"taken": 4, "refused": 1}
    with world.database.read(SYSTEM) as session:
        owed = {(row.creator_id, row.currency): row.settled for row in ledger.balances(session)}
        x, y = world.creators["x"], world.creators["y"]
        assert owed == {(x, "EUR"): 9500, (y, "EUR"): -1250, (x, "KWD"): 1005}
        accounts = ledger.accounts(session, shop_id=world.shop_id)
        assert accounts[world.shop_id, "EUR", "merchant_receivable"] == 8250
        assert all(sum(v for (_, code, _), v in accounts.items() if code == each) == 0 for each in ("EUR", "KWD"))
    again, token = look(world, "balances", text.replace("-12.50", "-12.51"))
    assert [row[1:] for row in outcomes(world, again)] == [
        ("same", ""), ("conflict", "balance_differs"), ("same", ""), ("same", ""), ("refused", "amount_unreadable"),
    ]  # fmt: skip
    assert take(world, again, token) == {"same": 3, "conflict": 1, "refused": 1}
    with world.database.read(SYSTEM) as session:
        assert {(row.creator_id, row.currency): row.settled for row in ledger.balances(session)} == owed


def test_links_lead_on_from_their_old_address(world: World) -> None:
    text = (
        "tag;creator;product;network;content\nhttps://old.example/r/Mira-Bio;x;A;;\nsummer;x;A;clips;v1\n"
        "SUMMER;y;A;;\nnope;x;Q;;\nb-1;y;B;;\n"
    )
    import_id, token = look(world, "links", text)
    assert [row[1:] for row in outcomes(world, import_id)] == [
        ("new", ""), ("conflict", "contradicts_row"), ("conflict", "contradicts_row"), ("refused", "product_not_found"),
        ("new", ""),
    ]  # fmt: skip
    assert take(world, import_id, token)["taken"] == 2
    with world.database.read(SYSTEM) as session:
        for typed in ("mira-bio", "Mira-BIO", "mira-bio).", "mira-bio?utm=1"):
            found = links.resolve(session, typed)
            assert found.link is not None, typed
            assert (found.link.creator_id, found.link.product_ref) == (world.creators["x"], "A")
        assert links.resolve(session, "summer").link is None
        # its own code still leads there too
        assert links.resolve(session, found.link.code).link.id == found.link.id  # type: ignore[union-attr]
        csv = "".join(report.as_csv(session, run.get(session, import_id)))
    assert "4,conflict,contradicts_row,,Row 3 of the file says otherwise.,Take the wrong one out" in csv
    later, _ = look(world, "links", "tag,creator,product\nmira-bio,y,A\nMIRA-BIO,x,A\nb-1,y,B\n")
    assert [row[1:] for row in outcomes(world, later)] == [("conflict", "tag_of_another"), ("same", ""), ("same", "")]
    with world.database.write(SYSTEM) as session:  # what nobody took goes, what was taken stays
        assert [run.forget_untaken(session, NOW + timedelta(days=1)) for _ in range(2)] == [1, 0]
        assert [row.id for row in session.query(Import)] == [import_id]


def test_a_file_that_can_not_be_told_apart_leaves_nothing_behind(world: World) -> None:
    for text in ("code,creator\nA,x\nB,\xffx\n".encode("latin-1"), b"code,creator\n\n", b'code,creator\nA,x\n"B,x\n'):
        with pytest.raises(InputRefused):
            run.look(io.BytesIO(text), kind="codes", shop_id=world.shop_id, file_name="f", by="test", now=NOW)
    with world.database.read(SYSTEM) as session:
        assert session.query(Import).count() == session.query(ImportRow).count() == 0
        assert session.query(Shop).count() == 1


def test_balances_above_the_sum_of_one_person_wait_for_a_second(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_current", Policy("10", 4))
    import_id = run.receive(
        io.BytesIO(b"creator,currency,amount\nx,EUR,9.00\ny,EUR,-2.00\n"),
        kind="balances", shop_id=world.shop_id, file_name="f", by="staff:Ada", now=NOW,
    )  # fmt: skip
    assert [row[1] for row in outcomes(world, import_id)] == ["unread"] * 2
    with pytest.raises(Conflict, match="not looked at"):
        run.agree(import_id, world.shop_id, "", by="staff:Ada")
    asked: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(
            jobs, "enqueue", lambda session, name, key, **given: asked.append(f"{name} {given['import_id']}")
        )
        assert rounds.read_left_files(NOW) == 0, "it was brought just now"
        assert rounds.read_left_files(NOW + timedelta(minutes=1)) == 1, "whoever brought it was killed before its job"
    assert asked == [f"imports.look {import_id}"]
    for _ in range(2):  # a job that is begun again changes nothing
        run.look_job(import_id, world.shop_id)
    assert rounds.read_left_files(NOW + timedelta(minutes=1)) == 0
    with world.database.read(SYSTEM) as session:
        token = run.get(session, import_id).token
    with pytest.raises(Conflict, match="second person"):
        take(world, import_id, token)
    with pytest.raises(NotAllowed):
        run.approve(import_id, world.shop_id, token, by="test")
    with pytest.raises(Conflict, match="another report"):
        run.approve(import_id, world.shop_id, "old", by="staff:Fay")
    run.take_job(import_id, world.shop_id)  # nobody has approved it
    run.refuse(import_id, world.shop_id, by="staff:Fay")
    assert run.agree(import_id, world.shop_id, token, by="staff:Ada") == "asks"
    with world.database.read(SYSTEM) as session:
        assert ledger.balances(session) == []
    run.approve(import_id, world.shop_id, token, by="staff:Fay")
    for _ in range(2):
        run.take_job(import_id, world.shop_id)
    with world.database.read(SYSTEM) as session:
        assert sorted(row.settled for row in ledger.balances(session)) == [-200, 900]
        row = run.get(session, import_id)
        assert (row.status, row.taken_by, row.approved_by) == ("taken", "staff:Ada", "staff:Fay")
        assert not run.needs_second(session, row, NOW), "nothing new is left"


def test_small_files_of_a_shop_count_together_for_a_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_current", Policy("10", 4))
    came = []
    # In one currency 6 + 4 is what one person may bring alone; the third passes it, however small; USD has its own sum.
    for number, rows in enumerate(("x,EUR,6.00", "y,EUR,-4.00\nx,USD,9.00", "y,EUR,0.01", "y,USD,0.50")):
        text = "creator,currency,amount,ref\n" + "\n".join(f"{row},r{number}{row[2]}" for row in rows.split("\n"))
        import_id, token = look(world, "balances", text)
        came.append((import_id, token, run.agree(import_id, world.shop_id, token, by="staff:Ada", now=NOW)))
        if came[-1][2] == "taking":
            run.work(import_id, world.shop_id, now=NOW)
    assert [status for *_, status in came] == ["taking", "taking", "asks", "taking"]
    waits, token, _ = came[2]
    run.refuse(waits, world.shop_id, by="staff:Fay")
    tomorrow = NOW + run.TOGETHER
    assert run.agree(waits, world.shop_id, token, by="staff:Ada", now=tomorrow) == "taking", "those were of another day"
