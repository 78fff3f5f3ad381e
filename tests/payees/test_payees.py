"""Payment details: what is taken, when a version is in force, who sees what, and how a change is confirmed."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from connector import audit, clock, notices
from connector.db import Database
from connector.errors import Conflict, InputRefused
from connector.notices import Notice
from connector.programme.creators import payees, register
from connector.programme.creators.payees import HOLD, LAPSES, WRONG_CODES, Details, checked, masked, standing_of
from connector.programme.creators.tables import Payee
from tests.payees.details import LONG_AGO, MIRA, version
from tests.settlement.books import SYSTEM, utc

NOW = utc("2026-11-01")
SECOND = timedelta(seconds=1)
BARE = Details(name="Mira", country="DE", iban="DE89370400440532013000")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 71}, "name"),
        ({"name": "a\x07b"}, "name"),
        ({"country": "ZZ"}, "country"),
        ({"country": "D"}, "country"),
        ({"country": "EU"}, "country"),
        ({"iban": "DE88370400440532013000"}, "iban"),  # a check digit off
        ({"iban": "DE8937040044053201300"}, "iban"),  # a digit short
        ({"iban": "XX89370400440532013000"}, "iban"),
        ({"bic": "COBADEF"}, "bic"),
        ({"iban": "", "bic": "COBADEFF"}, "iban"),
        ({"iban": "", "country": "US", "account": "000123456789", "routing": "110000001"}, "routing"),
        ({"iban": "", "account": "12345678"}, "routing"),
        ({"iban": "", "routing": "200000"}, "account"),
        ({"iban": "", "account": "12/34", "routing": "200000"}, "account"),
        ({"iban": "", "email": "mira"}, "email"),
        ({"iban": "", "email": "=cmd@example.org"}, "email"),
        ({"iban": "", "stripe_account": "cus_123"}, "stripe_account"),
        ({"currency": "EURO"}, "currency"),
        ({"iban": ""}, "iban"),
    ],
)
def test_what_cant_be_paid_to_is_refused_by_its_field(given: dict[str, str], field: str) -> None:
    values = {name: getattr(BARE, name) for name in BARE.__struct_fields__} | given
    with pytest.raises(InputRefused) as refused:
        checked(Details(**values))
    assert refused.value.field == field


def test_details_are_kept_in_one_form() -> None:
    typed = Details(
        name="  Mira   Ø. ", country="de", iban="de89 3704 0044 0532 0130 00", bic="cobadeffxxx",
        email=" Mira@Example.ORG ", stripe_account=" acct_1MTfjCQ9PRzxEwkZ ", currency="usd",
    )  # fmt: skip
    kept = checked(typed)
    assert (kept.name, kept.country, kept.iban) == ("Mira Ø.", "DE", "DE89370400440532013000")
    assert (kept.bic, kept.email, kept.currency) == ("COBADEFFXXX", "Mira@example.org", "USD")
    assert checked(kept) == kept
    american = checked(Details(name="M", country="US", account="000123456789", routing="110000000"))
    assert (american.account, american.routing) == ("000123456789", "110000000")


def test_only_endings_are_shown() -> None:
    shown = masked(checked(Details(
        name="Mira", country="US", account="000123454417", routing="110000000", email="mira@example.org",
        stripe_account="acct_1MTfjCQ9PRzxEwkZ",
    )))  # fmt: skip
    assert shown == {"country": "US", "account": "4417", "email": "m…@example.org", "stripe": "EwkZ"}


def test_a_version_is_in_force_three_days_after_it_was_confirmed() -> None:
    first = version("crt_1")
    second = version("crt_1", number=2, confirmed_at=NOW)
    both = [first, second]
    for moment, payee, reason in (
        (LONG_AGO - timedelta(hours=2), None, "payee_missing"),
        (LONG_AGO - SECOND, first, "payee_unconfirmed"),
        (LONG_AGO + HOLD - SECOND, first, "payee_held"),
        (LONG_AGO + HOLD, first, ""),
        (second.proposed_at - SECOND, first, ""),
        (second.proposed_at, second, "payee_unconfirmed"),
        (NOW + HOLD - SECOND, second, "payee_held"),
        (NOW + HOLD, second, ""),
    ):
        stands = standing_of(both, moment)
        assert (stands.payee, stands.reason) == (payee, reason), moment
    assert standing_of(both, NOW).until == NOW + HOLD


def test_what_was_refused_or_lapsed_never_counted() -> None:
    first = version("crt_1")
    second = version("crt_1", number=2, confirmed_at=NOW)
    second.confirmed_at = None
    asked = second.proposed_at
    assert standing_of([first, second], asked + LAPSES - SECOND).reason == "payee_unconfirmed"
    lapsed = standing_of([first, second], asked + LAPSES)
    assert (lapsed.payee, lapsed.reason) == (first, "")
    second.confirmed_at, second.refused_at = NOW, NOW + timedelta(hours=5)
    assert standing_of([first, second], NOW + timedelta(hours=4)).reason == "payee_held"
    assert standing_of([first, second], NOW + timedelta(hours=5)).payee is first


def test_a_change_is_announced_confirmed_and_held_and_can_be_refused(database: Database) -> None:
    with database.write(SYSTEM) as session:
        mira = register.register(session, "mira", "Mira", 10, LONG_AGO).id
        first = payees.propose(session, mira, MIRA, "creator:mira", NOW)
        assert first.number == 1
    with database.read(SYSTEM) as session:
        [told] = notices.after(session, None, 10)
        code = notices.secret(told)
        row = session.scalars(sa.select(Payee)).one()
        assert (told.kind, told.creator_id, told.detail["shown"]["iban"]) == ("payee.changed", mira, "3000")
        assert len(code) == 6
        assert "3704" not in row.sealed
        assert code not in row.code_hash
        assert payees.opened(row) == checked(MIRA)
        assert payees.standing(session, mira, NOW).reason == "payee_unconfirmed"

    wrong = f"{(int(code) + 1) % 10**6:06d}"
    with database.write(SYSTEM) as session:
        assert payees.confirm(session, mira, wrong, "creator:mira", NOW) is None
        assert payees.confirm(session, mira, f" {code} ", "creator:mira", NOW) is not None
        assert payees.confirm(session, mira, code, "creator:mira", NOW + SECOND) is not None  # a repeat
    with database.read(SYSTEM) as session:
        stands = payees.standing(session, mira, NOW)
        assert (stands.reason, stands.until) == ("payee_held", NOW + HOLD)
        assert payees.standing(session, mira, NOW + HOLD).reason == ""
        assert [notices.secret(row) for row in session.scalars(sa.select(Notice))] == ["", ""]

    later = NOW + timedelta(days=30)
    with database.write(SYSTEM) as session:
        same = payees.propose(session, mira, MIRA, "creator:mira", later)
        assert same.number == 1  # nothing new: nothing announced
        new = payees.propose(session, mira, BARE, "creator:thief", later)
        assert payees.propose(session, mira, BARE, "creator:thief", later).id == new.id
        for _ in range(WRONG_CODES):
            assert payees.confirm(session, mira, "nonsense", "creator:thief", later) is None
        with pytest.raises(Conflict, match="too many"):
            payees.confirm(session, mira, "nonsense", "creator:thief", later)
        again = payees.propose(session, mira, BARE, "creator:thief", later)
        assert (again.number, new.refused_at) == (3, later)  # the same details, and a code that isn't void
        payees.refuse(session, mira, "creator:mira", later)
        assert payees.standing(session, mira, later).payee.id == same.id  # type: ignore[union-attr]
        with pytest.raises(Conflict, match="in force"):
            payees.refuse(session, mira, "creator:mira", later)
        with pytest.raises(Conflict, match="no change"):
            payees.confirm(session, mira, code, "creator:mira", later)
        tal = register.register(session, "tal", "Tal", 10, LONG_AGO).id
        his = payees.propose(session, tal, MIRA, "creator:tal", later)
        assert payees.sharing(session, his) == [mira]
    with database.read(SYSTEM) as session:
        kinds = [row.kind for row in session.scalars(sa.select(Notice).order_by(Notice.id))]
        assert kinds == [
            "payee.changed", "payee.confirmed", "payee.changed", "payee.changed", "payee.refused", "payee.changed",
        ]  # fmt: skip
        assert notices.forget(session, clock.wall() - notices.KEPT) == 0
        assert notices.forget(session, clock.wall() + SECOND) == 6
        log = str([(row.act, row.detail) for row in session.scalars(sa.select(audit.AuditRow))])
        assert "0532013000" not in log
