"""Reading some products again at once. A delivery's products go through `webhooks.wanted`, which tries again."""

from __future__ import annotations

from collections.abc import Sequence

from connector import jobs
from connector.commerce.catalog import read_again
from connector.platforms.contract import Http


@jobs.workflow("sync.products")
def refetch(shop_id: str, refs: Sequence[str], http: Http | None = None) -> int:
    """Read products by ref and take them in whole; how many were taken in.

    Errors: those of the platform; what was taken in stays, and doing it again is safe.
    """
    wanted = list(dict.fromkeys(refs))
    taken = 0
    for start in range(0, len(wanted), read_again.PART):
        jobs.check()
        taken += read_again.read_part(shop_id, wanted[start : start + read_again.PART], http)
    return taken
