"""Staff: who they are, which role they hold, and whom an OpenID Connect identity belongs to."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock
from connector.access.roles import Role, covers, role
from connector.access.tables import Staff
from connector.db import new_id
from connector.errors import InputRefused, NotAllowed, NotFound


def ensure(session: Session, name: str, held: str | None, *, by: str) -> Staff:
    """The person of that name: made with role `held` (support when None), or given that role when already there.

    A change of role signs the person out everywhere. Errors: InputRefused for an empty name or an unknown role.
    """
    name = " ".join(name.split())
    if not name or len(name) > 120:
        raise InputRefused("name", "is empty or longer than 120 characters.")
    person = session.scalar(sa.select(Staff).where(Staff.name == name))
    if person is None:
        person = Staff(
            id=new_id("stf"), name=name, role=role(held or "support"), oidc_subject=None, active=True, session_epoch=1,
            created_at=clock.wall(),
        )  # fmt: skip
        session.add(person)
        audit.record(session, by, "staff.add", person.id, name=name, role=person.role)
    elif held is not None and role(held) != person.role:
        audit.record(session, by, "staff.role", person.id, name=name, before=person.role, after=held)
        person.role = role(held)
        person.session_epoch += 1
    if not person.active:
        raise NotAllowed(f"{name} was switched off", public=f"{name} may not sign in any more.")
    session.flush()
    return person


def get(session: Session, staff_id: str) -> Staff:
    """Errors: NotFound."""
    person = session.get(Staff, staff_id)
    if person is None:
        raise NotFound(f"no staff {staff_id[:40]!r}")
    return person


def named(session: Session, name: str) -> Staff:
    """Errors: NotFound."""
    person = session.scalar(sa.select(Staff).where(Staff.name == name))
    if person is None:
        raise NotFound(f"no staff is called {name[:80]!r}")
    return person


def everybody(session: Session) -> Sequence[Staff]:
    return session.scalars(sa.select(Staff).order_by(Staff.name)).all()


def switch_off(session: Session, name: str, *, by: str) -> Staff:
    """That person may not sign in any more, and is signed out. Errors: NotFound."""
    person = named(session, name)
    person.active = False
    person.session_epoch += 1
    audit.record(session, by, "staff.off", person.id, name=name)
    return person


def by_identity(session: Session, subject: str, names: Sequence[str]) -> Staff:
    """The person whom the issuer calls `subject`; at the first sign-in found by one of the verified `names`.

    An identity without a role here gets nothing: being known to the issuer isn't enough.
    Errors: NotAllowed, saying who can give a role.
    """
    person = session.scalar(sa.select(Staff).where(Staff.oidc_subject == subject))
    if person is None and names:
        person = session.scalar(sa.select(Staff).where(Staff.name.in_(list(names)), Staff.oidc_subject.is_(None)))
        if person is not None:
            person.oidc_subject = subject
            audit.record(session, f"staff:{person.name}", "staff.bind", person.id)
    if person is None or not person.active:
        raise NotAllowed(
            "an identity without a role here",
            public="Nobody has given you a role here. Who runs the connector does it with `connector staff link`, "
            "under the e-mail address that your sign-in service has verified.",
        )
    return person


def note_sign_in(session: Session, person: Staff, way: str) -> None:
    audit.record(session, f"staff:{person.name}", "staff.sign_in", person.id, way=way)


def may(person: Staff, needed: Role) -> bool:
    return person.active and covers(person.role, needed)
