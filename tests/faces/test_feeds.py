"""The merchant's feeds: made, built by the worker's own code, looked at, given a new address; never another shop's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from connector.db import Scope
from connector.insight.feeds import build, feeds, files
from connector.insight.feeds.tables import Feed, FeedBuild
from tests.browser.world import World
from tests.faces.conftest import form_token

Enter = Callable[[str], FlaskClient]
SYSTEM = Scope.system("test")


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files, "_folder", tmp_path / "feeds")


def _build(world: World, feed_id: str) -> FeedBuild:
    with world.database.read(SYSTEM) as session:
        row = feeds.newest_build(session, feed_id)
        assert row is not None
        build_id, shop_id = row.id, row.shop_id
    build.build(build_id, shop_id)
    with world.database.read(SYSTEM) as session:
        return session.get_one(FeedBuild, build_id)


def test_a_merchant_makes_builds_and_voids_a_feed(world: World, enter: Enter) -> None:
    merchant = enter("kita")
    assert "Your first feed" in merchant.get("/dashboard/feeds").text
    form = {"csrf_token": form_token(merchant, "/dashboard/feeds")}
    assert merchant.post("/dashboard/feeds", data={**form, "feed": "google:csv"}).status_code == 422
    assert merchant.post("/dashboard/feeds", data={**form, "feed": "google:tsv"}).location == "/dashboard/feeds"
    with world.database.read(SYSTEM) as session:
        feed = session.scalars(sa.select(Feed).where(Feed.shop_id == world.shops["kita"])).one()
    page = merchant.get("/dashboard/feeds").text
    assert "Nothing is given out yet." in page
    assert 'data-state="live"' in merchant.get("/dashboard/feeds/part").text
    built = _build(world, feed.id)
    assert (built.cause, built.status, built.refused) == ("merchant", "refusals", 1)
    page = merchant.get("/dashboard/feeds").text
    assert 'data-state="final"' in merchant.get("/dashboard/feeds/part").text
    for said in ("It has no image", "Add an image of 600", feeds.path(feed), "深煎りブレンド 200g", "1 is refused"):
        assert said in page, said
    report = merchant.get(f"/dashboard/feeds/{feed.id}/report.csv")
    assert (report.mimetype, report.headers["Cache-Control"]) == ("text/csv", "private, no-store")
    assert "image_missing" in report.get_data(as_text=True)
    assert merchant.post(f"/dashboard/feeds/{feed.id}/build", data=form).status_code == 303
    assert merchant.post(f"/dashboard/feeds/{feed.id}/renew", data=form).status_code == 303
    page = merchant.get("/dashboard/feeds").text
    assert feeds.path(feed) not in page
    assert "The file before is still given out." in page
    # A build that fails says why and leaves the figures of the last good one.
    with world.database.write(SYSTEM) as session:
        row = feeds.newest_build(session, feed.id)
        assert row is not None
        row.status, row.problem = "failed", "an id is in the file twice"
    page = merchant.get("/dashboard/feeds").text
    assert "The last build failed: an id is in the file twice. The file before is still given out." in page
    assert "It has no image" in page


def test_another_shops_feed_is_not_there(world: World, enter: Enter) -> None:
    kita = enter("kita")
    form = {"csrf_token": form_token(kita, "/dashboard/feeds")}
    for act in ("build", "renew"):
        assert kita.post(f"/dashboard/feeds/{world.feed_id}/{act}", data=form).status_code == 404
    assert kita.get(f"/dashboard/feeds/{world.feed_id}/report.csv").status_code == 404
    assert world.feed_id not in kita.get("/dashboard/feeds").text
    assert enter("harbour").get(f"/dashboard/feeds/{world.feed_id}/report.csv").status_code == 404  # not kept
