"""Privacy requests: what is asked, by when, what was found and erased, and the proof. Whom it is about stays masked."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Response, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.audit import AuditRow
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import InputRefused, NotFound
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.telling import Item, act_words
from connector.operations.privacy import export, requests, search
from connector.operations.privacy.tables import PrivacyExport, PrivacyFinding, PrivacyRequest
from connector.web import guards, keyset, masking, moments, words
from connector.web.guards import staff
from connector.web.layout import page

KINDS = {
    "customer_data": "A buyer's data, for the merchant",
    "customer_erase": "A buyer is erased",
    "shop_erase": "The shop is erased",
}
FOUND = {"delivery": "Messages with a body", "order": "Orders", "touch": "Taps"}
ERASED = {
    "delivery_dropped": "Bodies dropped", "delivery_cut": "Bodies cut, still to be taken in",
    "order_hash_dropped": "Orders whose buyer is forgotten", "touch_hash_dropped": "Taps without journey and device",
    "grants": "Permission dropped", "bodies": "Bodies dropped", "buyers": "Orders whose buyer is forgotten",
    "touches": "Taps without journey and device", "variants": "Variants deleted", "listings": "Listings emptied",
}  # fmt: skip
WHYS = {
    "order_named": "its order was named", "customer_id": "names the customer", "contact": "names an address or number",
    "same_buyer": "same buyer", "led_to_order": "led to such an order",
}  # fmt: skip
SHOWN = 100


@blueprint.get("/privacy")
@staff("support")
def privacy() -> str:
    view = request.args.get("view", "open")
    if view not in ("open", "late", "all"):
        raise InputRefused("view", "is open, late or all.", "Start again from the list.")
    asked = sa.select(PrivacyRequest)
    if view != "all":
        asked = asked.where(PrivacyRequest.status.in_(requests.OPEN))
    if view == "late":
        asked = asked.where(PrivacyRequest.due_at <= clock.wall() + requests.SOON)
    with db.read(Scope.system(WHY)) as session:
        found = keyset.read(session, "privacy", asked, (PrivacyRequest.id,))
        past, soon = requests.overdue(session)
        number = session.scalar(
            sa.select(sa.func.count()).select_from(PrivacyRequest).where(PrivacyRequest.status.in_(requests.OPEN))
        )
        shops = {
            shop.id: shop
            for shop in session.scalars(sa.select(Shop).where(Shop.id.in_({row.shop_id for row in found.rows})))
        }
    views = [
        ("Open", url_for(".privacy"), number, view == "open"),
        ("Due within a week", url_for(".privacy", view="late"), past + soon, view == "late"),
        ("All", url_for(".privacy", view="all"), None, view == "all"),
    ]
    return page(
        "console/privacy.html", found=found, lines=[(row, shops.get(row.shop_id), due(row)) for row in found.rows],
        views_shown=views, kinds_said=KINDS, sentence=_sentence(past, soon), troubled=bool(past), view=view,
    )  # fmt: skip


def _sentence(past: int, soon: int) -> str:
    if past:
        return f"{_number(past)} past the deadline of 30 days: look at why today."
    if soon:
        return f"{_number(soon)} due within a week and not done yet."
    return "Every request is answered or well within its 30 days."


def _number(number: int) -> str:
    return "1 request is" if number == 1 else f"{number:,} requests are"


def due(row: PrivacyRequest) -> str:
    """The deadline in words; of a closed one nothing."""
    if row.status not in requests.OPEN:
        return ""
    left = row.due_at - clock.wall()
    if left.total_seconds() <= 0:
        return f"{moments.lasting(-left)} late"
    return f"{moments.lasting(left)} left"


@blueprint.get("/privacy/<request_id>")
@staff("support")
def privacy_request(request_id: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        row = requests.get(session, request_id)
        shop = session.get_one(Shop, row.shop_id)
        found = search.counts(session, request_id)
        findings = session.scalars(
            sa.select(PrivacyFinding)
            .where(PrivacyFinding.request_id == request_id)
            .order_by(PrivacyFinding.kind, PrivacyFinding.ref)
            .limit(SHOWN)
        ).all()
        file = export.newest(session, request_id)
        items = _history(session, row)
    about = requests.about(row)
    number = f"•••{about.customer_ref[-4:]}" if about.customer_ref else None
    whom = {"customer": number, **masking.mask({"email": about.email, "phone": about.phone})}
    return page(
        "console/privacy_request.html", row=row, shop=shop, found=found, findings=findings, file=file, items=items,
        whom={name: value for name, value in whom.items() if value}, open_one=row.status in requests.OPEN,
        title=KINDS[row.kind], said=_said(row, file is not None and file.sealed is not None), due=due(row),
        found_words=FOUND, erased_words=ERASED, why_words=WHYS, kind=_kind(row), file_lives=_lives(file),
    )  # fmt: skip


def _lives(file: PrivacyExport | None) -> bool:
    return file is not None and file.sealed is not None and file.expires_at > clock.wall()


def _kind(row: PrivacyRequest) -> str:
    late = row.status in requests.OPEN and row.due_at <= clock.wall()
    return "bad" if late else words.status("privacy", row.status).kind


def _said(row: PrivacyRequest, file: bool) -> str:
    if row.status == "waiting":
        return "A worker begins within a minute; nothing to do."
    if row.status == "running" and row.resume_at is not None:
        return (
            "Bodies are erased. Hashes follow when the decisions of these orders are final: "
            f"{moments.ago(row.resume_at, wall=True)}, by itself."
        )
    if row.status == "running":
        return "A worker is at it."
    if row.status == "ready":
        return "The file is made: the merchant fetches it under Privacy, signed in. Tell them, and until when."
    if row.status == "failed":
        return f"It stopped: {row.detail}. A worker tries again by itself every ten minutes."
    if row.status == "cancelled":
        return f"{words.reason(row.reason, 'support')}. {row.detail}".strip()
    return "Done, and proven below. Whom it was about is no longer known here."


def _history(session: Session, row: PrivacyRequest) -> list[Item]:
    who = "the store" if row.asked_by == "store" else row.asked_by
    items = [Item(row.asked_at, "info", "Asked", who=who, id=row.request_ref)]
    acts = session.scalars(sa.select(AuditRow).where(AuditRow.subject == row.id).order_by(AuditRow.at.desc()).limit(50))
    items += [
        Item(act.at, "good" if act.act == "privacy.done" else "idle", act_words(act.act), who=act.actor) for act in acts
    ]
    return sorted(items, key=lambda item: item.at, reverse=True)


@blueprint.post("/privacy/<request_id>/run")
@staff("support")
def run_privacy(request_id: str) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        requests.again(session, request_id, by=guards.actor())
    flash("A worker takes it up within seconds.")
    return redirect(url_for(".privacy_request", request_id=request_id), code=303)


@blueprint.post("/privacy/<request_id>/cancel")
@staff("admin")
def cancel_privacy(request_id: str) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        requests.cancel(session, request_id, by=guards.actor(), why=request.form.get("why", ""))
    flash("Called off. What was erased stays erased.")
    return redirect(url_for(".privacy_request", request_id=request_id), code=303)


@blueprint.post("/privacy/<request_id>/handed-over")
@staff("support")
def hand_over_privacy(request_id: str) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        export.hand_over(session, request_id, by=guards.actor(), why=request.form.get("why", ""))
    flash("The request is closed.")
    return redirect(url_for(".privacy_request", request_id=request_id), code=303)


@blueprint.post("/privacy/<request_id>/file")
@staff("admin")
def privacy_file(request_id: str) -> Response:
    """The file, for who hands it to the merchant by another way. It takes a reason and is in the audit log."""
    why = request.form.get("why", "").strip()
    if not why or len(why) > 500:
        raise InputRefused("why", "is empty or too long.", "Say why it is looked at: the file holds a person's data.")
    with db.write(Scope.system(WHY)) as session:
        row = export.newest(session, request_id)
        if row is None:
            raise NotFound(f"{request_id[:40]!r} has no file")
        text = export.open_file(session, row.id, by=guards.actor(), why=why)
    return as_download(text, row.id)


def as_download(text: bytes, name: str) -> Response:
    """Never kept by a browser's cache or a proxy."""
    return Response(
        text, mimetype="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}.json"', "Cache-Control": "no-store"},
    )  # fmt: skip
