"""The suite that every platform passes, ours and those of other packages.

A platform's tests keep a folder of recorded payloads and a `Case` that says how this platform signs, what its hosts
look like and what its bodies must become. Each check takes the case and raises `Nonconformity` with what it found:

    import pytest
    from connector.conformance import CHECKS, Case

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_conforms(check):
        check(CASE)

Needs neither pytest nor a database nor the network. What needs a database, a file of SQLite's, is in `balances`. A
check that a platform need not pass stands in its `exemptions` with the reason, and says so by passing at once.
"""

from connector.conformance.case import Case, Nonconformity, Read, Vector
from connector.conformance.sample_checks import SAMPLE_CHECKS
from connector.conformance.shop_checks import SHOP_CHECKS
from connector.conformance.stand_in import StandIn
from connector.conformance.suite import CHECKS as BODY_CHECKS

CHECKS = (*BODY_CHECKS, *SHOP_CHECKS, *SAMPLE_CHECKS)

__all__ = ["CHECKS", "SAMPLE_CHECKS", "Case", "Nonconformity", "Read", "StandIn", "Vector"]
