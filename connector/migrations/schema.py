"""Every mapped class, imported, so that the metadata is whole: for Alembic and for the test that compares the two."""

from connector import audit, jobs, notices
from connector.access import tables as access
from connector.commerce.catalog import tables as catalog
from connector.commerce.orders import tables as orders
from connector.commerce.shops import tables as shops
from connector.db import Base
from connector.earnings.attribution import tables as attribution
from connector.earnings.commission import tables as commission
from connector.earnings.ledger import tables as ledger
from connector.earnings.payouts import tables as payouts
from connector.earnings.settlement import tables as settlement
from connector.insight.feeds import tables as feeds
from connector.insight.market import tables as market
from connector.oauth import tables as oauth
from connector.operations import tables as operations
from connector.operations.imports import tables as imports
from connector.operations.privacy import tables as privacy
from connector.operations.telling import tables as telling
from connector.programme.collaborations import set_up as set_up
from connector.programme.collaborations import tables as collaborations
from connector.programme.content import tables as content
from connector.programme.creators import tables as creators
from connector.programme.policies import eligibility_tables as eligibility
from connector.programme.policies import rules_tables as rules
from connector.programme.samples import tables as samples
from connector.sync import tables as sync
from connector.webhooks import tables as webhooks

METADATA = Base.metadata

__all__ = [
    "METADATA", "access", "attribution", "audit", "catalog", "collaborations", "commission", "content", "creators",
    "eligibility", "feeds", "imports", "jobs", "ledger", "market", "notices", "oauth", "operations", "orders",
    "payouts", "privacy", "rules", "samples", "set_up", "settlement", "shops", "sync", "telling", "webhooks",
]  # fmt: skip
