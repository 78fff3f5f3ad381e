"""The inbox's and the privacy pages' part of the world: a quarantined message, replays, requests in every state."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, vault
from connector.commerce.catalog.ids import listing_id
from connector.db import new_id
from connector.earnings.attribution import acts as decided
from connector.earnings.attribution import codes
from connector.earnings.attribution.acts import ActAsked
from connector.earnings.commission import freezes
from connector.earnings.commission.freezes import Ask
from connector.earnings.commission.tables import EventBonus, EventClose
from connector.insight.feeds.tables import Feed, FeedBuild, FeedFinding
from connector.operations.imports.tables import Import, ImportRow
from connector.operations.privacy import erase
from connector.operations.privacy.tables import PrivacyExport, PrivacyFinding, PrivacyRequest
from connector.operations.sampling import acts
from connector.operations.telling import gather
from connector.operations.telling.tables import Endpoint, Told
from connector.programme import collaborations
from connector.programme.collaborations import approvals, events, messages, negotiation
from connector.programme.collaborations.proposals import Proposal
from connector.programme.content import anchors
from connector.programme.content import queries as contents
from connector.programme.creators import countries, followers, profiles
from connector.programme.samples import offers
from connector.webhooks.tables import Replay, ReplayLine


def deciding(session: Session, shop_id: str, creator_id: str, order_id: str, now: datetime) -> tuple[str, str]:
    """A creator's code, and an act that a second person refused; their ids."""
    code = codes.create(session, shop_id, creator_id, "MIRA15", by="test", now=now - timedelta(days=60))
    asked = ActAsked(kind="manual", shop_id=shop_id, order_id=order_id, creator_id=creator_id)
    act = decided.propose(
        session, asked, actor="staff:Fay", reason="They met at the fair", token="t", needs_second=True, now=now
    )
    decided.refuse(session, act.id, by="staff:Sam", why="The tap of another creator stands", now=now)
    return code.id, act.id


def replays(session: Session, shop_id: str, deliveries: list[str]) -> str:
    """A preview that found something to book, and a run under way; the preview's id."""
    now = clock.wall()
    look = Replay(
        id=new_id("rpl"), kind="preview", preview_id=None, asked={"status": "parked", "shop_id": shop_id},
        asked_by="staff:Kim", asked_at=now - timedelta(minutes=9), status="done", total=len(deliveries),
        taken=len(deliveries), entries=1, started_at=now - timedelta(minutes=9), heard_at=now - timedelta(minutes=8),
        finished_at=now - timedelta(minutes=8),
    )  # fmt: skip
    run = Replay(
        id=new_id("rpl"), kind="run", preview_id=None, asked={"topic": "orders/paid"}, asked_by="command",
        asked_at=now - timedelta(minutes=2), status="running", total=5, taken=2, started_at=now, heard_at=now,
        finished_at=None,
    )  # fmt: skip
    session.add_all([look, run])
    session.flush()
    for number, delivery_id in enumerate(deliveries, 1):
        moves = [
            {"account": "creator_pending", "currency": "EUR", "before": 0, "after": -747},
            {"account": "merchant_receivable", "currency": "EUR", "before": 0, "after": 747},
        ]
        first = number == 1
        session.add(
            ReplayLine(
                replay_id=look.id, number=number, delivery_id=delivery_id, shop_id=shop_id, order_ref="510482",
                taken_at=now, outcome="done" if first else "parked", reason="" if first else "unreadable",
                entries=int(first), moves=moves if first else [],
            )
        )  # fmt: skip
    return look.id


def requests(session: Session, shops: dict[str, str], order_id: str, delivery_id: str) -> str:
    """One of each state; the id of the data request whose file is ready."""
    now = clock.wall()
    ready = ""
    for kind, status, days, reason in (
        ("customer_erase", "failed", 31, ""),
        ("customer_data", "ready", 6, ""),
        ("customer_erase", "running", 1, "waits_for_pin"),
        ("customer_erase", "done", 12, ""),
        ("shop_erase", "cancelled", 40, "shop_came_back"),
    ):
        opened = status in ("failed", "ready", "running")
        row = PrivacyRequest(
            id=new_id("prv"), shop_id=shops["harbour"], kind=kind, delivery_id=None, request_ref="9999",
            asked_by="store", asked_at=now - timedelta(days=days), due_at=now + timedelta(days=30 - days),
            status=status, reason=reason, detail="PlatformDown: no answer" if status == "failed" else "",
            subject_sealed=vault.current().seal('["6600000000001", "mara@example.com", null]') if opened else None,
            subject_hash=None, order_refs=["510482"], found={"delivery": 1, "order": 1}, proof={},
            erased={"delivery_dropped": 1, "order_hash_dropped": 1} if status in ("done", "running") else {},
            resume_at=now + timedelta(hours=9) if reason == "waits_for_pin" else None, heard_at=now,
            done_at=None if opened else now - timedelta(days=1),
        )  # fmt: skip
        session.add(row)
        session.flush()
        for what, ref, why in (("order", order_id, "order_named"), ("delivery", delivery_id, "contact")):
            gone = now if status == "done" else None
            session.add(
                PrivacyFinding(
                    request_id=row.id, kind=what, ref=ref, why=why, erased_at=gone, act="dropped" if gone else ""
                )
            )
        session.flush()
        if status == "done":
            row.proof, row.proof_hash = erase.proof(session, row)
        if status == "ready":
            ready = row.id
            session.add(
                PrivacyExport(
                    id=new_id("pex"), request_id=row.id, shop_id=row.shop_id, sealed=vault.current().seal(b"x"),
                    size=48_213, sha256="9f" * 32, made_at=now, made_by="connector",
                    expires_at=now + timedelta(days=13), fetched=0,
                )
            )  # fmt: skip
    return ready


def feeds(session: Session, shop_id: str) -> str:
    """Two feeds: one that was built with refusals and is being built again, one whose only build failed."""
    now = clock.now()
    made = {}
    for channel, kind in (("google", "rss"), ("meta", "csv")):
        feed = Feed(
            id=new_id("fed"), shop_id=shop_id, channel=channel, format=kind, generation=1, every_hours=24,
            built_id=None, created_at=now - timedelta(days=9), removed_at=None,
        )  # fmt: skip
        session.add(feed)
        made[channel] = feed
    google, meta = made["google"], made["meta"]
    done = _feed_build(google, "refusals", now - timedelta(hours=20), items=66, written=62, refused=4, warned=62,
                       counts={"price_wrong": 1, "image_missing": 3, "gtin_missing": 62}, size=48_211)  # fmt: skip
    google.built_id = done.id
    session.add_all([
        done, _feed_build(google, "running", now - timedelta(seconds=20), items=40),
        _feed_build(meta, "failed", now - timedelta(hours=3), problem="an id is in the file twice"),
    ])  # fmt: skip
    found = (
        ("refused", "image_missing", "image_link", "", "Oak shelf no. 003"),
        ("refused", "price_wrong", "price", "EUR 0.00", "Priceless bowl"),
        ("warning", "gtin_missing", "gtin", "", '<b>Bold</b> & "quoted" tray'),
    )  # fmt: skip
    for number, (severity, code, name, detail, title) in enumerate(found):
        session.add(
            FeedFinding(build_id=done.id, number=number, item_id=f"90{number}1", product_ref=f"90{number}",
                        variant_ref="1", title=title, severity=severity, code=code, field=name, detail=detail)
        )  # fmt: skip
    return google.id


def _feed_build(feed: Feed, status: str, at: datetime, **more: Any) -> FeedBuild:
    over = status not in ("queued", "running")
    return FeedBuild(
        id=new_id("fbd"), feed_id=feed.id, shop_id=feed.shop_id, status=status, cause="schedule", queued_at=at,
        started_at=at, heard_at=at, finished_at=at + timedelta(seconds=2) if over else None,
        **{"problem": "", "products": 0, "items": 0, "written": 0, "refused": 0, "warned": 0, "counts": {}, "size": 0,
           "etag": "", **more},
    )  # fmt: skip


def frozen(session: Session, order_id: str, lifted_id: str, now: datetime) -> str:
    """A freeze that stands, with an appeal, and one that was lifted."""
    made = []
    whys = ((order_id, "Orders that look like the creator's own family"), (lifted_id, "One address, nine names"))
    for which, why in whys:
        ask = Ask("order", why, order_id=which)
        at = now - timedelta(days=2)
        shown = freezes.preview(session, ask, at)
        made.append(freezes.freeze(session, ask, by="staff:Fay", token=shown.token, as_of=at).id)
    freezes.appeal(session, made[0], by="staff:Kim", words="They are no relatives of mine.", as_of=now)
    freezes.lift(session, made[1], by="staff:Fay", why="A school bought together.", as_of=now)
    return made[0]


def tiered_event(session: Session, shop_id: str, creators: dict[str, str], now: datetime) -> str:
    """An event that has closed, with the bonuses that were counted."""
    starts, ends = now - timedelta(days=40), now - timedelta(days=33)
    row = events.announce(
        session, shop_id, "Autumn corner", 1500, starts_at=starts, ends_at=ends, tiers=[(10, 1800), (50, 2000)],
        by="staff:Fay", now=starts - timedelta(days=1),
    )  # fmt: skip
    assert row.event_id is not None
    close = {"event_id": row.event_id, "shop_id": shop_id, "closed_at": ends, "counted_at": now, "creators": 1}
    session.add(EventClose(**close, orders=22))
    for handle, orders, base, commission, tier, bp in (
        ("mira.makes", 18, 90_000, 13_500, 14_700, 1800), ("talb", 4, 21_000, 3150, 3150, 0),
    ):  # fmt: skip
        session.add(
            EventBonus(
                event_id=row.event_id, creator_id=creators[handle], currency="JPY", shop_id=shop_id, orders=orders,
                base=base, commission=commission, tier_commission=tier, bonus=tier - commission, tier_bp=bp,
            )
        )  # fmt: skip
    session.flush()
    return row.event_id


def brought(session: Session, shop_id: str, now: datetime) -> str:
    """A file of balances that was looked at, with a row of each outcome."""
    row = Import(
        id=new_id("imp"), shop_id=shop_id, kind="balances", file_name="owed <b>Bold</b>.csv", file_hash="0" * 64,
        unused=["Notes"], status="looked", rows=4, token="t" * 24, looked_at=now - timedelta(hours=2),
        looked_by="staff:Fay", taken_at=None, taken_by=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    said = {"creator": "mira.makes", "currency": "EUR", "amount": 9000, "ref": ""}
    for number, outcome, reason, column, detail in (
        (2, "new", "", "", ""), (3, "same", "twice_in_file", "", "Row 2 of the file says it already."),
        (4, "conflict", "balance_differs", "amount", "It was taken with another sum or creator from row 2 of old.csv."),
        (5, "refused", "creator_not_found", "creator", "No creator here has the handle @سوق."),
    ):  # fmt: skip
        session.add(
            ImportRow(
                import_id=row.id, number=number, key=f"k{number}", said=said, meaning="m", outcome=outcome,
                reason=reason, field=column, detail=detail, result_id="",
            )
        )  # fmt: skip
    session.flush()
    return row.id


def programme(session: Session, shop_id: str, people: dict[str, str], content_id: str, now: datetime) -> dict[str, str]:
    """A negotiation with a reported message, an endpoint that heard of it, products taken up and put into a video:
    ids by their names in addresses. The creator `nour` negotiates, `mira.makes` promotes."""
    given = Proposal(
        rate_bp=1400, ends_at=now + timedelta(days=90), expires_at=now + timedelta(days=7),
        note="We like how you show small rooms.",
    )  # fmt: skip
    row = negotiation.begin(session, shop_id, people["nour"], "merchant", given, by="merchant:test", now=now)
    said = messages.post(session, row.id, "creator", "Buy followers at my other shop", by="creator:test", now=now)
    report = messages.report(session, row.id, said.number, "merchant", "It is spam", by="merchant:test", now=now)
    mira = people["mira.makes"]
    for ref in ("9001", "9002"):
        collaborations.promote(session, mira, shop_id, ref, at=now - timedelta(days=80))
    profiles.take_handle(session, mira, "instagram", "mira.makes", by="app:test", now=now - timedelta(days=80))
    followers.say(session, mira, 31_000, by="app:test", network="instagram", now=now - timedelta(days=60))
    countries.tell(session, mira, "DE", now - timedelta(days=80))
    facts = {"countries": {"DE": 6_000, "AT": 1_500}, "ages": {"25-34": 5_200}}
    profiles.say_audience(session, mira, facts, by="app:test", now=now - timedelta(days=60))
    wanted = [anchors.Wanted(listing_id(shop_id, "9001"))]
    anchors.put(session, contents.get(session, content_id), wanted, by="app:test", now=now - timedelta(days=40))
    endpoint = Endpoint(
        id=new_id("tep"), name="back end", url="https://app.example/events", kinds=[], status="on", off_why="",
        secret_sealed=vault.current().seal("whsec_dGVzdA=="), previous_sealed=None, previous_until=None,
        made_at=clock.wall(), made_by="staff:Sam", delivered_at=None, failing_since=None, failures=0,
        paused_until=None, leased_by="", leased_until=None,
    )  # fmt: skip
    session.add(endpoint)
    session.flush()
    gather.begin(session)
    happened = {
        "kind": "offer.made", "source": "test:offer", "at": now, "creator_id": people["nour"], "shop_id": shop_id,
        "notice_id": None, "data": {"negotiation_id": row.id},
    }  # fmt: skip
    gather.tell(session, [endpoint], [happened])
    told = session.scalars(sa.select(Told.id)).one()
    return {"negotiation_id": row.id, "report_id": report.id, "endpoint_id": endpoint.id, "told_id": told}


def sampled(session: Session, shop_id: str, people: dict[str, str], now: datetime) -> dict[str, str]:
    """What the shop gives, and samples in several states; the ids of one that is asked for, and of what is given."""
    given = offers.add(session, shop_id, "free", per_month=20, by="merchant:test", now=now - timedelta(days=60))
    where = {
        "name": "A. Person",
        "address1": "Elm Street 12",
        "city": "Berlin",
        "postal_code": "10115",
        "country": "DE",
    }
    shop: dict[str, Any] = {"shop_id": shop_id, "by": "merchant:test"}

    def ask(handle: str, ref: str, at: datetime) -> str:
        who = people[handle]
        listing = listing_id(shop_id, ref)
        return acts.ask(
            session, who, listing, recipient=where, note="For a video on small rooms", by=f"creator:{who}", now=at
        ).id  # fmt: skip

    asked = ask("mira.makes", "9001", now - timedelta(days=2))
    ask("talb", "9001", now - timedelta(days=6))
    by_hand = ask("talb", "9002", now - timedelta(days=3))
    acts.approve(session, by_hand, **shop, now=now - timedelta(days=2))
    there = ask("mira.makes", "9002", now - timedelta(days=50))
    acts.approve(session, there, **shop, now=now - timedelta(days=49))
    acts.shipped(session, there, tracking="JD0146", carrier="DHL", **shop, now=now - timedelta(days=48))
    row = acts.delivered(session, there, **shop, now=now - timedelta(days=46))
    row.state, row.due_at, row.ended_at = "missed", now + timedelta(days=3), now - timedelta(days=11)
    mira = f"creator:{people['mira.makes']}"
    acts.appeal(session, there, "I was in hospital until Monday", by=mira, now=now - timedelta(days=1))
    return {"sample_id": asked, "sample_offer_id": given.id}


def handed_in(session: Session, shop_id: str, creator_id: str, content_id: str, product_ref: str, now: datetime) -> str:
    """An agreement with a flat fee, and content that was handed in for it; its id."""
    given = Proposal(
        rate_bp=1000, ends_at=now + timedelta(days=60), expires_at=now + timedelta(days=7), flat_fee=15_000,
        product_refs=(product_ref,),
    )  # fmt: skip
    row = negotiation.begin(session, shop_id, creator_id, "merchant", given, by="merchant:test", now=now)
    negotiation.answer(session, row.id, "creator", "accept", row.number, by=f"creator:{creator_id}", now=now)
    wanted = [anchors.Wanted(listing_id(shop_id, product_ref))]
    anchors.put(session, contents.get(session, content_id), wanted, by="app:test", now=now)
    return approvals.hand_in(session, row.id, content_id, by=f"creator:{creator_id}", now=now).id
