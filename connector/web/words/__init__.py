"""The words of the pages: statuses, and every reason code in three wordings.

One reason, three wordings: creator, merchant and support read the same code, each in their words. A wording may have
named slots; where the facts for a slot aren't known its second, plain form is used, so that a sentence is never glued
together and never has a hole. A creator's wording names no other creator and nothing of the buyer; a
merchant's names no other shop.

Where a new word goes: a status in `statuses.py`, under what it is the status of; a reason code in the module of its
subject, each code in one of them only:

    credit.py      whose a line is, and why not: the rules, candidates, tokens, carriers
    commission.py  what a commission waits for, what stops it, entries
    paying.py      invoices, receipts, payouts
    stores.py      deliveries, shops, catalogs, a store's answers, privacy requests
    checks.py      what a check found (with what staff do about it, `STAFF_DO`), stalled money, the daily proof
    imports.py     rows of a file
    offers.py      offers between shops and creators, rows of an invitation list
    creators.py    whether a creator may take part
    samples.py     why a sample can't be asked for or moved, what the store said, how one ended

All of it is read from here. `tests/web/test_words.py` walks the code base and fails on a reason code that has no
wording here, or two.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any

from connector.commerce.catalog import refusals, shoppable
from connector.insight.feeds import findings
from connector.web.words import checks, commission, creators, credit, imports, offers, paying, samples, stores
from connector.web.words.checks import STAFF_DO
from connector.web.words.statuses import STATUSES
from connector.web.words.wording import Audience, Badge, Kind, Wording

__all__ = [
    "REASONS", "STAFF_DO", "SUBJECTS", "Audience", "Badge", "Kind", "Wording", "lowered", "paid_to", "reason", "remedy",
    "staff_do", "status", "statuses",
]  # fmt: skip

SUBJECTS = (credit, commission, paying, stores, checks, imports, offers, creators, samples)
REASONS: dict[str, Wording] = {code: wording for subject in SUBJECTS for code, wording in subject.REASONS.items()}


def status(domain: str, value: str) -> Badge:
    """How a stored status is shown. An unknown one is shown as it stands: a page doesn't break over a new word."""
    known = STATUSES[domain].get(value)
    return known or Badge("idle", value.replace("_", " ").capitalize() or "Not known")


def statuses(domain: str) -> dict[str, Badge]:
    return dict(STATUSES[domain])


def staff_do(code: str) -> str:
    """What staff do about a finding; empty when there is nothing to do."""
    return STAFF_DO.get(code, "")


def reason(code: str, audience: Audience, slots: Mapping[str, Any] | None = None) -> str:
    """The code in the reader's words. An unknown code is shown as it stands, so that nothing is hidden."""
    wording = REASONS.get(code)
    if wording is None:
        return _of_catalog(code, audience) or code.replace("_", " ").capitalize()
    exact: str = getattr(wording, f"{audience}_exact")
    known = {name: value for name, value in (slots or {}).items() if value not in (None, "")}
    if exact and all(name in known for _, name, _, _ in Formatter().parse(exact) if name):
        return exact.format_map(known)
    plain: str = getattr(wording, audience)
    return plain


def lowered(said: str) -> str:
    """A wording inside a sentence: its first letter small, unless it begins with a name of ours."""
    return said if said[:2] in ("D1", "I ") else said[:1].lower() + said[1:]


def remedy(code: str) -> str:
    """What the merchant can do about a refused or unsold product; empty when nothing."""
    if code in shoppable.REASONS:
        return shoppable.REASONS[code].remedy
    if code in findings.WORDS:
        return findings.WORDS[code].remedy
    if code in refusals.CAUSES and code not in REASONS:
        return refusals.CAUSES[code].remedy
    wording = REASONS.get(code)
    return wording.remedy if wording else ""


def _of_catalog(code: str, audience: Audience) -> str:
    """Why a product isn't in the list: the catalog keeps these words beside the rule that gives them."""
    known = shoppable.REASONS.get(code) or findings.WORDS.get(code) or refusals.CAUSES.get(code)
    if known is None:
        return ""
    if audience == "creator":
        return creators.NOT_SOLD.get(code, "Not for sale right now")
    return known.title.rstrip(".")


def paid_to(shown: Mapping[str, str], rail: str = "") -> str:
    """Where a creator's money goes, masked: all ways, or the one that a rail uses. "" when there is none."""
    ways = [
        (("csv", "sepa"), "iban", "account ending {}"),
        (("csv",), "account", "account ending {}"),
        (("mass",), "email", "{}"),
        (("stripe",), "stripe", "Stripe account ending {}"),
    ]
    found = [text.format(shown[way]) for rails, way, text in ways if shown.get(way) and (not rail or rail in rails)]
    return ", ".join(found)
