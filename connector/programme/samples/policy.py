"""The numbers of samples: a dated policy, as the one of who may take part. What was asked under a version keeps it.

    answer_days 7         the shop answers within, or the request lapses
    send_days 14          what was approved is sent (free) or bought (refundable) within, or it lapses
    assumed_days 10       what was shipped is taken to have arrived, where nobody says so (R9 counts alike)
    free_days 14          content is due so long after it arrived; of a refundable one `refundable_days` 90
    extension_days 7      one extension
    appeal_days 14        one appeal, so long after content was missed
    visible_days 3        content counts once the product was visible in it so long; a live after `live_minutes` 10
    retry_days 30         the same product may be asked for again so long after a request came to nothing
    address_days 30       the address goes so long after it arrived
    levels                how many may be open, by net sales in the app over `sales_days` 30: see `limits`
    score_days 365        the fulfilment score looks back so far, and says nothing under `score_least` 3 samples

A change is a new version from a moment on, never backdated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, money
from connector.db import new_id
from connector.errors import InputRefused, MoneyRefused
from connector.programme.policies.numbers import next_version, within
from connector.programme.samples.tables import SamplePolicyRow


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy asks for. Days are 24 hours each, from the moment that they are counted from."""

    answer_days: int = 7
    send_days: int = 14
    assumed_days: int = 10
    free_days: int = 14
    refundable_days: int = 90
    extension_days: int = 7
    appeal_days: int = 14
    visible_days: int = 3
    live_minutes: int = 10
    retry_days: int = 30
    address_days: int = 30
    sales_days: int = 30
    open_low: int = 5  # may be open at once: under the lower threshold
    open_middle: int = 20
    open_high: int = 50  # over the higher one
    score_days: int = 365
    score_least: int = 3
    # Currency → [lower, higher] in its minor units: net sales from the lower on lift to the middle level, over the
    # higher to the high one. Currencies are never added or converted: each counts by itself, and the highest level that
    # one of them reaches is the creator's. A currency that isn't named lifts nobody.
    thresholds: dict[str, tuple[int, int]] = msgspec.field(
        default_factory=lambda: {
            "EUR": (500_000, 15_000_000), "GBP": (500_000, 15_000_000), "USD": (500_000, 15_000_000),
        }
    )  # fmt: skip


BOUNDS = {
    "answer_days": (1, 90), "send_days": (1, 180), "assumed_days": (1, 90), "free_days": (1, 365),
    "refundable_days": (1, 365), "extension_days": (1, 90), "appeal_days": (1, 90), "visible_days": (1, 90),
    "live_minutes": (1, 1440), "retry_days": (0, 365), "address_days": (0, 365), "sales_days": (1, 365),
    "open_low": (0, 10_000), "open_middle": (0, 10_000), "open_high": (0, 10_000), "score_days": (1, 3650),
    "score_least": (1, 1_000),
}  # fmt: skip


class Policy(msgspec.Struct, frozen=True):
    """A version of it."""

    id: str
    version: int
    starts_at: datetime
    numbers: Numbers
    why: str = ""


BORN_WITH = Policy("smr_1", 1, datetime(2021, 1, 1, tzinfo=UTC), Numbers(), "What the product was born with.")


def every(session: Session) -> list[Policy]:
    """All versions, oldest first."""
    rows = session.scalars(sa.select(SamplePolicyRow).order_by(SamplePolicyRow.version))
    return [
        BORN_WITH,
        *(Policy(row.id, row.version, row.starts_at, msgspec.convert(row.numbers, Numbers), row.why) for row in rows),
    ]


def at(session: Session, moment: datetime) -> Policy:
    """The version that stood at `moment`."""
    return standing(every(session), moment)


def standing(versions: Sequence[Policy], moment: datetime) -> Policy:
    return next((each for each in reversed(versions) if each.starts_at <= moment), versions[0])


def numbered(versions: Sequence[Policy], version: int) -> Policy:
    """The version of that number: what a sample was asked under."""
    return next(each for each in versions if each.version == version)


def change(
    session: Session, numbers: Mapping[str, Any], *, why: str, by: str, starts_at: datetime | None = None,
    now: datetime | None = None,
) -> Policy:  # fmt: skip
    """A new version from `starts_at` on (default: now); numbers that aren't named stay as the newest version has them.

    `thresholds`: currency → (lower, higher) in minor units, all of them. Errors: InputRefused for a name that isn't
    one, a number out of its bounds, no reason, nothing that changes, or a start that has passed or isn't after the
    newest version's.
    """
    now = now or clock.now()
    starts, why = starts_at or now, why.strip()
    newest = every(session)[-1]
    made = changed(newest.numbers, numbers)
    if made == newest.numbers:
        raise InputRefused("numbers", "stand so already.", "Name what shall change.")
    version = next_version(newest.version, newest.starts_at, starts, why, now=now)
    row = SamplePolicyRow(
        id=new_id("smr"), version=version, starts_at=starts, numbers=msgspec.to_builtins(made), why=why,
        recorded_at=clock.wall(), recorded_by=by,
    )  # fmt: skip
    session.add(row)
    named: dict[str, Any] = {name: str(value) for name, value in numbers.items()}
    audit.record(session, by, "sample_policy.change", row.id, starts_at=starts.isoformat(), why=why, **named)
    session.flush()
    return Policy(row.id, version, starts, made, why)


def changed(stands: Numbers, numbers: Mapping[str, Any]) -> Numbers:
    """The numbers with what is named changed. Pure. Errors: InputRefused by name."""
    made = msgspec.structs.replace(stands, **{name: checked(name, value) for name, value in numbers.items()})
    if not made.open_low <= made.open_middle <= made.open_high:
        raise InputRefused("open_low", "and the two above it don't rise.", "Who sells more may have more open.")
    return made


def checked(name: str, value: Any) -> Any:
    """Errors: InputRefused for a name that isn't one, or a value that can't be it."""
    if name == "thresholds":
        return _thresholds(value)
    return within(BOUNDS, name, value, others=("thresholds",))


def as_plain(numbers: Numbers) -> dict[str, Any]:
    """For whoever reads them outside: every name with its number."""
    plain: dict[str, Any] = msgspec.to_builtins(numbers)
    return plain


def _thresholds(value: Any) -> dict[str, tuple[int, int]]:
    if not isinstance(value, Mapping):
        raise InputRefused("thresholds", "aren't amounts by currency.", "Send a lower and a higher one a currency.")
    found: dict[str, tuple[int, int]] = {}
    for currency, pair in value.items():
        try:
            money.exponent(currency)
        except MoneyRefused:
            raise InputRefused("thresholds", f"name {str(currency)[:10]!r}, which is no currency.") from None
        amounts = list(pair) if isinstance(pair, list | tuple) else []
        whole = all(isinstance(each, int) and not isinstance(each, bool) for each in amounts)
        if len(amounts) != 2 or not whole or not 0 < amounts[0] <= amounts[1] <= 10**15:
            raise InputRefused("thresholds", f"of {currency} aren't two amounts that rise.", "Give minor units.")
        found[currency] = (amounts[0], amounts[1])
    return dict(sorted(found.items()))
