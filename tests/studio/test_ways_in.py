"""A creator comes in once by a link, for a while, and is shut out when the app says so."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from connector.access import studio
from connector.audit import AuditRow
from connector.db import Database, Scope
from connector.errors import NotSignedIn
from connector.faces.studio.sign_in import way_in
from connector.programme.creators import register
from tests.conftest import wired
from tests.web.conftest import settings

APP = Scope.app()


def _creator(database: Database, handle: str = "mira") -> str:
    with database.write(APP) as session:
        return register.register(session, handle, handle.capitalize()).id


def _link(database: Database, creator_id: str) -> str:
    with database.write(APP) as session:
        return studio.link(session, creator_id, by="test")[0]


def _token(html: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found
    return found.group(1)


def test_once_and_until_signed_out_everywhere(database: Database) -> None:
    app: Flask = wired(settings())
    mira = _creator(database)
    client, path = app.test_client(), f"/studio/sign-in/link/{_link(database, mira)}"
    assert client.get("/studio").headers["Location"].startswith("/studio/sign-in?next=")
    asked = client.get(f"{path}?to=/studio/earnings")
    assert "Open the studio of <bdi>Mira</bdi>" in asked.text
    form = {"csrf_token": _token(asked.text), "to": "/studio"}
    assert client.post(path, data={"to": "/studio"}).status_code == 400  # not from our page
    entered = client.post(path, data=form)
    assert (entered.status_code, entered.headers["Location"]) == (303, "/studio")
    assert client.get("/studio").status_code == 200
    again = app.test_client()
    again.get("/studio/sign-in")
    assert again.get(path).status_code == 401  # spent
    with database.write(APP) as session:
        assert studio.sign_out_everywhere(session, mira, by="test") == 1
    assert client.get("/studio").status_code == 303
    with database.read(APP) as session:
        acts = [row.act for row in session.query(AuditRow).filter_by(subject=mira).order_by(AuditRow.id)]
    assert acts == ["creator.link", "creator.sign_in", "creator.sign_out"]
    # a new link lets them in again, and a link given out before the second sign-out does not
    fresh, stale = _link(database, mira), ""
    assert client.post(f"/studio/sign-in/link/{fresh}", data={"csrf_token": _token(
        client.get(f"/studio/sign-in/link/{fresh}").text)}).status_code == 303  # fmt: skip
    stale = _link(database, mira)
    with database.write(APP) as session:
        assert studio.sign_out_everywhere(session, mira, by="test") == 2
    assert client.get(f"/studio/sign-in/link/{stale}").status_code == 401


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("/studio", "/studio"), ("/studio/earnings?shop=1", "/studio/earnings?shop=1"), ("/studio?x=1", "/studio?x=1"),
        ("//evil.example/studio", ""), ("/studiox", ""), ("/console", ""), ("https://evil.example", ""),
        ("/studio/\\evil", ""),
    ],
)  # fmt: skip
def test_a_link_leads_into_the_studio_only(path: str, leads: str) -> None:
    assert way_in(path) == leads


def test_a_link_of_another_kind_is_none(sqlite_database: Database) -> None:
    from connector.access import links

    with sqlite_database.write(APP) as session:
        token = links.issue(session, "merchant", "shp_1")
    with sqlite_database.write(APP) as session, pytest.raises(NotSignedIn):
        links.spend(session, "creator", token)
