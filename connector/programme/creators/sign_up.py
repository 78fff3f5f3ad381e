"""A creator signs up in the app, and the app's back end tells us: who it is, how many follow them, where they are.

The app vouches for all of it by its token. Whom the policy refuses at the first try is not taken in, and nothing of
them is kept; sent again, a sign-up brings what it names up to date and is decided again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.errors import Conflict, InputRefused
from connector.programme.creators import countries, eligibility, networks, profiles, queries, register
from connector.programme.creators import followers as counted
from connector.programme.creators.handles import canonical, unmixed
from connector.programme.creators.tables import Creator, CreatorEligibility
from connector.programme.policies.eligibility import REFUSED, Judged

_LONGEST_ACCOUNT, _MOST_ACCOUNTS = 200, 20
_HANDLE_REMEDY = "Send the handle that this account has in the app."


class Account(msgspec.Struct, frozen=True):
    """A handle on a network, and how many follow it there; None: not said."""

    network: str
    handle: str
    followers: int | None = None


class SignUp(msgspec.Struct, frozen=True, kw_only=True):
    """What the app vouches for. None of a fact: not said, what stands stays."""

    account_ref: str  # the app's own, lasting id of the account
    handle: str  # in the app
    name: str = ""
    followers: int | None = None  # all together; None: the sum over the networks, or as it was told by itself before
    born_on: date | None = None
    country: str | None = None
    accounts: Sequence[Account] = ()
    about: str | None = None
    language: str | None = None
    topics: Sequence[str] | None = None
    audience: Mapping[str, Mapping[str, int]] = {}


def sign_up(
    session: Session, asked: SignUp, *, by: str, now: datetime | None = None
) -> tuple[Creator, CreatorEligibility, Judged]:
    """The creator of that account, made where there is none; and the decision whether they take part.

    Errors: InputRefused naming the field: for what can't be read, and for whom the policy refuses at the first try,
    with the policy's reason as its code (then nothing is written: the caller's transaction has to end); HandleTaken;
    Conflict for an account that was closed.
    """
    now = now or clock.now()
    ref = asked.account_ref.strip()
    if not ref or len(ref) > _LONGEST_ACCOUNT:
        raise InputRefused("account_ref", f"is empty or longer than {_LONGEST_ACCOUNT} characters.")
    if len(asked.accounts) > _MOST_ACCOUNTS:
        raise InputRefused("networks", f"are more than {_MOST_ACCOUNTS}.")
    if asked.born_on is not None and not date(1900, 1, 1) <= asked.born_on <= now.date():
        raise InputRefused("born_on", "is no day on which somebody alive was born.", "Write it as 1998-04-30.")
    handle = canonical(asked.handle)
    _refuse_two_of_a_network(asked.accounts, handle)
    creator = _known(session, ref, handle, now)
    counts = {networks.checked(account.network): account.followers for account in asked.accounts}
    known = {network: count for network, count in counts.items() if count is not None}
    followers = asked.followers
    if followers is None:
        followers = sum(known.values()) if creator is None else _together(session, creator, known, now)
    if creator is None:
        unmixed(handle)
        creator = register.register(session, handle, asked.name, followers, now, by=by)
        if creator.account_ref not in (None, ref):  # two accounts at once: the other one was first
            raise InputRefused("handle", "is another creator's.", _HANDLE_REMEDY)
    else:
        _bring_up_to_date(session, creator, handle, asked.name, now)
    creator.account_ref = ref
    if asked.born_on is not None:
        creator.born_on = asked.born_on
    profiles.describe(creator, about=asked.about, language=asked.language, topics=asked.topics)
    session.flush()
    profiles.take_handle(session, creator.id, networks.APP, handle, by=by, now=now)
    if asked.country is not None:
        countries.tell(session, creator.id, asked.country, now)
    for number, account in enumerate(asked.accounts):
        try:
            profiles.take_handle(session, creator.id, account.network, account.handle, by=by, now=now)
        except profiles.HandleTaken as taken:
            taken.field = f"networks.{number}.handle"
            raise
    profiles.say_audience(session, creator.id, asked.audience, by=by, now=now)
    _count(session, creator, followers, known, by=by, now=now)
    first = not creator.eligibility
    row, judged = eligibility.decide(session, creator, "sign_up", by=by, now=now)
    if first and judged.outcome == REFUSED:
        refused = InputRefused(*eligibility.words(judged.reason, judged.policy, judged.followers))
        refused.code = judged.reason
        raise refused
    return creator, row, judged


def _refuse_two_of_a_network(accounts: Sequence[Account], handle: str) -> None:
    """Errors: InputRefused, also for what no account can be, naming which. Of two handles one would be given up at
    once, and could never be anybody else's."""
    met = {networks.APP: handle}
    for number, account in enumerate(accounts):
        try:
            network, theirs = networks.checked(account.network), unmixed(canonical(account.handle))
        except InputRefused as refused:
            field = f"networks.{number}.{refused.field}"
            raise InputRefused(field, refused.problem, refused.remedy) from None
        if met.setdefault(network, theirs) != theirs:
            which = "another handle in the app than `handle`" if network == networks.APP else f"two handles: {network}"
            raise InputRefused("networks", f"name {which}.", "Send one handle a network.")


def tell_counts(
    session: Session, creator: Creator, followers: int | None, by_network: Mapping[str, int], *, by: str,
    now: datetime | None = None,
) -> CreatorEligibility | None:  # fmt: skip
    """So many follow the creator from now on, all together and by network; the decision that stands then.

    None for a creator of before the sign-up: the counts are kept, and nothing is decided.
    Errors: InputRefused for a count or a network.
    """
    now = now or clock.now()
    try:
        known = {networks.checked(word): count for word, count in by_network.items()}
    except InputRefused as refused:
        raise InputRefused("networks", refused.problem, refused.remedy) from None
    if followers is None:
        followers = _together(session, creator, known, now)
    _count(session, creator, followers, known, by=by, now=now)
    if not creator.eligibility:
        return None
    return eligibility.decide(session, creator, "facts", by=by, now=now)[0]


def _count(
    session: Session, creator: Creator, followers: int, by_network: Mapping[str, int], *, by: str, now: datetime
) -> None:
    for network, count in by_network.items():
        counted.say(session, creator.id, count, by=by, network=network, now=now)
    counted.say(session, creator.id, followers, by=by, now=now)


def _known(session: Session, ref: str, handle: str, now: datetime) -> Creator | None:
    """The creator of an account; else one whom the app registered under that handle before accounts were told."""
    mine = session.scalar(sa.select(Creator).where(Creator.account_ref == ref).with_for_update())
    theirs = queries.by_handle(session, handle)
    if theirs is not None and theirs is not mine and (mine is not None or theirs.account_ref is not None):
        raise InputRefused("handle", "is another creator's.", _HANDLE_REMEDY)
    found = mine or theirs
    if found is not None and queries.status_at(session, found.id, now) == "closed":
        raise Conflict(
            f"creator {found.id} is closed", public="This creator's account is closed. Set its status to active first."
        )
    return found


def _together(session: Session, creator: Creator, said: Mapping[str, int], now: datetime) -> int:
    """How many follow a creator in all, where only counts of networks are said: where it was the sum over the networks
    it is so again, with the new ones in it; a number that was told by itself stays."""
    before, stands = counted.by_network(session, creator.id, now), counted.at(session, creator.id, now)
    total = stands.count if stands is not None else 0
    if said and total == sum(before.values()):
        return sum({**before, **said}.values())
    return total


def _bring_up_to_date(session: Session, creator: Creator, handle: str, name: str, now: datetime) -> None:
    if creator.handle != handle:
        profiles.refuse_another_s(session, creator.id, unmixed(handle))
        creator.handle = handle
    if name.strip():
        creator.name = register.shown_name(name)
    session.flush()
