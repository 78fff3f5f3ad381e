"""Which listings changed: a queue that the search index empties.

Written in the change's own transaction by the few functions through which every listing goes (`settle`, `take`, the end
of a sync run), one plain row a product, so that a sync of 100,000 doesn't wait for what follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.catalog import rows
from connector.commerce.catalog.tables import ListingChange


def note(session: Session, shop_id: str, product_refs: Iterable[str]) -> None:
    """These products changed in something that they are found or shown by. Twice is no harm.

    In the order of their refs: new ones are then numbered alike on both databases.
    """
    at = rows.moments(session)(clock.wall())
    rows.append(
        session, ListingChange.__tablename__, ("shop_id", "product_ref", "noted_at"),
        [(shop_id, ref, at) for ref in sorted(product_refs)],
    )  # fmt: skip
