"""How often one visitor may try something that nobody needs to be known for, and that makes us ask somebody else.

Counted in each web process by itself, as the API's rate is: a guard against guessing and against being used to knock at
strangers' doors, not a contract.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from flask import request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from connector.web.guards import TooMany

_rates = FixedWindowRateLimiter(MemoryStorage())


def hold(act: str, times: int, minutes: int = 1) -> None:
    """Count one try of `act` by this visitor's address. Errors: TooMany beyond `times` in so many minutes."""
    if not _rates.hit(RateLimitItemPerMinute(times, minutes), act, _visitor()):
        raise TooMany


def _visitor() -> str:
    """An address; of version 6 the network, since each household has more addresses than we could count."""
    given = request.remote_addr or ""
    try:
        found = ip_address(given)
    except ValueError:
        return given
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(ip_network((found, 64), strict=False))
    return str(found)
