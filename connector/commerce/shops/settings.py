"""A shop's dated settings. Rules read them as they stood at a moment, never as they stand now (COMMISSION.md, F1).

What a shop never set comes from the product's own configuration (`use_defaults`, once a process). A merchant changes
what decides who earns in the own shop; what decides when money moves and who bears a loss is changed by staff
(`STAFF_ONLY`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock
from connector.commerce.shops.tables import ShopSetting
from connector.config import Settings
from connector.db import new_id
from connector.errors import InputRefused, NotAllowed

# name → default; its type is the setting's type, switches are 0 or 1. None: from the configuration.
DEFAULTS: dict[str, int | str | None] = {
    "touch_window_days": None,
    "touch_grace_hours": None,
    "ad_window_days": 7,  # of a tap on a seller's ad
    "live_window_days": 7,  # of a tap in a live session
    "live_window_minutes": 0,  # stands instead of the days where it is above 0
    "cart_carry_days": 0,  # D12: an item put into the cart inside the window earns if it is ordered within these days
    "indirect": 0,  # D13: 1: a tap on another product of the shop may earn
    "indirect_share_bp": 5000,  # … this share of the bought product's rate
    "code_policy": "always",  # D10: always | if_involved | if_winner
    "leak_share_bp": 5000,  # R11: a code used by more than this share of buyers without a tap before is leaked
    "leak_least_orders": 10,  # … judged from this many orders on
    "lifetime": 0,  # D14: 1: a buyer stays with the creator who brought them first
    "inherit_when_ineligible": 0,  # D16: 1: the next candidate takes the place of an ineligible winner
    "customer_match": 0,  # 1: taps of the same customer's earlier orders are candidates too
    "gift_card_payments": "earn",  # R8b: earn | refuse
    "platform_discounts": "deduct",  # R2: deduct | keep
    "fee_bp": 0,  # R14: the app's fee on the base of credited lines
    "fee_tax": "none",  # none | included | reverse_charge: how the app's fee is taxed on invoices
    "fee_tax_bp": 0,  # … of the net fee, where its amount includes the tax
    "hold_days": None,
    "no_signal_days": None,
    "reread_before_clearing": None,  # 1: nothing clears before the store was asked for the order once more
    "wait_for_signal": 0,  # 1: a line without any sign of delivery waits for one instead of clearing
    "minimum_payout": 0,  # minor units, per currency
    "minimum_followers": 0,  # a creator with fewer at the tap earns nothing by it (D16)
    "after_payout": "carry_negative",  # a refund after the payout: carry_negative | absorb
    "reserve_bp": 0,  # share of a statement's positive total that is kept back
    "reserve_days": 30,  # … and released in a statement this much later
    "closing": "monthly",  # monthly | half_monthly | weekly
    "payment_days": 14,  # days in which a merchant pays an invoice
    "payout_when": "funded",  # funded (R15) | advance
    "most_flat_fee": 1_000_000,  # minor units: the most that an offer may promise for content; 0: no flat fees
    "approval_days": 7,  # content handed in for a flat fee is approved without an answer after so many
}
# name → (least, most)
BOUNDS: dict[str, tuple[int, int]] = {
    "touch_window_days": (1, 90),
    "touch_grace_hours": (0, 72),
    "ad_window_days": (1, 90),
    "live_window_days": (1, 90),
    "live_window_minutes": (0, 1440),
    "cart_carry_days": (0, 90),
    "indirect": (0, 1),
    "indirect_share_bp": (0, 10000),
    "leak_share_bp": (0, 10000),
    "leak_least_orders": (1, 10**6),
    "lifetime": (0, 1),
    "inherit_when_ineligible": (0, 1),
    "customer_match": (0, 1),
    "fee_bp": (0, 3000),
    "fee_tax_bp": (0, 5000),
    "reserve_bp": (0, 5000),
    "reserve_days": (1, 365),
    "payment_days": (0, 120),
    "hold_days": (0, 90),
    "no_signal_days": (1, 365),
    "reread_before_clearing": (0, 1),
    "wait_for_signal": (0, 1),
    "minimum_payout": (0, 10**12),
    "minimum_followers": (0, 10**9),
    "most_flat_fee": (0, 10**12),
    "approval_days": (1, 60),
}
CHOICES: dict[str, tuple[str, ...]] = {
    "code_policy": ("always", "if_involved", "if_winner"),
    "gift_card_payments": ("earn", "refuse"),
    "platform_discounts": ("deduct", "keep"),
    "after_payout": ("carry_negative", "absorb"),
    "fee_tax": ("none", "included", "reverse_charge"),
    "closing": ("monthly", "half_monthly", "weekly"),
    "payout_when": ("advance", "funded"),
}
# Changed by staff alone: the app's own money and risk, or what creators rely on when they wait for theirs.
STAFF_ONLY = frozenset(
    {
        "touch_grace_hours", "leak_share_bp", "leak_least_orders", "platform_discounts", "fee_bp", "fee_tax",
        "fee_tax_bp", "hold_days",
        "no_signal_days", "wait_for_signal", "reread_before_clearing", "minimum_payout", "after_payout", "reserve_bp",
        "reserve_days", "closing", "payment_days", "payout_when", "most_flat_fee", "approval_days",
    }
)  # fmt: skip
# The tiers of a store's standing: what staff choose hold days from. Any number of days within the bounds is taken.
HOLD_TIERS = (3, 7, 8, 15, 31)

_configured: Settings | None = None


def use_defaults(settings: Settings) -> None:
    """Take the product's own settings as this process's defaults."""
    global _configured
    _configured = settings


def default(name: str) -> int | str:
    """Errors: KeyError for a name that is no setting of a shop."""
    value = DEFAULTS[name]
    if value is not None:
        return value
    if _configured is not None:
        return int(getattr(_configured, name))
    return int(Settings.model_fields[name].default)


def at(session: Session, shop_id: str, name: str, moment: datetime) -> int | str:
    """The value in force at `moment`: that of the newest row which had started by then, else the default.

    A shop's rows are read once a session. Errors: KeyError for a name that is no setting of a shop.
    """
    fallback = default(name)
    value: str | None = None
    for starts_at, text in _rows(session, shop_id).get(name, []):
        if starts_at > moment:
            break
        value = text
    if value is None:
        return fallback
    return int(value) if isinstance(fallback, int) else value


def whole(session: Session, shop_id: str, name: str, moment: datetime) -> int:
    """`at` for a setting that is a number."""
    return int(at(session, shop_id, name, moment))


def change(
    session: Session,
    shop_id: str,
    name: str,
    value: int | str,
    *,
    by: str,
    starts_at: datetime | None = None,
    now: datetime | None = None,
    as_merchant: bool = False,
) -> None:
    """Set it from `starts_at` on (default: now), and write it to the audit log.

    Errors: InputRefused for an unknown name, a value out of bounds, a start that has passed (rules have read the value
    of then), or one at which another value starts already; NotAllowed for a merchant who changes what staff change.
    """
    now = now or clock.now()
    starts_at = starts_at or now
    if name not in DEFAULTS:
        raise InputRefused("name", f"{name[:40]!r} is no setting of a shop.", f"There are {', '.join(DEFAULTS)}.")
    if as_merchant and name in STAFF_ONLY:
        raise NotAllowed(
            f"{name} is changed by staff", public="This setting is changed by the app's team. Ask them to change it."
        )
    if starts_at < now:
        raise InputRefused("starts_at", "has passed.", "Settings are never backdated: give a time from now on.")
    text = checked(name, value)
    before = at(session, shop_id, name, starts_at)
    if any(starts_at == start for start, _ in _rows(session, shop_id).get(name, [])):
        raise InputRefused("starts_at", f"a value of {name} starts then already.", "Give another time, a minute later.")
    session.add(
        ShopSetting(
            id=new_id("set"),
            shop_id=shop_id,
            name=name,
            value=text,
            starts_at=starts_at,
            recorded_at=clock.wall(),
            recorded_by=by,
        )
    )
    starts = starts_at.isoformat()
    audit.record(
        session,
        by,
        "shop.setting",
        shop_id,
        shop_id=shop_id,
        name=name,
        before=str(before),
        after=text,
        starts_at=starts,
    )
    session.flush()
    session.info.pop(_cache_key(shop_id), None)


def changes(session: Session, shop_id: str, name: str) -> list[tuple[datetime, str]]:
    """(start, value) of every value that a shop ever set or has ahead of it, in the order of their starts."""
    return list(_rows(session, shop_id).get(name, []))


@contextmanager
def overlaid(session: Session, shop_id: str, values: Mapping[str, int | str]) -> Iterator[None]:
    """Inside it this session reads `values` at every moment, and the shop's own rows for all other settings.

    For questions of the kind "what would it pay". Nothing is written. Errors: as `checked`.
    """
    held = dict(_rows(session, shop_id))
    session.info[_cache_key(shop_id)] = held | {
        name: [(_ALWAYS, checked(name, value))] for name, value in values.items()
    }
    try:
        yield
    finally:
        session.info[_cache_key(shop_id)] = held


def newest(session: Session, shop_id: str, moment: datetime) -> dict[str, ShopSetting]:
    """The row of each setting that a shop ever set and that had begun by `moment`, the newest of each."""
    rows = session.scalars(
        sa.select(ShopSetting)
        .where(ShopSetting.shop_id == shop_id, ShopSetting.starts_at <= moment)
        .order_by(ShopSetting.starts_at)
    )
    return {row.name: row for row in rows}


def checked(name: str, value: int | str) -> str:
    """A value as it is kept. Errors: InputRefused for an unknown name or a value that can't be one."""
    if name not in DEFAULTS:
        raise InputRefused("name", f"{name[:40]!r} is no setting of a shop.", f"There are {', '.join(DEFAULTS)}.")
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise InputRefused("value", f"{str(value)[:40]!r} is no {name}.", f"Give {' or '.join(CHOICES[name])}.")
        return str(value)
    least, most = BOUNDS[name]
    try:
        number = int(value)
    except ValueError:
        problem = f"{str(value)[:40]!r} isn't a whole number."
        raise InputRefused("value", problem, f"{name} is between {least} and {most}.") from None
    if not least <= number <= most:
        raise InputRefused("value", f"{number} is out of bounds.", f"{name} is between {least} and {most}.")
    return str(number)


def _rows(session: Session, shop_id: str) -> dict[str, list[tuple[datetime, str]]]:
    key = _cache_key(shop_id)
    held: dict[str, list[tuple[datetime, str]]] | None = session.info.get(key)
    if held is None:
        held = {}
        found = session.execute(
            sa.select(ShopSetting.name, ShopSetting.starts_at, ShopSetting.value)
            .where(ShopSetting.shop_id == shop_id)
            .order_by(ShopSetting.starts_at)
        )
        for name, starts_at, value in found:
            held.setdefault(name, []).append((starts_at, value))
        session.info[key] = held
    return held


_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


def _cache_key(shop_id: str) -> str:
    return f"shop_settings:{shop_id}"
