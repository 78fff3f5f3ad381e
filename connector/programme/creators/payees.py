"""Where a creator's money goes: details that are sealed, versioned, announced, confirmed, and held for three days.

    propose    a new version, checked; announced to the creator through the app, with a code that only this carries
    confirm    the creator brings the code: the version is in force 72 h later (`HOLD`)
    refuse     "that wasn't me": the version before stands, as if nothing had been asked

From the announcement until a version is in force nothing is paid; after a refusal the version before counts again at
once. A version that nobody confirms lapses after 14 days. Somebody who has taken over a session can ask for a change,
but doesn't see the code, and the creator has three days to say no.
"""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Generic, TypeVar

import msgspec
import sqlalchemy as sa
from babel import Locale
from email_validator import EmailNotValidError, validate_email
from sqlalchemy.orm import Session
from stdnum import bic as bics
from stdnum import iban as ibans
from stdnum.exceptions import ValidationError
from stdnum.us import rtn

from connector import audit, clock, money, notices, vault
from connector.db import new_id
from connector.errors import Conflict, InputRefused
from connector.programme.creators import queries
from connector.programme.creators.tables import Creator, Payee

HOLD = timedelta(hours=72)
LAPSES = timedelta(days=14)
WRONG_CODES = 5  # then the code is void: ask for the change once more
MOST_A_DAY = 10  # changes asked for: who guesses codes has 50 tries of a million a day, and the creator hears of each

CHANGED, CONFIRMED, REFUSED = "payee.changed", "payee.confirmed", "payee.refused"
_LONGEST_NAME = 70  # as long as a bank's scheme carries it
_ACCOUNT, _ROUTING, _STRIPE = (
    re.compile(r"[0-9A-Z]{4,34}"),
    re.compile(r"[0-9A-Z]{3,20}"),
    re.compile(r"acct_[0-9A-Za-z]{8,64}"),
)
# Codes of CLDR that are no country: unions, tests, the unknown.
_NO_COUNTRY = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes to pay somebody. At least one way: an IBAN, an account with its routing, an e-mail, Stripe."""

    name: str  # of the account's holder, as their bank writes it
    country: str  # ISO 3166, of the account
    iban: str = ""
    bic: str = ""
    account: str = ""
    routing: str = ""  # a US routing number, a sort code, a branch
    email: str = ""  # for a mass payment
    stripe_account: str = ""  # acct_…
    currency: str = ""  # ISO 4217, to be paid in; "": in the currency that was earned


@dataclass(frozen=True, slots=True)
class Version:
    """A version as ten thousand of them are read at once."""

    id: str
    creator_id: str
    number: int
    sealed: str
    proposed_at: datetime
    confirmed_at: datetime | None
    refused_at: datetime | None


V = TypeVar("V", Payee, Version)


@dataclass(frozen=True, slots=True)
class Standing(Generic[V]):
    """Whether a creator can be paid at a moment.

    `reason` is "" when they can: to `payee`. Else a code, with `until` where it ends by itself; `payee` is then the
    version that is waited for, None where there is none.
    """

    payee: V | None
    reason: str
    until: datetime | None = None


def checked(details: Details) -> Details:
    """The details as they are kept: trimmed, upper case where it doesn't matter. Pure.

    Errors: InputRefused naming the field: a name that is empty or too long, a country that is none, an IBAN, BIC or
    routing number whose digits don't check, half an account, no way to pay at all.
    """
    name = " ".join(details.name.split())
    if not name:
        raise InputRefused("name", "is empty.", "Give the name of the account's holder, as the bank writes it.")
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise InputRefused("name", f"is longer than {_LONGEST_NAME} characters, or has one that can't be printed.")
    country = details.country.strip().upper()
    if country not in countries():
        raise InputRefused("country", f"{country[:10]!r} isn't a country.", "Give its two letters, like DE.")
    currency = details.currency.strip().upper()
    if currency:
        money.exponent(currency)
    kept = Details(
        name=name, country=country, iban=_iban(details.iban), bic=_bic(details.bic),
        account=_plain("account", details.account, _ACCOUNT), routing=_routing(details.routing, country),
        email=_email(details.email), stripe_account=_stripe(details.stripe_account), currency=currency,
    )  # fmt: skip
    if bool(kept.account) != bool(kept.routing):
        missing = "routing" if kept.account else "account"
        raise InputRefused(missing, "is empty.", "An account number needs its routing number, and the other way round.")
    if kept.bic and not kept.iban:
        raise InputRefused("iban", "is empty, and there is a BIC.", "Give the IBAN that the BIC belongs to.")
    if not (kept.iban or kept.account or kept.email or kept.stripe_account):
        raise InputRefused("iban", "is empty, and so is every other way to pay.", "Give one of them.")
    return kept


def masked(details: Details) -> dict[str, str]:
    """What others may see: the last four of an account, an e-mail address without its name."""
    shown = {"country": details.country, "currency": details.currency}
    for way, value in (
        ("iban", details.iban), ("account", details.account), ("stripe", details.stripe_account),
    ):  # fmt: skip
        if value:
            shown[way] = value[-4:]
    if details.email:
        name, _, host = details.email.partition("@")
        shown["email"] = f"{name[:1]}…@{host}"
    return {key: value for key, value in shown.items() if value}


def standing_of(versions: Sequence[V], moment: datetime) -> Standing[V]:
    """Whether the creator of these versions can be paid at a moment. Pure.

    A version counts from its proposal on; one that was refused or lapsed never did.
    """
    for version in sorted(versions, key=lambda each: each.number, reverse=True):
        if version.proposed_at > moment or (version.refused_at is not None and version.refused_at <= moment):
            continue
        confirmed = version.confirmed_at
        if confirmed is None or confirmed > moment:
            lapses = version.proposed_at + LAPSES
            if moment < lapses:
                return Standing(version, "payee_unconfirmed", lapses)
            continue
        if moment < confirmed + HOLD:
            return Standing(version, "payee_held", confirmed + HOLD)
        return Standing(version, "")
    return Standing(None, "payee_missing")


def state_of(versions: Sequence[Payee], version: Payee, moment: datetime) -> str:
    """in_force | payee_held | payee_unconfirmed | refused | lapsed | replaced: one version, for people. Pure."""
    stands = standing_of(versions, moment)
    if stands.payee is version:
        return stands.reason or "in_force"
    if version.confirmed_at is not None and version.refused_at is None:
        return "replaced"
    if version.refused_at is not None:
        return "refused"
    return "lapsed" if moment >= version.proposed_at + LAPSES else "replaced"


def propose(session: Session, creator_id: str, details: Details, by: str, now: datetime | None = None) -> Payee:
    """Take down new details, and announce them. The same as those that stand or wait already change nothing, unless
    the code of the announcement is void: then there is a new one.

    Errors: NotFound for the creator; InputRefused as `checked`; Conflict beyond `MOST_A_DAY`.
    """
    now = now or clock.now()
    _locked(session, creator_id)
    details = checked(details)
    versions = of(session, creator_id)
    found = standing_of(versions, now).payee
    void = found is not None and found.confirmed_at is None and found.wrong_codes >= WRONG_CODES
    if found is not None and not void and opened(found) == details:
        return found
    if sum(version.proposed_at > now - timedelta(days=1) for version in versions) >= MOST_A_DAY:
        raise Conflict("payment details were changed too often today: try again tomorrow")
    for version in versions:
        if version.confirmed_at is None and version.refused_at is None:
            version.refused_at = now  # its place is taken
    code = f"{secrets.randbelow(10**6):06d}"
    row = Payee(
        id=new_id("pye"), creator_id=creator_id, number=len(versions) + 1, shown=masked(details),
        sealed=vault.current().seal(msgspec.json.encode(details)), account_hash=_account_hash(details),
        proposed_at=now, proposed_by=by, code_hash="", wrong_codes=0,
    )  # fmt: skip
    row.code_hash = _code_hash(row.id, code)
    session.add(row)
    notices.forget_secrets(session, CHANGED, creator_id)
    notices.say(
        session, CHANGED, creator_id=creator_id, secret=code, payee_id=row.id, shown=row.shown, first=not versions,
        lapses_at=(now + LAPSES).isoformat(),
    )  # fmt: skip
    audit.record(session, by, "payee.propose", creator_id, payee_id=row.id, shown=row.shown)
    session.flush()
    return row


def confirm(session: Session, creator_id: str, code: str, by: str, now: datetime | None = None) -> Payee | None:
    """The creator says that the change is theirs, with the code of its announcement; None for a wrong code.

    A wrong code is counted, so the caller commits either way; it tells the creator. A repeat changes nothing.
    Errors: NotFound; Conflict when nothing waits to be confirmed, or when too many wrong codes were tried.
    """
    now = now or clock.now()
    _locked(session, creator_id)
    stands = standing_of(of(session, creator_id), now)
    found = stands.payee
    if found is not None and stands.reason == "payee_held" and found.code_hash == _code_hash(found.id, code.strip()):
        return found
    if found is None or stands.reason != "payee_unconfirmed":
        raise Conflict("no change of payment details waits to be confirmed")
    if found.wrong_codes >= WRONG_CODES:
        raise Conflict("too many wrong codes were tried: ask for the change once more, that sends a new code")
    if found.code_hash != _code_hash(found.id, code.strip()):
        found.wrong_codes += 1
        session.flush()
        return None
    found.confirmed_at = now
    notices.forget_secrets(session, CHANGED, creator_id)
    in_force = (now + HOLD).isoformat()
    notices.say(session, CONFIRMED, creator_id=creator_id, payee_id=found.id, shown=found.shown, in_force_at=in_force)
    audit.record(session, by, "payee.confirm", creator_id, payee_id=found.id, in_force_at=in_force)
    session.flush()
    return found


def refuse(session: Session, creator_id: str, by: str, now: datetime | None = None) -> Payee:
    """ "That wasn't me", or a change of mind: the version before stands again.

    Errors: NotFound; Conflict when no change waits any more: it was refused, it lapsed, or it is in force.
    """
    now = now or clock.now()
    _locked(session, creator_id)
    stands = standing_of(of(session, creator_id), now)
    found = stands.payee
    if found is None or stands.reason not in ("payee_unconfirmed", "payee_held"):
        raise Conflict("no change of payment details waits: one that is in force is replaced by new details")
    found.refused_at = now
    notices.forget_secrets(session, CHANGED, creator_id)
    notices.say(session, REFUSED, creator_id=creator_id, payee_id=found.id, shown=found.shown)
    audit.record(session, by, "payee.refuse", creator_id, payee_id=found.id)
    session.flush()
    return found


def of(session: Session, creator_id: str) -> list[Payee]:
    """A creator's versions, the first one first."""
    return list(session.scalars(sa.select(Payee).where(Payee.creator_id == creator_id).order_by(Payee.number)))


def standing(session: Session, creator_id: str, moment: datetime) -> Standing[Payee]:
    """Whether a creator can be paid at a moment."""
    return standing_of(of(session, creator_id), moment)


_VERSION = (
    sa.select(
        Payee.id, Payee.creator_id, Payee.number, Payee.sealed, Payee.proposed_at, Payee.confirmed_at, Payee.refused_at
    )
    .where(Payee.creator_id.in_(sa.bindparam("creators", expanding=True)))
)  # fmt: skip


def standings(session: Session, creator_ids: Collection[str], moment: datetime) -> dict[str, Standing[Version]]:
    """`standing` of many in a few queries; every id asked for is in the answer."""
    versions: dict[str, list[Version]] = defaultdict(list)
    wanted = sorted(creator_ids)
    for start in range(0, len(wanted), 500):
        for row in session.connection().execute(_VERSION, {"creators": wanted[start : start + 500]}):
            versions[row.creator_id].append(Version(*row))
    return {creator_id: standing_of(versions[creator_id], moment) for creator_id in wanted}


def some(session: Session, payee_ids: Collection[str]) -> dict[str, Payee]:
    """Versions by id, for a page; those that don't exist are absent."""
    return {row.id: row for row in session.scalars(sa.select(Payee).where(Payee.id.in_(list(payee_ids))))}


def details(session: Session, payee_ids: Collection[str]) -> dict[str, Details]:
    """What rails pay to, of many versions by id; those that were erased are absent.

    Errors: ConfigurationWrong when no key opens them.
    """
    found: dict[str, Details] = {}
    wanted = sorted(payee_ids)
    for start in range(0, len(wanted), 500):
        some = Payee.id.in_(wanted[start : start + 500])
        query = sa.select(Payee.id, Payee.sealed).where(some, Payee.sealed != "")
        found.update({payee_id: unsealed(sealed) for payee_id, sealed in session.execute(query)})
    return found


def opened(row: Payee) -> Details:
    """The details, unsealed: for their owner. Errors: ConfigurationWrong when no key opens them."""
    return unsealed(row.sealed)


def unsealed(sealed: str) -> Details:
    return msgspec.json.decode(vault.current().open(sealed), type=Details)


def forget(session: Session, creator_id: str, now: datetime) -> int:
    """Empty every version of a creator, on an erasure: what was sealed, what was shown, what it was found by. How many.

    That there was one, and when it was asked for and confirmed, stays: payouts name it.
    """
    versions = of(session, creator_id)
    for row in versions:
        row.sealed, row.shown, row.account_hash, row.code_hash = "", {}, "", ""
        row.refused_at = row.refused_at or now
    session.flush()
    return len(versions)


def erased(session: Session, payee_ids: Collection[str]) -> bool:
    """Was one of these versions erased?"""
    gone = sa.select(Payee.id).where(Payee.id.in_(list(payee_ids)), Payee.sealed == "").limit(1)
    return session.execute(gone).first() is not None


def sharing(session: Session, row: Payee) -> list[str]:
    """Other creators with a version that names the same bank account."""
    if not row.account_hash:
        return []
    same = sa.select(Payee.creator_id).where(
        Payee.account_hash == row.account_hash, Payee.creator_id != row.creator_id, Payee.refused_at.is_(None)
    )
    return sorted(session.scalars(same.distinct()))


@lru_cache(maxsize=1)
def countries() -> dict[str, str]:
    """ISO 3166 code → English name."""
    every = Locale("en").territories.items()
    return {code: name for code, name in every if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRY}


def _locked(session: Session, creator_id: str) -> Creator:
    """One change of a creator's details at a time. SQLite has one writer anyway."""
    queries.living(session, creator_id)
    return session.scalars(sa.select(Creator).where(Creator.id == creator_id).with_for_update(key_share=True)).one()


def _code_hash(payee_id: str, code: str) -> str:
    return vault.current().keyed_hash("payee-code", f"{payee_id}:{code}")


def _account_hash(details: Details) -> str:
    account = details.iban or (f"{details.country}:{details.routing}:{details.account}" if details.account else "")
    return vault.current().keyed_hash("payee-account", account) if account else ""


def _compact(typed: str) -> str:
    return re.sub(r"[\s\-.]", "", typed).upper()


def _plain(field: str, typed: str, shape: re.Pattern[str]) -> str:
    text = _compact(typed)
    if text and not shape.fullmatch(text):
        raise InputRefused(field, "has other than digits and letters, or isn't as long as such numbers are.")
    return text


def _iban(typed: str) -> str:
    text = _compact(typed)
    if not text:
        return ""
    try:
        return str(ibans.validate(text))
    except ValidationError:
        raise InputRefused("iban", "has a wrong length or wrong check digits.", "Compare it.") from None


def _bic(typed: str) -> str:
    text = _compact(typed)
    if not text:
        return ""
    try:
        return str(bics.validate(text))
    except ValidationError:
        raise InputRefused("bic", "isn't a bank's code.", "It has 8 or 11 letters and digits, like DEUTDEFF.") from None


def _routing(typed: str, country: str) -> str:
    text = _plain("routing", typed, _ROUTING)
    if not text or country != "US":
        return text
    try:
        return str(rtn.validate(text))
    except ValidationError:
        problem = "isn't a US routing number: those have nine digits, of which the last checks the others."
        raise InputRefused("routing", problem, "Compare it.") from None


def _email(typed: str) -> str:
    if not typed.strip():
        return ""
    if typed.strip()[0] in "=+-@":
        raise InputRefused("email", "begins with a sign that spreadsheets take for a formula.", "Give another one.")
    try:
        return validate_email(typed.strip(), check_deliverability=False).normalized
    except EmailNotValidError:
        raise InputRefused("email", "isn't an e-mail address.") from None


def _stripe(typed: str) -> str:
    text = typed.strip()
    if text and not _STRIPE.fullmatch(text):
        raise InputRefused("stripe_account", "isn't the id of a Stripe account.", "It begins with acct_.")
    return text
