"""Staff, roles, app tokens."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from connector import clock
from connector.access import roles, staff, tokens
from connector.access.tables import AppToken
from connector.audit import AuditRow
from connector.db import Database, Scope
from connector.errors import InputRefused, NotAllowed, NotFound, NotSignedIn

SYSTEM = Scope.system("test")


def test_each_role_holds_what_stands_below() -> None:
    held = {(a, b) for a in roles.ROLES for b in roles.ROLES if roles.covers(a, b)}
    assert held == {
        ("support", "support"), ("finance", "support"), ("finance", "finance"), ("admin", "support"),
        ("admin", "finance"), ("admin", "admin"),
    }  # fmt: skip
    assert not roles.covers("root", "support")
    assert not roles.covers("", "support")


def test_someone_new_is_support_and_a_change_of_role_signs_out(database: Database) -> None:
    with database.write(SYSTEM) as session:
        kim = staff.ensure(session, "  Kim   Lee ", None, by="command")
        assert (kim.name, kim.role, kim.session_epoch) == ("Kim Lee", "support", 1)
        assert staff.ensure(session, "Kim Lee", None, by="command").session_epoch == 1
        assert staff.ensure(session, "Kim Lee", "finance", by="command").session_epoch == 2
        acts = session.scalars(sa.select(AuditRow.act).order_by(AuditRow.id)).all()
    assert acts == ["staff.add", "staff.role"]


def test_refused(database: Database) -> None:
    with database.write(SYSTEM) as session:
        with pytest.raises(InputRefused, match="role"):
            staff.ensure(session, "Kim", "root", by="command")
        with pytest.raises(InputRefused, match="name"):
            staff.ensure(session, "   ", None, by="command")
        staff.ensure(session, "Kim", None, by="command")
        staff.switch_off(session, "Kim", by="command")
        with pytest.raises(NotAllowed):
            staff.ensure(session, "Kim", "admin", by="command")
        with pytest.raises(NotFound):
            staff.switch_off(session, "Nobody", by="command")


def test_an_identity_needs_a_role_here(database: Database) -> None:
    with database.write(SYSTEM) as session:
        staff.ensure(session, "kim@example.com", "finance", by="command")
        with pytest.raises(NotAllowed, match="without a role"):
            staff.by_identity(session, "sub-1", [])
        with pytest.raises(NotAllowed):
            staff.by_identity(session, "sub-1", ["other@example.com"])
        bound = staff.by_identity(session, "sub-1", ["kim@example.com"])
        assert bound.oidc_subject == "sub-1"
        # from now on the subject counts, whatever address it shows
        assert staff.by_identity(session, "sub-1", ["new@example.com"]).id == bound.id
        # and another subject can't take the name
        with pytest.raises(NotAllowed):
            staff.by_identity(session, "sub-2", ["kim@example.com"])


def test_tokens(database: Database) -> None:
    with database.write(Scope.app()) as session:
        row, secret = tokens.issue(session, "shop app", ["touches:write", "listings:read"], by="command")
        assert row.scopes == "listings:read touches:write"
        assert tokens.verify(session, secret).id == row.id
        with pytest.raises(NotSignedIn):
            tokens.verify(session, secret + "x")
        kept = session.scalars(sa.select(AppToken)).one()
        assert secret not in kept.token_hash
        audit = session.scalars(sa.select(AuditRow)).one()
        assert secret not in str(audit.detail)
        assert len(tokens.revoke(session, "shop app", by="command")) == 1
        with pytest.raises(NotSignedIn):
            tokens.verify(session, secret)
        with pytest.raises(NotFound):
            tokens.revoke(session, "shop app", by="command")


@pytest.mark.parametrize(("name", "scopes"), [("", ["listings:read"]), ("x", []), ("x", ["everything"])])
def test_tokens_refused(sqlite_database: Database, name: str, scopes: list[str]) -> None:
    with sqlite_database.write(Scope.app()) as session, pytest.raises(InputRefused):
        tokens.issue(session, name, scopes, by="command")


def test_a_use_is_noted_at_most_every_five_minutes(sqlite_database: Database) -> None:
    now = clock.wall()
    with sqlite_database.write(Scope.app()) as session:
        row, _ = tokens.issue(session, "x", ["listings:read"], by="command")
        assert tokens.use_is_due(row, now)
        tokens.note_use(session, row.id, now)
        session.refresh(row)
        assert not tokens.use_is_due(row, now + timedelta(minutes=4))
        assert tokens.use_is_due(row, now + timedelta(minutes=5))
