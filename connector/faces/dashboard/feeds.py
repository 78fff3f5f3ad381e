"""The merchant's product feeds: what a channel gets, where it fetches it, and what was refused with what to do."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from flask import Response, current_app, flash, g, redirect, request, send_file, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import db
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import InputRefused, NotFound
from connector.faces.dashboard.face import blueprint
from connector.insight.feeds import build as builds
from connector.insight.feeds import feeds as rooms
from connector.insight.feeds.channels import FORMATS
from connector.insight.feeds.feeds import UNDER_WAY, Told
from connector.insight.feeds.tables import Feed, FeedBuild
from connector.web import guards, moments, words
from connector.web.guards import merchant
from connector.web.layout import page
from connector.web.words import Badge

CHANNELS = {"google": "Google Merchant Center", "meta": "Meta (Facebook and Instagram)", "tiktok": "TikTok"}
FORMAT_WORDS = {"rss": "RSS", "atom": "Atom", "tsv": "TSV", "csv": "CSV"}


@dataclass(frozen=True, slots=True)
class Cause:
    """What was found by one code: refused items are not in the file, the others are with less."""

    told: Told
    refused: bool
    more: int  # how many beyond the items that are shown


@dataclass(frozen=True, slots=True)
class View:
    """A feed as its panel shows it. `shown` is the newest build that is over: its figures stand while one runs."""

    feed: Feed
    title: str
    url: str
    newest: FeedBuild | None
    shown: FeedBuild | None
    state: Badge
    sentence: str
    causes: list[Cause]
    report: bool

    @property
    def under_way(self) -> bool:
        return self.newest is not None and self.newest.status in UNDER_WAY


@blueprint.get("/feeds")
@merchant
def feeds() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        views = [_view(session, feed) for feed in rooms.of_shop(session, shop.id)]
    made = {(view.feed.channel, view.feed.format) for view in views}
    offered = [
        (f"{channel}:{kind}", title(channel, kind))
        for channel, kinds in FORMATS.items()
        for kind in kinds
        if (channel, kind) not in made
    ]
    return page("dashboard/feeds.html", shop=shop, views=views, offered=offered, live=_live(views))


@blueprint.get("/feeds/part")
@merchant
def feeds_part() -> str:
    """How the builds under way stand, asked for again every 2 s."""
    with db.read(Scope.shop(g.shop.id)) as session:
        views = [_view(session, feed) for feed in rooms.of_shop(session, g.shop.id)]
    return page("dashboard/feeds_part.html", live=_live(views))


@blueprint.post("/feeds")
@merchant
def make_feed() -> AnyResponse:
    channel, _, kind = request.form.get("feed", "").partition(":")
    if channel not in FORMATS or kind not in FORMATS[channel]:
        raise InputRefused("feed", "is none of the list.", "Choose a channel and its format.")
    with db.write(Scope.shop(g.shop.id)) as session:
        rooms.create(session, g.shop.id, channel, kind, by=guards.actor())
    flash(f"The feed for {title(channel, kind)} is being built. Its address is below.")
    return redirect(url_for(".feeds"), code=303)


@blueprint.post("/feeds/<feed_id>/build")
@merchant
def build_feed(feed_id: str) -> AnyResponse:
    with db.write(Scope.shop(g.shop.id)) as session:
        rooms.start(session, _own(session, feed_id), "merchant")
    flash("The feed is being built again. Until it is done, the file before goes on being given out.")
    return redirect(url_for(".feeds"), code=303)


@blueprint.post("/feeds/<feed_id>/renew")
@merchant
def renew_feed(feed_id: str) -> AnyResponse:
    with db.write(Scope.shop(g.shop.id)) as session:
        rooms.renew(session, _own(session, feed_id), by=guards.actor())
    flash("The feed has a new address. The one before leads nowhere now: give the channel the new one.")
    return redirect(url_for(".feeds"), code=303)


@blueprint.get("/feeds/<feed_id>/report.csv")
@merchant
def feed_report(feed_id: str) -> Response:
    """Every refused item and every warning of the newest build that is over, with what to do."""
    with db.read(Scope.shop(g.shop.id)) as session:
        built = _over(session, _own(session, feed_id))
        path = builds.report_path(built) if built is not None else None
    if path is None:
        raise NotFound("the report is gone", public="This build's report isn't kept any more. Build the feed again.")
    answer = send_file(path.absolute(), mimetype="text/csv", as_attachment=True, download_name="feed-report.csv")
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def title(channel: str, kind: str) -> str:
    return f"{CHANNELS.get(channel, channel)}, {FORMAT_WORDS.get(kind, kind)}"


def _own(session: Session, feed_id: str) -> Feed:
    """Errors: NotFound, for another shop's too."""
    feed = rooms.get(session, feed_id)
    if feed.shop_id != g.shop.id:
        raise NotFound(f"feed {feed_id[:40]!r} is another shop's", public="No feed of yours has this address.")
    return feed


def _over(session: Session, feed: Feed) -> FeedBuild | None:
    """The newest build that made a file."""
    return session.scalar(
        sa.select(FeedBuild)
        .where(FeedBuild.feed_id == feed.id, FeedBuild.status.in_(("done", "refusals")))
        .order_by(FeedBuild.queued_at.desc(), FeedBuild.id.desc())
        .limit(1)
    )


def _view(session: Session, feed: Feed) -> View:
    newest, shown = rooms.newest_build(session, feed.id), _over(session, feed)
    causes = [
        Cause(told, any(item.severity == "refused" for item in told.items), told.count - len(told.items))
        for told in (rooms.told(session, shown) if shown is not None else ())
    ]
    return View(
        feed, title(feed.channel, feed.format), current_app.config["CONNECTOR"].public_url + rooms.path(feed), newest,
        shown, words.status("run", newest.status) if newest is not None else Badge("idle", "Not built"),
        _sentence(newest, shown), sorted(causes, key=lambda cause: not cause.refused),
        shown is not None and builds.report_path(shown) is not None,
    )  # fmt: skip


def _sentence(newest: FeedBuild | None, shown: FeedBuild | None) -> str:
    before = "The file before is still given out." if shown is not None else "Nothing is given out yet."
    if newest is None:
        return "It was never built."
    if newest.status == "failed":
        return f"The last build failed: {newest.problem.rstrip('.')}. {before}"
    if newest.status in UNDER_WAY:
        return f"It is being built. {before}"
    if newest.items == 0:
        return "The file is empty: no product can be sold yet."
    if newest.refused == 0:
        return f"All {newest.items:,} items are in the file." if newest.items > 1 else "The one item is in the file."
    stay = "1 is refused" if newest.refused == 1 else f"{newest.refused:,} are refused"
    return f"{newest.written:,} of {newest.items:,} items are in the file; {stay}, with the reasons below."


def _live(views: list[View]) -> list[tuple[str, int]]:
    """(feed, items so far) of each build under way."""
    return [(view.title, view.newest.items) for view in views if view.newest is not None and view.under_way]
