"""What happened at a shop, in sentences: one line of a timeline each. The facts are `operations.timeline`'s."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for

from connector.commerce.shops.tables import Shop
from connector.faces.console.face import blueprint
from connector.operations.timeline import Happening
from connector.web import moments, shop_settings, words
from connector.web.amounts import count, plain, rate

ACTS = {
    "acceptance_rule.add": "Rule for accepting offers added",
    "acceptance_rule.end": "Rule for accepting offers ended",
    "content.appeal": "Support asked about content for a flat fee",
    "content.approved": "Content for a flat fee approved",
    "content.decide": "Content for a flat fee decided",
    "content.hand_in": "Content handed in for a flat fee",
    "content.propose_taking_back": "Flat fee to be taken back",
    "content.sent_back": "Content for a flat fee sent back",
    "content.withdraw": "Content for a flat fee taken out",
    "collaboration.agree": "Terms agreed with a creator",
    "eligibility.change": "Policy of who may take part changed",
    "message.export": "Negotiation taken away as a file",
    "message.read": "Messages of a negotiation read",
    "message.report": "Message reported",
    "message.report.close": "Report of a message closed",
    "offer.make": "Offer made",
    "offer.accepted": "Offer accepted",
    "offer.declined": "Offer declined",
    "offer.withdrawn": "Offer withdrawn",
    "offer.expired": "Offer ended without an answer",
    "offer_batch.invite": "List of invitations made",
    "offer_batch.accept": "Many offers accepted",
    "offer_batch.decline": "Many offers declined",
    "offer_batch.withdraw": "List of invitations taken back",
    "sample.ask": "Sample asked for",
    "sample.take_up": "Promised sample taken up",
    "sample.readdress": "Address of a sample changed",
    "sample.approve": "Sample approved",
    "sample.decline": "Sample declined",
    "sample.withdraw": "Request for a sample withdrawn",
    "sample.cancel": "Sample cancelled",
    "sample.call_off": "Sample to be called off at the store",
    "sample.by_hand": "Sample to be sent by hand",
    "sample.place_again": "Order of a sample to be placed again",
    "sample.name_order": "Order of a sample named",
    "sample.confirm": "Order of a sample confirmed",
    "sample.doubt": "Order of a sample doubted",
    "sample.ship": "Sample sent",
    "sample.deliver": "Sample arrived",
    "sample.name_content": "Content named for a sample",
    "sample.extend": "More time for a sample's content",
    "sample.appeal": "Appeal of a missed sample",
    "sample.decide": "Appeal of a sample decided",
    "sample_offer.add": "Samples given",
    "sample_offer.end": "Samples given no more",
    "sample_policy.change": "Policy of samples changed",
    "opening.close": "Products closed to creators",
    "opening.open": "Products opened to creators",
    "delivery.discard": "Quarantined delivery put away",
    "delivery.release": "Quarantined delivery released",
    "delivery.preview": "Looked at what a replay would change",
    "delivery.replay": "Deliveries replayed",
    "replay.start": "Replay of many deliveries started",
    "replay.stop": "Replay of many deliveries stopped",
    "run.start": "Sync started",
    "run.pause": "Sync asked to pause",
    "run.products": "Single products read again",
    "run.resume": "Sync let go on",
    "run.stop": "Sync asked to stop",
    "schedule.pause": "Scheduled syncs paused",
    "schedule.resume": "Scheduled syncs begin again",
    "rules.publish": "Version of the rules published",
    "listing.appeal": "Appeal for a product that a rule keeps out",
    "listing.decide": "Appeal for a product decided",
    "violation.record": "Breach of the rules recorded",
    "violation.appeal": "Appeal against a recorded breach",
    "violation.decide": "Recorded breach decided",
    "use_terms.publish": "Version of the terms of use published",
    "use_terms.accept": "Terms of use accepted",
    "endpoint.make": "Endpoint of the app made",
    "endpoint.change": "Endpoint of the app changed",
    "endpoint.rotate": "Secret of an endpoint rotated",
    "endpoint.rotated": "Former secret of an endpoint ended",
    "endpoint.on": "Endpoint of the app switched on",
    "endpoint.off": "Endpoint of the app switched off",
    "endpoint.remove": "Endpoint of the app removed",
    "endpoint.try": "Endpoint of the app tried",
    "endpoint.replay": "Events sent to the app again",
    "payout.prepare": "Payout batch prepared",
    "payout.sent": "Payout batch sent",
    "payout.paid": "Payout batch paid",
    "payout.approve": "Payout batch approved",
    "payout.refuse": "Payout batch called off",
    "payout.file": "File of a payout batch fetched",
    "payout.call": "Payout batch sent through its rail",
    "payout.ask": "Rail asked about unknown payouts",
    "payout.outcomes": "Outcomes of payouts recorded",
    "payee.propose": "Payment details changed",
    "payee.confirm": "Payment details confirmed",
    "payee.refuse": "Change of payment details refused",
    "rate.enter": "Conversion rate entered",
    "freeze.make": "Money frozen",
    "freeze.appeal": "Appeal against a freeze kept",
    "freeze.end": "Freeze ended",
    "product.exclude": "Product excluded from commission",
    "product.include": "Product pays commission again",
    "period.close": "Period closed",
    "ledger.export": "Ledger downloaded",
    "receipt.record": "Payment of a merchant recorded",
    "receipt.undo": "Payment of a merchant taken back",
    "receipt.unmatched": "Payment that belongs to no invoice",
    "terms.open": "Rate opened",
    "terms.withdraw": "Rate withdrawn",
    "terms.targeted": "Rate agreed with one creator",
    "terms.store": "Rate of the shop itself set",
    "terms.event": "Event announced or raised",
    "terms.called_off": "Change of a rate called off",
    "privacy.ask": "Privacy request opened",
    "privacy.cancel": "Privacy request called off",
    "privacy.done": "Privacy request done",
    "privacy.export": "Data of a privacy request put together",
    "privacy.fetch": "Data of a privacy request looked at",
    "privacy.hand_over": "Data of a privacy request handed over",
    "privacy.run": "Privacy request started",
    "proof.again": "Day compared again",
    "refund.amount": "Amount of a refund entered",
    "act.manual": "Sale assigned by hand",
    "act.leak_backdated": "Leak of a code dated back",
    "act.forfeit": "Frozen commission taken",
    "act.binding_moved": "Customer moved to another creator",
    "act.engine_fix": "Order decided by today's rules",
    "act.review_passed": "Review passed",
    "act.review_refused": "Review refused",
    "act.approve": "Act approved by a second person",
    "act.refuse": "Act refused",
    "code.create": "Creator code made",
    "code.move": "Creator code moved to another creator",
    "code.end": "Creator code ended",
    "code.leaked": "Creator code flagged as leaked",
    "code.cleared": "Creator code counts again",
    "shop.currency_accepted": "Change of currency accepted",
    "shop.disconnect": "Shop disconnected",
    "shop.farewell": "The platform said that the merchant removed the app",
    "shop.sessions_ended": "Sessions of the shop ended: a connecting came back in another browser",
    "webhooks.secret_changed": "Secret of the shop's address changed",
    "webhooks.secret_shown": "Secret of the shop's address shown",
    "shop.scopes": "Permissions of the shop changed",
    "shop.setting": "Setting of the shop changed",
    "creator.erase": "Creator erased",
    "payout.told": "Stripe told of a payout",
    "payout.unmatched": "Stripe told of a payout that needs a person",
    "creator.status": "Creator's status changed",
    "country.switch": "Programme switched off or on in a country",
    "feed.create": "Product feed made",
    "feed.renew": "Address of a product feed renewed",
    "feed.remove": "Product feed removed",
    "merchant.sign_in": "Merchant signed in",
    "creator.link": "Link to a creator's studio given out",
    "creator.sign_in": "Creator signed in",
    "creator.sign_out": "Creator signed out everywhere",
    "import.look": "File looked at",
    "import.take": "File taken",
    "receipt.ask": "Payment waits for a second person",
    "receipt.approve": "Payment approved by a second person",
    "receipt.refuse": "Payment refused by a second person",
    "exchange.record": "Exchange at our bank recorded",
    "exchange.ask": "Exchange waits for a second person",
    "exchange.approve": "Exchange approved by a second person",
    "exchange.refuse": "Exchange refused by a second person",
    "exchange.undo": "Exchange taken back",
    "import.ask": "File of balances waits for a second person",
    "import.approve": "File of balances approved by a second person",
    "import.refuse": "File of balances refused by a second person",
    "staff.sign_in": "Staff signed in",
    "staff.add": "Staff member added",
    "staff.role": "Role changed",
    "staff.bind": "Sign-in service bound to a name",
    "staff.off": "Staff member switched off",
    "staff.sign_out": "Signed out everywhere",
    "token.issue": "App token issued",
    "token.revoke": "App token revoked",
    "view.save": "View saved",
    "view.remove": "View removed",
    "webhooks.moved": "Subscriptions moved to our new address",
    "webhooks.put_back": "Subscriptions put back: the shop had dropped them",
    "webhooks.subscribed": "Subscribed to the shop's messages",
}
_ACTORS = {
    "command": "a command", "connector": "by itself", "clock": "by itself", "worker": "by itself",
    "store": "the store", "platform": "the platform", "rule": "a rule of the shop", "agreement": "an agreement",
}  # fmt: skip
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a timeline."""

    at: datetime
    kind: str
    text: str
    who: str = ""
    id: str = ""
    url: str = ""
    folded: int = 0
    gap: bool = False  # a time in which nothing happened


def act_words(act: str) -> str:
    """An act of the audit log in words; a new one is shown as it stands."""
    return ACTS.get(act) or act.replace(".", ": ").replace("_", " ").capitalize()


@blueprint.app_template_filter("actor")
def actor_words(actor: str) -> str:
    """Who did it, as people read it: `staff:Kim` is Kim, a shop's id is "the merchant"."""
    kind, _, name = actor.partition(":")
    if kind == "staff":
        return name
    if kind == "merchant":
        return "the merchant"
    if kind == "creator":
        return "the creator"
    if kind == "app":
        return f"the app ({name})"
    return _ACTORS.get(kind, actor)


def items(shop: Shop, happenings: Sequence[Happening]) -> list[Item]:
    return [_TELL[one.code](shop, one) for one in happenings]


def _grant(shop: Shop, one: Happening) -> Item:
    if one.code == "connected":
        return Item(one.at, "good", "Connected; permission read and kept sealed")
    if one.code == "left":
        return Item(one.at, "idle", "Left: the app was removed in the store")
    if one.code == "returned":
        return Item(one.at, "good", "Came back: connected again")
    ends = one.facts["ends"]
    until = f", good until {moments.day(ends)}" if ends else ""
    return Item(one.at, "good", f"Permission renewed the last time{until}")


def _run(shop: Shop, one: Happening) -> Item:
    facts = one.facts
    state = words.status("run", facts["status"])
    figures = f"{count(facts['written'])} written, {count(facts['same'])} the same, {count(facts['refused'])} refused"
    said = {
        "done": f"Sync done: {figures}",
        "refusals": f"Sync done with refusals: {figures}",
        "failed": f"Sync failed: {facts['problem']}",
        "asks": f"Sync asks before it goes on: {facts['problem']}",
    }.get(facts["status"], f"Sync {words.lowered(state.word)}")
    if facts["gone"]:
        said += f", {count(facts['gone'])} removed"
    return Item(one.at, state.kind, said, _by(facts["trigger"]), one.id, url_for(".run", run_id=one.id), one.more)


def _by(trigger: str) -> str:
    known = {"joined": "when the shop joined", "schedule": "by schedule", "webhook": "by a message", "merchant": "the merchant"}  # fmt: skip  # noqa: E501
    return known.get(trigger) or actor_words(trigger)


def _pass(shop: Shop, one: Happening) -> Item:
    facts, url = one.facts, url_for(".shop", shop_id=shop.id) + "#proofs"
    state = words.status("proof", facts["status"])
    if one.code == "pass_quiet":
        return Item(one.at, "good", "Orders compared with the store: all were there", "", one.id, url, one.more)
    parts = []
    if facts["fetched"]:
        orders = "1 missed order" if facts["fetched"] == 1 else f"{count(facts['fetched'])} missed orders"
        parts.append(f"{orders} fetched ({', '.join(facts['orders'])}{' …' if facts['fetched'] > 5 else ''})")
    if facts["gaps"]:
        parts.append(f"{count(facts['gaps'])} still open")
    if facts["problem"]:
        parts.append(facts["problem"])
    said = "; ".join(parts) or words.lowered(state.word)
    return Item(one.at, state.kind, f"Orders compared with the store: {said}", "", one.id, url, one.more)


def _setting(shop: Shop, one: Happening) -> Item:
    facts = one.facts
    name, before, after = facts["name"], facts["before"], facts["after"]
    was = shop_settings.value(name, before, shop.currency) if before is not None else "the default"
    starts = f", from {moments.day(facts['starts'])}" if facts["starts"] > one.at else ""
    text = f"{shop_settings.name(name)}: {was} → {shop_settings.value(name, after, shop.currency)}{starts}"
    return Item(one.at, "idle", text, actor_words(one.who), one.id)


def _rate(shop: Shop, one: Happening) -> Item:
    facts = one.facts
    on = f"one product ({facts['product']})" if facts["product"] else "the whole shop"
    on += {"targeted": ", one creator's", "event": ", in an event", "store": ", where nothing else counts"}.get(
        facts["kind"], ""
    )
    after = rate(facts["after"]) if facts["after"] is not None else "withdrawn"
    if facts.get("called_off"):
        text = f"Change of the rate for {on} called off"
    elif facts["first"]:
        text = f"Rate for {on} opened: {after}"
    else:
        before = rate(facts["before"]) if facts["before"] is not None else "none"
        text = f"Rate for {on}: {before} → {after}"
    if facts["starts"] > one.at:
        text += f", from {moments.day(facts['starts'])}"
    return Item(one.at, "idle", text, actor_words(one.who), one.id, "", one.more)


def _act(shop: Shop, one: Happening) -> Item:
    act = str(one.facts["act"])
    text, kind, url = act_words(act), "idle", ""
    if act.startswith("webhooks."):
        topics = [str(topic) for topic in one.facts.get("topics", [])]
        kind = "warn" if act == "webhooks.put_back" else "info"
        more = f" and {len(topics) - 4} more" if len(topics) > 4 else ""
        text += f" ({', '.join(topics[:4])}{more})" if topics else ""
    if one.id.startswith("run_"):
        url = url_for(".run", run_id=one.id)
    elif one.id.startswith("dlv_"):
        url = url_for(".delivery", delivery_id=one.id)
    return Item(one.at, kind, text, actor_words(one.who), "" if one.id == shop.id else one.id, url, one.more)


def _heard(shop: Shop, one: Happening) -> Item:
    number = one.facts["number"]
    said = "1 message" if number == 1 else f"{count(number)} messages"
    topics = [f"{count(many)} {topic}" for topic, many in one.facts["topics"]]
    listed = ", ".join(topics[:3]) + (f" and {len(topics) - 3} kinds more" if len(topics) > 3 else "")
    return Item(one.at, "good", f"{said} taken in: {listed}", url=url_for(".inbox", shop=shop.id))


def _stopped(shop: Shop, one: Happening) -> Item:
    facts = one.facts
    state = words.status("delivery", facts["status"])
    number = "1 message" if facts["number"] == 1 else f"{count(facts['number'])} messages"
    why = f": {words.lowered(words.reason(facts['reason'], 'support'))}" if facts["reason"] else ""
    url = url_for(".inbox", shop=shop.id, status=facts["status"], reason=facts["reason"] or None)
    if facts["number"] == 1:
        url = url_for(".delivery", delivery_id=one.id)
    return Item(one.at, state.kind, f"{number} {words.lowered(state.word)}{why}", url=url)


def _silence(shop: Shop, one: Happening) -> Item:
    lasted = moments.lasting(one.facts["lasted"])
    usual = f"usual in these hours: about {count(one.facts['usual'])}"
    if one.facts["open"]:
        return Item(one.at, "warn", f"Nothing heard for {lasted} and still silent; {usual}", gap=True)
    return Item(one.at, "warn", f"Nothing was heard for {lasted}; {usual}", gap=True)


_TELL: Mapping[str, Callable[[Shop, Happening], Item]] = {
    "connected": _grant, "left": _grant, "returned": _grant, "renewed": _grant, "run": _run, "pass": _pass,
    "pass_quiet": _pass, "setting": _setting, "rate": _rate, "act": _act, "heard": _heard, "stopped": _stopped,
    "silence": _silence,
}  # fmt: skip


# Facts that are money of the currency beside them, and names that read badly as they are kept.
_SUMS = frozenset({"amount", "total", "difference", "taken_back"})
_FACTS = {"rate_bp": "rate"}


def changes(detail: Mapping[str, Any]) -> tuple[tuple[str, str] | None, list[tuple[str, str]]]:
    """An act's before and after, where it has them, and the rest of its facts as (name, value)."""
    before, after = detail.get("before"), detail.get("after", detail.get("now"))
    currency = str(detail.get("currency") or "")
    moved = None
    if "before" in detail and ("after" in detail or "now" in detail):
        moved = (_shown(before), _shown(after))
    rest = [
        (_FACTS.get(name, name.replace("_", " ")), _shown(value, name, currency))
        for name, value in detail.items()
        if moved is None or name not in ("before", "after", "now")
    ]
    return moved, rest


def _shown(value: Any, name: str = "", currency: str = "") -> str:
    if value is None or value in ("", []):
        return "None"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "rate_bp" and isinstance(value, int):
        return rate(value)
    if name in _SUMS and currency and isinstance(value, int):
        return plain(value, currency, "code")
    if name == "name" and isinstance(value, str):
        return shop_settings.name(value) if shop_settings.known(value) else value
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return moments.full(datetime.fromisoformat(value))
    if isinstance(value, Mapping):
        return ", ".join(f"{_shown(each)} {key}" for key, each in value.items()) or "None"
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    return count(value) if isinstance(value, int) else str(value)
