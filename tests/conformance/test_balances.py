"""Each platform of the roster: a creator's balance is the same in whatever order news of an order arrive."""

from __future__ import annotations

from importlib import import_module

import pytest

from connector.conformance import Case, balances
from connector.db import Database
from connector.platforms import roster


@pytest.mark.parametrize("slug", [platform.slug for platform in roster.OURS])
def test_the_balance_does_not_depend_on_the_order_of_news(slug: str, database: Database) -> None:
    case: Case = import_module(f"tests.platforms.{slug}.case").CASE
    balances.converge(case, database)
