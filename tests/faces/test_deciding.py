"""Codes and acts as people make them on the pages: what is typed, what is shown, what is booked."""

from __future__ import annotations

import re
from collections.abc import Callable

import sqlalchemy as sa
from flask.testing import FlaskClient

from connector.db import Scope
from connector.earnings.attribution.tables import Act, Code, DecisionRow
from tests.browser.world import World

Enter = Callable[[str], FlaskClient]
SYSTEM = Scope.system("test")


def test_a_merchant_makes_a_code_and_assigns_a_sale_and_staff_decide_it_otherwise(world: World, enter: Enter) -> None:
    harbour, kita, fay, kim = enter("harbour"), enter("kita"), enter("Fay"), enter("Kim")
    token = _token(harbour.get("/dashboard/codes").text)
    sent = {"csrf_token": token, "creator": "@talb", "code": "Tal-5"}
    assert harbour.post("/dashboard/codes", data=sent).status_code == 303
    taken = harbour.post("/dashboard/codes", data={**sent, "code": "MIRA15"}).text
    assert "another creator" in taken
    assert "Error: Creator codes" in taken
    assert "isn&#39;t one that we know" in harbour.post("/dashboard/codes", data={**sent, "creator": "zoe"}).text
    with world.database.read(SYSTEM) as session:
        code_id = session.scalars(sa.select(Code.id).where(Code.text == "tal-5")).one()
    token = _token(kita.get("/dashboard/codes").text)
    assert kita.post(f"/dashboard/codes/{code_id}/end", data={"csrf_token": token}).status_code == 404

    # A sale that nobody brought: what it would do, then what it did.
    order_id = world.orders["10484"]
    page = f"/dashboard/orders/{order_id}/assign"
    assert kita.get(page).status_code == 404
    shown = harbour.get(f"{page}?creator=talb&why=They+sold+it+by+telephone").text
    assert "Assign, book €5.85" in shown
    form = {**_fields(shown), "csrf_token": _token(shown)}
    assert "Something changed" in harbour.post(page, data={**form, "token": "old"}).text
    assert harbour.post(page, data=form).status_code == 303
    assert _decided(world, order_id) == ("manual", world.creators["talb"])

    # Staff see it, and support may look and not book.
    page = f"/console/orders/{order_id}/decide/manual"
    shown = fay.get(f"{page}?creator=%40mira.makes&why=It+was+Mira").text
    form = {**_fields(shown), "csrf_token": _token(shown)}
    looked = kim.get(f"{page}?creator=%40mira.makes&why=It+was+Mira").text
    assert "Someone from finance books it" in looked
    assert "Assign, book" not in looked
    assert kim.post(page, data=form).status_code == 403
    done = fay.post(page, data=form)
    assert done.status_code == 303
    assert "Done: it is decided and booked" in fay.get(done.location).text
    assert _decided(world, order_id) == ("manual", world.creators["mira.makes"])
    seen = fay.get(f"/console/orders/{order_id}").text
    assert "What was decided before" in seen  # nobody at first, then Tal by hand
    assert world.creators["talb"] in seen[seen.index("What was decided before") :]
    with world.database.read(SYSTEM) as session:
        mine = session.scalars(sa.select(Act).where(Act.order_id == order_id).order_by(Act.id)).all()
        assert [act.actor.partition(":")[0] for act in mine] == ["merchant", "staff"]
    assert "under review" in fay.get(f"/console/orders/{order_id}/decide/review_passed?why=fine").text
    assert fay.get(f"/console/orders/{order_id}/decide/nonsense").status_code == 404

    # A code that staff move says so.
    token = _token(fay.get(f"/console/codes/{code_id}").text)
    sent = {"csrf_token": token, "creator": "@mira.makes", "why": ""}
    assert "The reason is empty" in fay.post(f"/console/codes/{code_id}/move", data=sent).text
    moved = fay.post(f"/console/codes/{code_id}/move", data={**sent, "why": "they swapped"}, follow_redirects=True)
    assert "is Mira Okafor&#39;s from now on" in moved.text


def _decided(world: World, order_id: str) -> tuple[str, str | None]:
    with world.database.read(SYSTEM) as session:
        row = session.scalars(sa.select(DecisionRow).where(DecisionRow.order_id == order_id)).one()
        return row.credit_reason, row.creator_id


def _token(html: str) -> str:
    return html.split('name="csrf_token" value="')[1].split('"')[0]


def _fields(html: str) -> dict[str, str]:
    """The hidden fields of the form that books."""
    return dict(
        re.findall(
            r'<input type="hidden" name="(\w+)" value="([^"]*)">',
            html.split("What it would do</h2>")[1].split("</form>")[0],
        )
    )
