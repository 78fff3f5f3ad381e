"""Pages of negotiations: a list as a file, rules, an answer to many, a report that support reads."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from connector import clock
from connector.access import links, staff, studio
from connector.audit import AuditRow
from connector.db import Database, Scope
from connector.programme import collaborations
from tests.attribution.world import World, put_on_roster
from tests.conftest import wired
from tests.web.conftest import settings

ALL = Scope.system("test")


def test_the_pages_of_a_shop_two_creators_and_support(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_roster(monkeypatch)
    world = World(sqlite_database).begin()
    app = wired(settings())

    def enter(path: str) -> FlaskClient:
        client = app.test_client()
        assert post(client, path, path).status_code == 303
        return client

    def post(client: FlaskClient, path: str, form_at: str, **data: Any) -> Any:
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(form_at).text)
        assert token, client.get(form_at).text
        return client.post(path, data={"csrf_token": token.group(1), **data})

    with sqlite_database.write(ALL) as session:
        for handle in ("x", "y"):
            collaborations.promote(session, world.creators[handle], world.shop_id, "A")
        keys = {handle: studio.link(session, world.creators[handle], by="test")[0] for handle in ("x", "y")}
        sam = staff.ensure(session, "Sam", "support", by="command").id
        merchant_key, staff_key = links.issue(session, "merchant", world.shop_id), links.issue(session, "staff", sam)
    shop, support = enter(f"/dashboard/sign-in/link/{merchant_key}"), enter(f"/console/sign-in/link/{staff_key}")
    x, y = (enter(f"/studio/sign-in/link/{keys[handle]}") for handle in ("x", "y"))
    last_day = (clock.now() + timedelta(days=50)).date().isoformat()
    offered = {"rate": "14", "last_day": last_day, "wait": "7"}

    # A list: what is refused stands by line, with its remedy; the file of it is no formula for a spreadsheet.
    sent = post(shop, "/dashboard/offers/invite", "/dashboard/offers/invite", **offered,
                file=(io.BytesIO(b"handle\n@x\n=nobody\nX\n"), "list.csv"))  # fmt: skip
    assert sent.status_code == 303, sent.text
    listed = shop.get(sent.location)
    assert "3 of 3 rows: 1 done, 2 refused." in listed.text
    assert "It stands on line 2 already." in listed.text
    assert sent.location in shop.get("/dashboard/offers/lists").text
    assert "3,'=nobody," in shop.get(f"{sent.location}/refused.csv").text
    for wrong, said in (({"handle": "who"}, "We know no creator"), ({"rate": "99", "handle": "y"}, "from 1 to 80"),
                        ({"last_day": "", "handle": "y"}, "The last day is missing"), ({}, "The handle is missing"),
                        ({"handle": "x"}, "There is an open offer with this creator")):  # fmt: skip
        answer = post(shop, "/dashboard/offers/invite", "/dashboard/offers/invite", **{**offered, **wrong})
        assert said in answer.text, said

    # All that is wrong with a form is said at once: the file has to be chosen anew each time.
    lacking = {"rate": "", "last_day": "", "fee": "1.2345", "starts": "soon"}
    answer = post(shop, "/dashboard/offers/invite", "/dashboard/offers/invite", **lacking).text
    for said in ("The rate is missing", "The last day is missing", "1.2345 has more decimals",
                 "The first day is no day", "The handle is missing"):  # fmt: skip
        assert said in answer, said

    # X answers with more; Y asks by herself. The shop takes what is within its limits, both at once.
    where = re.search(r"/studio/offers/(neg_\w+)", x.get("/studio/offers").text)
    assert where
    thread = f"/studio/offers/{where.group(1)}"
    assert y.get(thread).status_code == 404
    assert y.get(f"{thread}/export.json").status_code == 404
    countered = post(x, f"{thread}/offer", thread, **offered | {"rate": "15"}, number="1", agreed="0")
    assert countered.status_code == 303, countered.text
    assert "Another offer took the place" in post(x, f"{thread}/answer", thread, number="1", answer="accept").text
    assert world.shop_id in y.get("/studio/offers/new").text
    asked = post(y, "/studio/offers/new", f"/studio/offers/new?shop={world.shop_id}", shop=world.shop_id, **offered,
                 products="A", sample="1")  # fmt: skip
    assert asked.status_code == 303, asked.text
    many = "/dashboard/offers/many"

    def look() -> str:
        found = re.search(r'name="seen" value="(\w+)"', shop.get(f"{many}?look=1&most=20").text)
        assert found
        return found.group(1)

    assert "2 offers of creators wait for your answer" in shop.get("/dashboard").text
    looked = shop.get(f"{many}?look=1&most=20").text
    assert "2 offers" in looked
    assert "1 wishes for a sample" in looked
    # X asks for more after the look: as many offers as before, and none is taken that nobody has looked at.
    seen = look()
    assert post(x, f"{thread}/offer", thread, **offered | {"rate": "19"}, number="2", agreed="0").status_code == 303
    late = post(shop, many, f"{many}?look=1", most="20", seen=seen, answer="accept")
    assert "Offers came or went" in late.text
    done = post(shop, many, f"{many}?look=1", most="20", seen=look(), answer="accept")
    assert "2 done, 0 refused" in shop.get(done.location).text
    assert "Agreement, version 1" in x.get(thread).text

    # The thread; a message that is reported is read by support, with what stood around it.
    post(x, f"{thread}/messages", thread, text="<script>alert(1)</script>")
    mine = thread.replace("/studio", "/dashboard")
    home = shop.get("/dashboard").text
    assert "1 message of a creator isn&#39;t read" in home
    assert "wait for your answer" not in home
    assert "&lt;script&gt;alert(1)" in shop.get(mine).text
    assert "The message is empty" in post(shop, f"{mine}/messages", mine, text=" ").text
    assert "Say what is wrong with it" in post(shop, f"{mine}/messages/1/report", mine, words=" ").text
    assert post(shop, f"{mine}/messages/1/report", mine, words="Not kind").status_code == 303
    assert "You reported it" in shop.get(mine).text
    report = re.search(r"/console/reports/mrp_\w+", support.get("/console/reports").text)
    assert report
    assert "Not kind" in support.get(report.group()).text
    assert post(support, f"{report.group()}/close", report.group(), note="Warned").status_code == 303
    assert report.group() in support.get("/console/reports?show=closed").text
    assert x.get(f"{thread}/export.csv").text.count("message") == 1

    # Support in a dispute: the agreement word for word; what the two wrote, and a file of it, with a reason.
    whole = f"/console/negotiations/{where.group(1)}"
    assert support.get(f"/console/find?q={where.group(1)}").location == whole
    assert whole in support.get(report.group()).text
    shown = support.get(whole).text
    for said in ("Agreement, version 1", "19.00 per cent", "Message 1, by the shop", "Offer 3"):
        assert said in shown, said
    assert "alert(1)" not in shown
    assert "The reason is empty" in post(support, f"{whole}/messages", whole, why=" ").text
    assert "&lt;script&gt;alert(1)" in post(support, f"{whole}/messages", whole, why="Ticket 12").text
    assert "alert(1)" not in support.get(f"{whole}/messages").text
    file = post(support, f"{whole}/messages", whole, why="Ticket 12", **{"as": "csv"})
    assert (file.mimetype, file.text.count("message,1")) == ("text/csv", 1)
    with sqlite_database.read(ALL) as session:
        read = session.scalars(sa.select(AuditRow).where(AuditRow.act.like("message.%")).order_by(AuditRow.id)).all()
    assert [(row.act, row.actor, row.detail.get("why")) for row in read[-2:]] == [
        ("message.read", "staff:Sam", "Ticket 12"), ("message.export", "staff:Sam", "Ticket 12"),
    ]  # fmt: skip

    # A rule, and its end.
    rules = "/dashboard/offers/rules"
    assert "is no whole number" in post(shop, rules, rules, most="15", followers="many", days="90").text
    wrong = post(shop, rules, rules, most="99999", followers="many", days="x", last_day="soon").text
    assert (wrong.count("is no whole number"), "is no day" in wrong, "from 1 to 80" in wrong) == (4, True, True)
    assert post(shop, rules, rules, most="15", followers="50,000", days="90").status_code == 303
    ending = re.search(rf"{rules}/arl_\w+/end", shop.get(rules).text)
    assert ending
    assert "at least 50,000 followers" in shop.get(rules).text
    post(shop, ending.group(), rules)
    assert "Ended already" in shop.get(rules).text
