"""Example passes the shipped suite; what the suite doesn't know of it is tested below."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.conformance import CHECKS, Case, balances
from connector.conformance.template.platform import PLATFORM
from connector.conformance.template.tests.case import CASE
from connector.conformance.template.tests.kit import DOMAIN, Store
from connector.errors import HostRefused, InputRefused

NOW = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_conforms(check: Callable[[Case], None]) -> None:
    check(CASE)


def test_the_balance_does_not_depend_on_the_order_of_news(tmp_path: Path) -> None:
    with balances.scratch(tmp_path) as database:
        balances.converge(CASE, database)


def test_a_pasted_key_joins_and_a_wrong_one_is_named() -> None:
    pasted = PLATFORM.pasted
    assert pasted is not None
    settings = CASE.settings("", "")
    joined = pasted.enter({"shop": DOMAIN, "key": "ex_0123456789"}, settings, Store("USD"), NOW)
    assert joined.domain == DOMAIN
    with pytest.raises(InputRefused) as refused:
        pasted.enter({"shop": DOMAIN, "key": "sk_0123456789"}, settings, Store("USD"), NOW)
    assert refused.value.field == "key"
    with pytest.raises(HostRefused):
        pasted.enter({"shop": "evil.example", "key": "ex_0123456789"}, settings, Store("USD"), NOW)
