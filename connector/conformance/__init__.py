"""The suite that every platform passes, ours and those of other packages.

A platform's tests keep a folder of recorded payloads and a `Case` that says how this platform signs, what its hosts
look like and what its bodies must become. Each check takes the case and raises `Nonconformity` with what it found:

    import pytest
    from connector.conformance import CHECKS, Case

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_conforms(check):
        check(CASE)

Needs neither pytest nor a database nor the network.
"""

from connector.conformance.case import Case, Nonconformity, Read, Vector
from connector.conformance.suite import CHECKS

__all__ = ["CHECKS", "Case", "Nonconformity", "Read", "Vector"]
