"""A negotiation whole, for a dispute: every offer with its answer, each version of the agreement, the thread."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.shops.tables import Shop
from connector.programme.collaborations import agreements, approvals, messages, negotiation
from connector.programme.collaborations.tables import Agreement, ContentApproval, Message, Negotiation, Offer
from connector.programme.creators import queries as creators

MOST_MESSAGES = 100_000
COLUMNS = ("at", "side", "what", "number", "rate_bp", "products", "starts_at", "ends_at", "sample", "text", "by",
           "flat_fee", "fee_currency")  # fmt: skip
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def of(session: Session, row: Negotiation) -> dict[str, Any]:
    """As JSON takes it. Times are RFC 3339 in UTC; rates are basis points; `by` are ids of actors, never people."""
    shop, creator = session.get_one(Shop, row.shop_id), creators.get(session, row.creator_id)
    return {
        "negotiation_id": row.id,
        "state": row.state,
        "shop": {"id": shop.id, "name": shop.name, "domain": shop.domain},
        "creator": {"id": creator.id, "handle": creator.handle},
        "begun_at": row.begun_at.isoformat(),
        "exported_at": clock.now().isoformat(),
        "offers": [_offer(each) for each in negotiation.offers(session, [row.id]).get(row.id, [])],
        "agreements": [_agreement(each) for each in reversed(agreements.versions(session, row.id))],
        "content": [_content(each) for each in reversed(approvals.of_negotiation(session, row.id))],
        "messages": [_message(each) for each in messages.page(session, row.id, limit=MOST_MESSAGES)],
    }


def table(whole: dict[str, Any]) -> str:
    """The same as CSV: a row an offer, an answer, an agreement, content, a message, as they happened."""
    rows: list[dict[str, Any]] = []
    for each in whole["offers"]:
        products = "; ".join(each["product_refs"]) or "the whole shop"
        rows.append({**each, "what": "offer", "at": each["made_at"], "by": each["made_by"], "products": products,
                     "text": each["note"]})  # fmt: skip
        if each["outcome"]:
            rows.append({"what": each["outcome"], "at": each["answered_at"], "by": each["answered_by"],
                         "number": each["number"]})  # fmt: skip
    for each in whole["agreements"]:
        rows.append({**each, "what": "agreement", "at": each["accepted_at"], "side": each["accepted_side"],
                     "by": each["accepted_by"], "number": each["version"]})  # fmt: skip
    for each in whole["content"]:
        rows += [
            {"what": what, "at": each[at], "number": each["number"], "by": each[by], "text": text}
            for what, at, by, text in (
                ("content handed in", "handed_in_at", "handed_in_by", each["content_id"]),
                ("content answered", "answered_at", "answered_by", each["reason"]),
                ("support asked", "appealed_at", "appealed_by", each["appeal"]),
                (f"decided: {each['state']}", "decided_at", "decided_by", each["note"]),
            )
            if each[at]
        ]
    rows += [{**each, "what": "message"} for each in whole["messages"]]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for each in sorted(rows, key=lambda each: datetime.fromisoformat(each["at"])):
        writer.writerow([_cell(each.get(name)) for name in COLUMNS])
    return out.getvalue()


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _offer(row: Offer) -> dict[str, Any]:
    return {
        "id": row.id, "number": row.number, "side": row.side, "rate_bp": row.rate_bp,
        "product_refs": list(row.product_refs), "starts_at": _at(row.starts_at), "ends_at": _at(row.ends_at),
        "sample": row.sample, "flat_fee": row.flat_fee, "fee_currency": row.fee_currency, "note": row.note,
        "expires_at": _at(row.expires_at), "made_at": _at(row.made_at),
        "made_by": row.made_by, "outcome": row.outcome, "answered_at": _at(row.answered_at),
        "answered_by": row.answered_by,
    }  # fmt: skip


def _agreement(row: Agreement) -> dict[str, Any]:
    return {
        "id": row.id, "version": row.version, "text": row.text, "text_sha256": row.text_hash,
        "offered_by": row.offered_by, "accepted_by": row.accepted_by, "accepted_side": row.accepted_side,
        "accepted_at": _at(row.accepted_at), "starts_at": _at(row.starts_at), "ends_at": _at(row.ends_at),
        "terms_ids": list(row.terms_ids), "flat_fee": row.flat_fee, "fee_currency": row.fee_currency,
    }  # fmt: skip


def _content(row: ContentApproval) -> dict[str, Any]:
    said = (
        "id", "number", "agreement_id", "content_id", "flat_fee", "fee_currency", "product_refs", "state",
        "handed_in_by", "answered_by", "reason", "appeal_side", "appealed_by", "appeal", "decided_by", "note",
    )  # fmt: skip
    moments = ("handed_in_at", "answer_by", "answered_at", "appealed_at", "decided_at")
    return {name: getattr(row, name) for name in said} | {name: _at(getattr(row, name)) for name in moments}


def _message(row: Message) -> dict[str, Any]:
    return {"number": row.number, "side": row.side, "text": row.text, "at": _at(row.at), "by": row.by}


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
