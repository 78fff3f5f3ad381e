"""Each platform of the roster: a creator's balance is the same in whatever order news of an order arrive."""

from __future__ import annotations

from importlib import import_module

import pytest

from connector.conformance import Case, balances
from connector.db import Database
from connector.platforms import roster

pytestmark = pytest.mark.database


@pytest.mark.parametrize("slug", [platform.slug for platform in roster.OURS])
def test_the_balance_does_not_depend_on_the_order_of_news(slug: str, sqlite_database: Database) -> None:
    case: Case = import_module(f"tests.platforms.{slug}.case").CASE
    balances.converge(case, sqlite_database)


def test_nor_on_the_database(postgresql_database: Database) -> None:
    """One platform is enough: behind its reads the way is the same for all."""
    case: Case = import_module("tests.platforms.square.case").CASE
    balances.converge(case, postgresql_database)
