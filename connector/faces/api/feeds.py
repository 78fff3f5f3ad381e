"""Product feeds: made, built, read about; and the files themselves, which channels fetch by a secret address."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from flask import Blueprint, Response, current_app, send_file
from pydantic import Field
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.errors import NotFound
from connector.faces.api.face import blueprint, paged
from connector.faces.api.shapes import Asked, Given, Ident, PagedList, example
from connector.insight.feeds import build as builds
from connector.insight.feeds import feeds, files
from connector.insight.feeds.tables import Feed, FeedBuild
from connector.insight.feeds.writing import KINDS
from connector.web.guards import actor, app_scope, public

given_out = Blueprint("feed_files", __name__)


class FeedAsked(Asked):
    model_config = example(channel="google", format="rss", every_hours=6)

    channel: Literal["google", "meta", "tiktok"]
    format: Literal["rss", "atom", "tsv", "csv"] | None = Field(
        None, description="google: rss, atom or tsv; meta: csv or rss; tiktok: csv. Without it the first of these."
    )
    every_hours: int = Field(
        feeds.EVERY_HOURS, ge=0, le=720, description="Built again after so long when the catalog changed; 0: on demand."
    )


class FeedItemShown(Given):
    item_id: Ident
    product_ref: str
    variant_ref: str
    title: str
    severity: Literal["refused", "warning"]
    field: str = Field(description="The channel's own name of the field, empty where it is about none.")
    detail: str


class FeedCodeShown(Given):
    """One thing that was found, with what to do about it."""

    code: str
    title: str
    remedy: str
    count: int
    items: list[FeedItemShown] = Field(description="The first few. All of them are in the report.")


class FeedBuildShown(Given):
    id: Ident
    feed_id: Ident
    status: Literal["queued", "running", "done", "refusals", "failed"]
    cause: Literal["command", "app", "merchant", "schedule"]
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    problem: str
    products: int
    items: int = Field(description="Variants looked at: written + refused.")
    written: int
    refused: int
    warned: int = Field(description="Written ones with a warning.")
    counts: dict[str, int] = Field(description="What was found, by code.")
    size: int = Field(description="Bytes of the file.")


class FeedShown(Given):
    id: Ident
    shop_id: Ident
    channel: Literal["google", "meta", "tiktok"]
    format: Literal["rss", "atom", "tsv", "csv"]
    every_hours: int
    url: str = Field(description="Give it to the channel and to nobody else: who has it can read the feed.")
    ready: bool = Field(description="Whether a file is given out there.")
    newest_build: FeedBuildShown | None


class FeedList(PagedList):
    items: list[FeedShown]


class FeedBuildWhole(FeedBuildShown):
    found: list[FeedCodeShown]


class FeedBuildList(PagedList):
    items: list[FeedBuildShown]


@blueprint.get("/shops/<shop_id>/feeds")
@app_scope("feeds:read")
@blueprint.output(FeedList)
@paged("list_feeds")
def list_feeds(shop_id: str) -> FeedList:
    """A shop's feeds with their addresses"""
    with db.read(Scope.app()) as session:
        shop = shops.get(session, shop_id)
        return FeedList(items=[_shown(session, feed) for feed in feeds.of_shop(session, shop.id)])


@blueprint.post("/shops/<shop_id>/feeds")
@app_scope("feeds:write")
@blueprint.input(FeedAsked)
@blueprint.output(FeedShown, status_code=201)
def create_feed(shop_id: str, json_data: FeedAsked) -> FeedShown:
    """Make a shop's feed for a channel, and queue its first build

    Asked again for the same channel and format it is the same feed.
    """
    with db.write(Scope.app()) as session:
        feed = feeds.create(
            session, shop_id, json_data.channel, json_data.format or "", every_hours=json_data.every_hours, by=actor()
        )
        return _shown(session, feed)


@blueprint.get("/feeds/<feed_id>")
@app_scope("feeds:read")
@blueprint.output(FeedShown)
def read_feed(feed_id: str) -> FeedShown:
    """One feed"""
    with db.read(Scope.app()) as session:
        return _shown(session, feeds.get(session, feed_id))


@blueprint.delete("/feeds/<feed_id>")
@app_scope("feeds:write")
@blueprint.output({}, status_code=204)
def remove_feed(feed_id: str) -> str:
    """Take a feed away: its address leads nowhere, its files are deleted"""
    with db.write(Scope.app()) as session:
        feeds.remove(session, feeds.get(session, feed_id), by=actor())
    files.drop_all(feed_id)
    return ""


@blueprint.post("/feeds/<feed_id>/renew")
@app_scope("feeds:write")
@blueprint.output(FeedShown)
def renew_feed(feed_id: str) -> FeedShown:
    """Give a feed a new address; the one that is out leads nowhere from now on"""
    with db.write(Scope.app()) as session:
        feed = feeds.get(session, feed_id)
        feeds.renew(session, feed, by=actor())
        return _shown(session, feed)


@blueprint.get("/feeds/<feed_id>/builds")
@app_scope("feeds:read")
@blueprint.output(FeedBuildList)
@paged("list_builds")
def list_builds(feed_id: str) -> FeedBuildList:
    """A feed's latest builds, newest first"""
    with db.read(Scope.app()) as session:
        feed = feeds.get(session, feed_id)
        return FeedBuildList(items=[FeedBuildShown.model_validate(row) for row in feeds.builds(session, feed.id)])


@blueprint.post("/feeds/<feed_id>/builds")
@app_scope("feeds:write")
@blueprint.output(FeedBuildShown, status_code=202)
def build_feed(feed_id: str) -> FeedBuildShown:
    """Build a feed now; the build that is under way, where there is one"""
    with db.write(Scope.app()) as session:
        return FeedBuildShown.model_validate(feeds.start(session, feeds.get(session, feed_id), "app"))


@blueprint.get("/feeds/builds/<build_id>")
@app_scope("feeds:read")
@blueprint.output(FeedBuildWhole)
def read_build(build_id: str) -> FeedBuildWhole:
    """One build: what was refused and warned of, by code, each with a remedy and its first items"""
    with db.read(Scope.app()) as session:
        row = _build(session, build_id)
        found = [FeedCodeShown.model_validate(each) for each in feeds.told(session, row)]
        return FeedBuildWhole(**FeedBuildShown.model_validate(row).model_dump(), found=found)


@blueprint.get("/feeds/builds/<build_id>/report")
@app_scope("feeds:read")
@blueprint.doc(responses={200: "CSV, a row an item and finding"})
def read_report(build_id: str) -> Response:
    """Every refused item and every warning of a build, with what to do: a CSV file

    The newest two builds keep theirs.
    """
    with db.read(Scope.app()) as session:
        path = builds.report_path(_build(session, build_id))
    if path is None:
        raise NotFound("the report is gone", public="This build's report isn't kept any more. Ask for a newer one's.")
    return _file(path, "text/csv", f"{build_id}.csv")


@given_out.get("/feeds/<feed_id>/<key>/<name>")
@public("channels fetch a feed by an address that nobody can guess")
def give_out(feed_id: str, key: str, name: str) -> Response:
    """The last good file, with an ETag that an unchanged catalog keeps."""
    with db.read(Scope.app()) as session:
        feed = feeds.opened(session, feed_id, key)
        row = session.get(FeedBuild, feed.built_id) if feed.built_id is not None else None
    if row is None:
        raise NotFound("the feed was never built", public="This feed is being built for the first time. Ask later.")
    path = files.built(feed.id, row.id, feed.format)
    if not path.is_file():
        raise NotFound("the feed's file is gone", public="This feed is being built again. Ask later.")
    kind = KINDS[feed.format]
    answer = _file(path, kind[1], f"{feed.channel}.{kind[0]}", etag=row.etag)
    answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    return answer


def _file(path: Path, kind: str, name: str, etag: str | bool = True) -> Response:
    # Attachment and nosniff: a merchant's text is never a page under our address.
    answer = send_file(
        path.absolute(), mimetype=kind, as_attachment=True, download_name=name, conditional=True, etag=etag, max_age=0
    )
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def _build(session: Session, build_id: str) -> FeedBuild:
    row = session.get(FeedBuild, build_id)
    if row is None:
        raise NotFound(f"no build has the id {build_id[:40]!r}")
    return row


def _shown(session: Session, feed: Feed) -> FeedShown:
    newest = feeds.newest_build(session, feed.id)
    return FeedShown(
        id=feed.id,
        shop_id=feed.shop_id,
        channel=feed.channel,  # type: ignore[arg-type]
        format=feed.format,  # type: ignore[arg-type]
        every_hours=feed.every_hours,
        url=current_app.config["CONNECTOR"].public_url + feeds.path(feed),
        ready=feed.built_id is not None,
        newest_build=None if newest is None else FeedBuildShown.model_validate(newest),
    )
