"""Build a feed: the catalog, an item at a time, into a file that is then read back and only then given out.

    items.stream → channels.fields → validator.check → writing → read back → validator.check → the feed's file

Constant memory; no database session is open while a page is written. A killed build begins again from the start (a
build has no half that is worth keeping), and its file takes the place of the last one by a rename. Whatever goes
wrong, the last good file stays the one that is given out.
"""

from __future__ import annotations

import csv
import os
from array import array
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

import sqlalchemy as sa

from connector import clock, db, jobs, telemetry
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.earnings.payouts.rails import defused
from connector.errors import NotFound
from connector.insight.feeds import channels, feeds, files, text, validator, writing
from connector.insight.feeds.channels import Fields
from connector.insight.feeds.findings import WORDS, Finding
from connector.insight.feeds.items import Item, Source, stream
from connector.insight.feeds.tables import Feed, FeedBuild, FeedFinding

SAMPLES = 20  # rows a code in the database; all of them are in the report
KEPT_FILES, KEPT_BUILDS = 2, 30
_HEARD = timedelta(seconds=5)
_REPORT = ("item", "product", "variant", "title", "verdict", "code", "what", "field", "detail", "what to do")
_log = telemetry.logger(__name__)


class _Failed(Exception):
    """The build can't be given out; the text says why and is kept with it."""


@jobs.workflow(feeds.JOB)
def build(build_id: str, shop_id: str) -> int:
    """Build what `feeds.start` queued; how many items were written. A build that is over already changes nothing."""
    with db.write(Scope.shop(shop_id)) as session:
        row = session.get(FeedBuild, build_id)
        feed = session.get(Feed, row.feed_id) if row is not None else None
        if row is None or feed is None or feed.removed_at is not None or row.status not in ("queued", "running"):
            return 0
        row.status, row.started_at, row.heard_at = "running", clock.now(), clock.now()
        session.expunge(feed)
    try:
        made = _Build(feed, build_id)
        made.write()
        made.read_back()
        made.give_out()
    except (_Failed, OSError, NotFound) as error:
        _log.warning("feed.failed", build_id=build_id, feed_id=feed.id, problem=str(error)[:200])
        _failed(build_id, shop_id, str(error)[:500])
        return 0
    except Exception as error:
        _failed(build_id, shop_id, f"an error on our side ({type(error).__name__})")
        raise
    return made.written


def _failed(build_id: str, shop_id: str, problem: str) -> None:
    with db.write(Scope.shop(shop_id)) as session:
        failed = session.get(FeedBuild, build_id)
        if failed is not None:  # else the shop was erased meanwhile
            failed.status, failed.problem, failed.finished_at = "failed", problem, clock.now()


class _Build:
    def __init__(self, feed: Feed, build_id: str) -> None:
        self.feed, self.build_id = feed, build_id
        self.rules = validator.rules(feed.channel)
        self.place = files.built(feed.id, build_id, feed.format)
        self.draft = self.place.with_suffix(".part")
        self.report = files.report(feed.id, build_id)
        self.products = self.items = self.written = self.refused = self.warned = 0
        self.counts: Counter[str] = Counter()
        self.samples: list[dict[str, Any]] = []
        self.size, self.etag, self.longest = 0, "", 0
        self._heard = clock.now()

    def write(self) -> None:
        source = Source(self.feed.shop_id)
        self.place.parent.mkdir(parents=True, exist_ok=True)
        with self.draft.open("wb") as raw, self.report.open("w", encoding="utf-8", newline="") as told:
            os.fchmod(raw.fileno(), 0o600)
            out = writing.Out(raw)
            writer = writing.writer(self._about(source), out)
            writer.begin()
            csv.writer(told).writerow(_REPORT)
            for products, items in stream(source):
                for item in items:
                    self._item(item, writer, told)
                self.products = products
                self._say_so()
            writer.end()
            raw.flush()
            os.fsync(raw.fileno())
        self.size, self.etag, self.longest = out.size, out.etag, out.longest

    def _about(self, source: Source) -> writing.About:
        with db.read(Scope.shop(self.feed.shop_id)) as session:
            shop = shops.get(session, self.feed.shop_id)
        link = shop.storefront_url or f"https://{shop.domain}/"
        return writing.About(self.feed.channel, self.feed.format, text.plain(source.shop_name), link)

    def _item(self, item: Item, writer: writing.Writer, told: TextIO) -> None:
        fields, found = channels.fields(self.feed.channel, item)
        found += validator.check(self.rules, fields)
        self.items += 1
        if any(each.severity == "refused" for each in found):
            self.refused += 1
        else:
            writer.item(fields)
            self.written += 1
            self.warned += bool(found)
        self._note(item, found, told)

    def _note(self, item: Item, found: Iterable[Finding], told: TextIO) -> None:
        rows = csv.writer(told)
        for each in dict.fromkeys(found):
            word = WORDS[each.code]
            cells = (
                item.item_id, item.product_ref, item.variant_ref, item.title, each.severity, each.code, word.title,
                each.field, each.detail, word.remedy,
            )  # fmt: skip
            rows.writerow([defused(_writable(cell)) for cell in cells])
            self.counts[each.code] += 1
            if self.counts[each.code] <= SAMPLES:
                self.samples.append(
                    {
                        "build_id": self.build_id, "number": len(self.samples), "item_id": item.item_id,
                        "product_ref": item.product_ref, "variant_ref": item.variant_ref,
                        "title": _writable(item.title)[:200], "severity": each.severity, "code": each.code,
                        "field": each.field, "detail": _writable(each.detail),
                    }
                )  # fmt: skip

    def _say_so(self) -> None:
        """Progress, every few seconds."""
        if clock.now() - self._heard < _HEARD:
            return
        self._heard = clock.now()
        with db.write(Scope.shop(self.feed.shop_id)) as session:
            row = session.get_one(FeedBuild, self.build_id)
            row.heard_at, row.products, row.items = self._heard, self.products, self.items
            row.written, row.refused = self.written, self.refused

    def read_back(self) -> None:
        """What is in the file is what was meant: as many items, each holding to the rules, no id twice."""
        seen = array("Q")
        try:
            for fields in writing.read(self.draft, self.feed.format):
                self._holds(fields)
                seen.append(int.from_bytes(blake2b(fields[self.rules.id].encode(), digest_size=8).digest(), "big"))
        except ValueError as error:
            raise _Failed(f"the file can't be read back: {error}") from None
        if len(seen) != self.written:
            raise _Failed(f"{self.written} items were written and {len(seen)} read back")
        ordered = sorted(seen)
        if any(left == right for left, right in pairwise(ordered)):
            raise _Failed("an id is in the file twice")
        if self.rules.line_bytes and self.longest > self.rules.line_bytes:
            raise _Failed(f"a line has {self.longest} bytes, {self.rules.line_bytes} are taken")

    def _holds(self, fields: Fields) -> None:
        wrong = [each for each in validator.check(self.rules, fields) if each.severity == "refused"]
        if wrong:
            item = fields.get(self.rules.id, "an item without id")
            raise _Failed(f"{item} read back breaks a rule: {wrong[0].code} in {wrong[0].field}")

    def give_out(self) -> None:
        self.draft.replace(self.place)
        with db.write(Scope.shop(self.feed.shop_id)) as session:
            row, feed = session.get(FeedBuild, self.build_id), session.get(Feed, self.feed.id, with_for_update=True)
            if row is None or feed is None or feed.removed_at is not None:
                # Removed, or its shop erased, while it was built: nothing of it may stay behind.
                files.drop_all(self.feed.id)
                raise _Failed("the feed was removed meanwhile")
            row.status = "refusals" if self.refused else "done"
            row.finished_at = row.heard_at = clock.now()
            row.products, row.items, row.written = self.products, self.items, self.written
            row.refused, row.warned, row.counts = self.refused, self.warned, dict(self.counts)
            row.size, row.etag = self.size, self.etag
            feed.built_id = self.build_id
            session.execute(sa.delete(FeedFinding).where(FeedFinding.build_id == self.build_id))
            if self.samples:
                session.execute(sa.insert(FeedFinding), self.samples)
            self._forget(session)
            kept = [one.id for one in feeds.builds(session, feed.id, KEPT_FILES) if one.id != row.id]
        files.drop_others(self.feed.id, {self.build_id, *kept[: KEPT_FILES - 1]})
        _log.info(
            "feed.built", build_id=self.build_id, feed_id=self.feed.id, written=self.written, refused=self.refused,
            size=self.size,
        )  # fmt: skip

    def _forget(self, session: Any) -> None:
        old = [one.id for one in feeds.builds(session, self.feed.id, 10 * KEPT_BUILDS)[KEPT_BUILDS:]]
        if old:
            session.execute(sa.delete(FeedFinding).where(FeedFinding.build_id.in_(old)))
            session.execute(sa.delete(FeedBuild).where(FeedBuild.id.in_(old)))


def _writable(text: str) -> str:
    """For tables and reports: without NUL and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def report_path(build_row: FeedBuild) -> Path | None:
    """The report of a build, while it is kept."""
    found = files.report(build_row.feed_id, build_row.id)
    return found if found.is_file() else None
