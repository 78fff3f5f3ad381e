"""Who works with a shop, samples in the merchant's hands, and both as support sees them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from connector import clock
from connector.db import Scope
from connector.faces.console import creator_timeline
from connector.faces.dashboard import partners
from connector.faces.dashboard.partners import Own
from connector.notices import Notice
from connector.operations import creator_timeline as history
from connector.operations import sealing
from connector.operations.sampling import acts
from connector.programme.collaborations.tables import Terms
from connector.programme.creators import followers, queries, sign_up
from connector.programme.creators.sign_up import Account, SignUp
from connector.programme.policies import violations
from connector.programme.samples.tables import Sample, SampleOffer
from tests.browser.world import World
from tests.faces.conftest import form_token

Enter = Callable[[str], FlaskClient]
SYSTEM = Scope.system("test")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROWS = re.compile(r'scope="row" role="rowheader"><a href="/dashboard/creators/(crt_\w+)"')


def version(
    number: int, rate_bp: int | None, starts: int, ends: int | None = None, calls_off: str | None = None
) -> Any:
    """A version of terms that starts, and ends, so many days from now."""
    until = None if ends is None else NOW + timedelta(days=ends)
    return SimpleNamespace(
        terms_id=f"trm_{number}", version=number, rate_bp=rate_bp, starts_at=NOW + timedelta(days=starts),
        ends_at=until, calls_off=calls_off,
    )  # fmt: skip


def test_own_terms_are_those_that_stand_until_the_first_of_them_ends() -> None:
    day = timedelta(days=1)
    assert partners.owned({}, NOW) is None
    assert partners.owned({"": [version(1, 1500, -9, 30)]}, NOW) == Own(1500, 1500, NOW + 30 * day, 0)
    # One that comes ends what stands; a withdrawal, one that is over and one that was called off are none.
    replaced = [version(1, 1500, -9, 30), version(2, 1200, 5, 40)]
    assert partners.owned({"9": replaced}, NOW) == Own(1500, 1500, NOW + 5 * day, 1)
    called_off = [*replaced, version(3, None, 1, calls_off="trm_2")]
    assert partners.owned({"9": called_off}, NOW) == Own(1500, 1500, NOW + 30 * day, 1)
    assert partners.owned({"": [version(1, 1500, -9, 30), version(2, None, -1)]}, NOW) is None
    assert partners.owned({"": [version(1, 1500, -9, -1)]}, NOW) is None
    several = {"9": [version(1, 1500, -9, 30)], "8": [version(2, 1800, -3, 10)]}
    assert partners.owned(several, NOW) == Own(1500, 1800, NOW + 10 * day, 2)


def test_the_list_has_who_promotes_or_sold_and_narrows_by_its_address(world: World, enter: Enter) -> None:
    sealing.seal_waiting()
    harbour, mira, tal = enter("harbour"), world.creators["mira.makes"], world.creators["talb"]
    listed = harbour.get("/dashboard/creators").text
    assert ROWS.findall(listed) == [tal, mira]  # nour only negotiates; yuki works with another shop
    assert "€140.60" in listed
    for query, found in {
        "q=@mira": [mira], "q=okafor": [mira], "least=10,000": [mira], "network=instagram": [mira],
        "country=de": [mira], "country=FR": [], "q=%25": [], "show=sold": [tal, mira], "show=own": [],
        "network=x": [], "q=talb&days=90": [tal], "show=promoting": [tal, mira],
    }.items():  # fmt: skip
        assert ROWS.findall(harbour.get(f"/dashboard/creators?{query}").text) == found, query
    assert "Nothing matches these filters" in harbour.get("/dashboard/creators?q=zzz").text
    for wrong in ("days=5", "least=many", "network=myspace", "country=XQ", "older=bent"):
        assert harbour.get(f"/dashboard/creators?{wrong}").status_code == 422, wrong
    # a rate of their own, and until when
    with world.database.write(SYSTEM) as session:
        stands = session.scalars(sa.select(Terms).where(Terms.shop_id == world.shops["kita"])).all()
        assert any(row.creator_id == world.creators["yuki"] for row in stands)
    assert "own, 1 product, until" in enter("kita").get("/dashboard/creators?show=own").text
    # one who only negotiates has a page too; another shop's creator has none
    assert harbour.get(f"/dashboard/creators/{world.creators['nour']}").status_code == 200
    assert harbour.get(f"/dashboard/creators/{world.creators['yuki']}").status_code == 404
    page = harbour.get(f"/dashboard/creators/{mira}").text
    for said in (
        "Germany",
        "31,000 followers",
        "Autumn corner",
        "60.00\u00a0%",
        "None yet: 0 of the 3",
        "Table runner",
    ):
        assert said in page, said


def test_every_happening_of_a_timeline_is_told() -> None:
    source = Path(history.__file__).read_text()
    codes = set(re.findall(r'Happening\([^"]+"\w+", "(\w+)"', source)) | set(re.findall(r'_at, "(\w+)"\)', source))
    assert {"status", "took_up", "removed", "handle_ended", "freeze_ended", "sample"} <= codes
    assert codes == set(creator_timeline._TELL)


def token(client: FlaskClient, path: str) -> dict[str, str]:
    return {"csrf_token": form_token(client, path)}


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_a_merchant_answers_one_sample_and_many(world: World, enter: Enter) -> None:
    harbour, asked = enter("harbour"), world.programme["sample_id"]
    page = f"/dashboard/samples/{asked}"
    assert "Elm Street" not in harbour.get(page).text  # an address is for what is to be sent by hand
    form = token(harbour, page)
    assert "The reason is" in harbour.post(f"{page}/decline", data=form).text
    assert harbour.post(f"{page}/approve-by-hand", data=form).status_code == 303
    assert harbour.post(f"{page}/approve", data=form).status_code == 303  # approved already: the same again
    shown = harbour.get(page).text
    assert "Elm Street 12" in shown
    assert "or it lapses" in shown
    assert "Give one of the two" in harbour.post(f"{page}/shipped", data=form).text
    harbour.post(f"{page}/shipped", data={**form, "tracking": "JD0147"})
    shown = harbour.get(page).text
    assert "Elm Street" not in shown
    assert "JD0147" in shown
    assert "It is on its way already" in html.unescape(
        harbour.post(f"{page}/cancel", data={**form, "reason": "x"}).text
    )
    assert harbour.post(f"{page}/nothing", data=form).status_code == 404
    assert "sample is asked for" in harbour.get("/dashboard").text
    # Many: looked at first, and refused where something came or went.
    many = "/dashboard/samples/many"
    look = harbour.get(f"{many}?look=1&least=5000").text
    assert "1 request" in look
    assert "No request that waits" in harbour.get(f"{many}?look=1&score=50").text
    typed = {**form, "least": "5000", "seen": "2", "answer": "decline", "reason": "None left"}
    assert "came or went meanwhile" in harbour.post(many, data=typed).text
    seen = re.search(r'name="seen" value="(\w+)"', look)
    assert seen
    assert harbour.post(many, data={**typed, "seen": seen.group(1)}).status_code == 303
    with world.database.read(SYSTEM) as session:
        states = dict(session.execute(sa.select(Sample.state, sa.func.count()).group_by(Sample.state)).tuples().all())
        assert states == {"shipped": 1, "declined": 1, "approved": 1, "appealed": 1}
    # What is given: another one of the same takes its place.
    given = "/dashboard/samples/given"
    assert "no whole number" in harbour.post(given, data={**form, "kind": "free", "month": "a few"}).text
    harbour.post(given, data={**form, "kind": "free", "month": "5", "followers": "10000", "score": "80"})
    with world.database.read(SYSTEM) as session:
        rows = session.scalars(sa.select(SampleOffer).order_by(SampleOffer.id)).all()
        assert [(row.per_month, row.auto_followers, row.ends_at is None) for row in rows] == [
            (20, None, False), (5, 10_000, True),
        ]  # fmt: skip
    harbour.post(f"{given}/{rows[1].id}/end", data=form)
    assert "You give no samples yet" in harbour.get(given).text


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_support_sees_whom_to_look_at_and_decides_appeals(world: World, enter: Enter) -> None:
    kim = enter("Kim")
    with world.database.write(SYSTEM) as session:
        asked = SignUp(
            account_ref="a1", handle="lena.cooks", name="Lena", followers=800, born_on=NOW.date().replace(year=1990),
            accounts=(Account("tiktok", "lena", 900),),
        )  # fmt: skip
        months = world.now - timedelta(days=90)
        with pytest.raises(sign_up.InputRefused):
            sign_up.sign_up(session, asked, by="app:test", now=months)
        session.rollback()
    with world.database.write(SYSTEM) as session:
        enough = SignUp(**{name: getattr(asked, name) for name in asked.__struct_fields__} | {"followers": 1_200})
        lena = sign_up.sign_up(session, enough, by="app:test", now=months)[0]
        sign_up.tell_counts(session, lena, 300, {}, by="app:test", now=world.now - timedelta(days=30))
        sign_up.tell_counts(session, lena, 90_000, {}, by="app:test", now=world.now - timedelta(hours=2))
        for _ in range(2):
            violations.record(
                session, "creator", lena.id, "claims_cure", strikes=2, why="Said that it cures.", by="staff:Kim"
            )
        assert followers.count_at(session, lena.id, world.now) == 90_000
    queue = kim.get("/console/creators/queue?show=flagged").text + kim.get("/console/creators/queue").text
    assert "Lena" in queue
    assert "90,000" in queue
    assert "Lena" in kim.get("/console/creators/queue?show=strikes").text
    page = kim.get(f"/console/creators/{lena.id}").text
    for said in ("90,000 followers were told", "4 strikes count", "@lena", "version 2", "Sign-up", "Counts told"):
        assert said in page, said
    path = f"/console/creators/{lena.id}"
    assert kim.post(f"{path}/look", data=token(kim, path)).status_code == 303
    # Strikes lead to an act: finance suspends with a reason, and the app is told.
    fay = enter("Fay")
    assert "Suspend them" not in page
    assert kim.post(f"{path}/status", data=token(kim, path)).status_code == 403
    form = {**token(fay, path), "status": "suspended"}
    assert "The reason is shorter" in fay.post(f"{path}/status", data=form).text
    assert fay.post(f"{path}/status", data={**form, "why": "Four strikes"}).status_code == 303
    with world.database.read(SYSTEM) as session:
        assert queries.status_at(session, lena.id, clock.now()) == "suspended"
        said = session.scalars(sa.select(Notice).where(Notice.kind == "creator.status")).one()
        assert said.detail == {"status": "suspended", "reason": "Four strikes"}
    assert "The account is suspended" in kim.get(path).text
    told = kim.get(f"{path}/timeline?days=365").text
    for said in (
        "Breach recorded, 2 strikes",
        "90,000 followers, all together",
        "@lena on TikTok",
        "Suspended: Four strikes.",
    ):
        assert said in told, said
    assert "Breach recorded" not in kim.get(f"{path}/timeline?only=profile").text
    assert kim.get(f"{path}/timeline?only=nothing").status_code == 422
    # An appeal: decided with a reason, once.
    listed = kim.get("/console/samples?show=appeals").text
    sample_id = re.findall(r"/console/samples/(smp_\w+)", listed)[0]
    one = f"/console/samples/{sample_id}"
    assert "I was in hospital" in kim.get(one).text
    assert "Elm Street" not in kim.get(one).text
    assert "1 creator says why no content came" in kim.get("/console").text
    form = token(kim, one)
    wrong = kim.post(f"{one}/appeal", data={**form, "note": "Seen the letter"}).text
    assert "Choose what counts." in wrong
    assert 'value="Seen the letter"' in wrong
    assert "Say why" in kim.post(f"{one}/appeal", data={**form, "verdict": "excused"}).text
    assert kim.post(f"{one}/appeal", data={**form, "verdict": "excused", "note": "Seen the letter"}).status_code == 303
    assert "Seen the letter" in kim.get(one).text
    assert "Seen the letter" in enter("harbour").get(f"/dashboard/samples/{sample_id}").text
    # A store's answer that stays unknown is somebody's task.
    with world.database.write(SYSTEM) as session:
        row = session.get_one(Sample, world.programme["sample_id"])
        acts.approve(session, row.id, by="merchant:test")
        row.placing, row.place_at, row.moved_at = "unknown", world.now, world.now - timedelta(hours=3)
    assert "1 sample: the store's answer" in html.unescape(kim.get("/console").text)
    assert world.programme["sample_id"] in kim.get("/console/samples").text


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_support_says_whose_an_order_is_where_a_shop_doubts_it(world: World, enter: Enter) -> None:
    """Or a shop that doubts what a creator bought would keep the price for good."""
    with world.database.write(SYSTEM) as session:
        asked = session.get_one(Sample, world.programme["sample_id"])
        bought = acts.new(asked.shop_id, asked.creator_id, "refundable", 1, now=world.now)
        bought.state, bought.order_ref, bought.order_number, bought.currency = "ordered", "77", "#77", "EUR"
        bought.agreed_amount, bought.reason, bought.words = 2000, "order_doubted", "Another name"
        session.add(bought)
        path = f"/console/samples/{bought.id}"
    kim = enter("Kim")
    assert "the order is the creator&#39;s" in kim.get(path).text
    assert kim.post(f"{path}/confirm", data=token(kim, path)).status_code == 303
    with world.database.read(SYSTEM) as session:
        row = session.get_one(Sample, bought.id)
        assert (row.confirmed, row.words) == (True, "")
    # What the shop said nothing of stands among what is stuck; that it isn't theirs is said with a reason.
    with world.database.write(SYSTEM) as session:
        row = session.get_one(Sample, bought.id)
        row.confirmed, row.reason, row.look_at = False, "order_unanswered", world.now
    assert bought.id in kim.get("/console/samples?show=stuck").text
    assert "say whether it is theirs" in kim.get(path).text
    empty = kim.post(f"{path}/doubt", data=token(kim, path))
    assert empty.status_code == 200
    assert "The reason is empty" in empty.text
    assert kim.post(f"{path}/doubt", data={**token(kim, path), "reason": "Somebody else's"}).status_code == 303
    assert "Somebody else&#39;s" in kim.get(path).text
    assert bought.id not in kim.get("/console/samples?show=stuck").text
