"""The template that `connector new-platform` lays down is a platform that works: its own tests run here."""

from connector.conformance import balances
from connector.conformance.template.tests.case import CASE
from connector.conformance.template.tests.test_example import (  # noqa: F401
    test_a_pasted_key_joins_and_a_wrong_one_is_named,
    test_it_conforms,
)
from connector.db import Database


def test_the_balance_does_not_depend_on_the_order_of_news(sqlite_database: Database) -> None:
    balances.converge(CASE, sqlite_database)
