"""Whether creators had followers enough at their taps: the dated counts and settings, beside what the touches keep."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.shops import settings
from connector.earnings.attribution.tables import Touch
from connector.operations.rebuild.difference import Verified
from connector.programme.creators import followers

_CHUNK = 500


def differ(session: Session, touch_ids: Collection[str], done: Verified) -> Iterator[tuple[str, str, str]]:
    """(touch, as it follows, as it is kept) of each that keeps another count or threshold than stood at the tap."""
    wanted = sorted(touch_ids)
    for start in range(0, len(wanted), _CHUNK):
        query = sa.select(
            Touch.id, Touch.shop_id, Touch.creator_id, Touch.at, Touch.followers, Touch.followers_needed,
            Touch.ineligible_reason,
        ).where(Touch.id.in_(wanted[start : start + _CHUNK]))  # fmt: skip
        for touch in session.execute(query):
            said = followers.at(session, touch.creator_id, touch.at)
            if touch.followers is None or (said is not None and said.said_by == followers.NOBODY_KNOWS):
                done.leave_out("taps from before follower counts were dated")
                continue
            count = 0 if said is None else said.count
            needed = settings.whole(session, touch.shop_id, "minimum_followers", touch.at)
            missed = touch.ineligible_reason == followers.BELOW
            if (touch.followers, touch.followers_needed, missed) != (count, needed, count < needed):
                kept = f"{touch.followers} of {touch.followers_needed}, {'too few' if missed else 'enough'}"
                yield touch.id, f"{count} of {needed} followers needed", kept
