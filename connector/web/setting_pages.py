"""What the merchant's and the staff's page of one setting share: reading the form and saying what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.errors import InputRefused, NotFound
from connector.web import moments, shop_settings

_LABELS = {"value": "The value", "starts": "The first day", "starts_at": "The first day"}


def known(name: str) -> str:
    """Errors: NotFound for a name that is no setting."""
    if name not in settings.DEFAULTS:
        raise NotFound(f"{name[:40]!r} is no setting of a shop", public="There is no such setting.")
    return name


def change(
    session: Session, shop: Shop, name: str, form: Mapping[str, str], *, by: str, as_merchant: bool
) -> dict[str, str]:
    """Take the form. What it refuses, by the id of the field; nothing when it is done. Errors: NotAllowed."""
    try:
        value = shop_settings.read(name, form.get("value", ""), shop.currency)
        settings.change(session, shop.id, name, value, by=by, starts_at=_start(form), as_merchant=as_merchant)
    except InputRefused as refused:
        field = "starts" if refused.field in ("starts", "starts_at") else "value"
        return {field: f"{_LABELS[field]}: {refused.problem} {refused.remedy}".strip()}
    return {}


def _start(form: Mapping[str, str]) -> datetime | None:
    typed, now = form.get("starts", "").strip(), clock.now()
    if not typed:
        return None
    starts = moments.first_of(typed, "starts")
    return None if starts <= now < starts + timedelta(days=1) else starts
