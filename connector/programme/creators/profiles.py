"""What a creator says of themselves and who watches them: profile, handles on networks, audience."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.db import new_id
from connector.errors import Conflict, InputRefused
from connector.programme.creators import payees
from connector.programme.creators.handles import canonical, unmixed
from connector.programme.creators.networks import APP, checked
from connector.programme.creators.tables import Creator, CreatorAudience, CreatorHandle

_LONGEST_ABOUT, _MOST_TOPICS, _LONGEST_TOPIC, _MOST_SHARES = 500, 10, 40, 60
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_AGES = ("under_18", "18-24", "25-34", "35-44", "45-54", "55-64", "65+")
_GENDERS = ("female", "male", "other", "unknown")
WHOLE = 10_000  # basis points


class HandleTaken(Conflict):
    """A handle on a network that is, or was, another creator's."""

    code, field = "handle_taken", "handle"


def describe(creator: Creator, *, about: str | None, language: str | None, topics: Sequence[str] | None) -> None:
    """Put what was said on the profile; None leaves it as it stands. Errors: InputRefused."""
    if about is not None:
        text = about.strip()
        if len(text) > _LONGEST_ABOUT:
            raise InputRefused("about", f"is longer than {_LONGEST_ABOUT} characters.")
        creator.about = text
    if language is not None:
        if language and not _LANGUAGE.fullmatch(language):
            raise InputRefused("language", f"{language[:20]!r} is no language.", "Write it as de, or as pt-BR.")
        creator.language = language
    if topics is not None:
        found = list(dict.fromkeys(folded for topic in topics if (folded := _topic(topic))))
        if len(found) > _MOST_TOPICS:
            raise InputRefused("topics", f"are more than {_MOST_TOPICS}.")
        creator.topics = found


def _topic(typed: str) -> str:
    text = unicodedata.normalize("NFKC", typed).casefold().strip().lstrip("#")
    if len(text) > _LONGEST_TOPIC:
        raise InputRefused("topics", f"{typed[:40]!r}… is longer than {_LONGEST_TOPIC} characters.")
    return text


def take_handle(session: Session, creator_id: str, network: str, typed: str, *, by: str, now: datetime) -> bool:
    """The creator's handle on a network from now on; the one before is given up. Whether anything changed.

    A handle never becomes another creator's, given up or not: links and old videos name it.
    Errors: InputRefused for the network or the handle; HandleTaken where it is, or was, another creator's.
    """
    network, handle = checked(network), canonical(typed)
    of_it = sa.and_(CreatorHandle.network == network, CreatorHandle.handle == handle)
    mine = sa.and_(CreatorHandle.creator_id == creator_id, CreatorHandle.ends_at.is_(None))
    known = session.scalars(sa.select(CreatorHandle).where(CreatorHandle.network == network, sa.or_(of_it, mine))).all()
    row = next((each for each in known if each.handle == handle), None)
    changed = row is None or row.ends_at is not None
    if row is None:
        row = _new_handle(session, creator_id, network, handle, by=by, now=now)
    if row is not None:
        if row.creator_id != creator_id:
            raise HandleTaken(
                f"handle {handle!r} on {network} belongs to {row.creator_id}",
                public=f"The handle {handle} on {network} is or was another creator's, and no handle is given twice. "
                "If it is the same person, sign up with that account, or ask support.",
            )
        if changed:
            row.ends_at, row.said_by = None, by
    if changed:
        for each in known:
            if each.handle != handle:
                each.ends_at = now
        session.flush()
    return changed


def _new_handle(
    session: Session, creator_id: str, network: str, handle: str, *, by: str, now: datetime
) -> CreatorHandle | None:
    """None: it is the creator's now. Else the row of whose it became meanwhile: of two sign-ups at once one has it."""
    made = db.insert(session, CreatorHandle).values(
        id=new_id("hdl"), creator_id=creator_id, network=network, handle=unmixed(handle), starts_at=now, ends_at=None,
        said_by=by,
    )  # fmt: skip
    mine = made.on_conflict_do_nothing(index_elements=["network", "handle"]).returning(CreatorHandle.id)
    if session.execute(mine).first() is not None:
        return None
    of_it = (CreatorHandle.network == network, CreatorHandle.handle == handle)
    return session.scalars(sa.select(CreatorHandle).where(*of_it)).one()


def refuse_another_s(session: Session, creator_id: str, handle: str) -> None:
    """Errors: InputRefused where a handle in the app was given up by another creator: it is never given again."""
    owner = session.scalar(
        sa.select(CreatorHandle.creator_id).where(CreatorHandle.network == APP, CreatorHandle.handle == handle)
    )
    if owner is not None and owner != creator_id:
        raise InputRefused("handle", "was another creator's.", "No handle is given twice: choose another one.")


def handles(session: Session, creator_id: str) -> Sequence[CreatorHandle]:
    """All of a creator's, those given up too, by network, the newest first."""
    return session.scalars(
        sa.select(CreatorHandle)
        .where(CreatorHandle.creator_id == creator_id)
        .order_by(CreatorHandle.network, CreatorHandle.starts_at.desc(), CreatorHandle.id)
    ).all()


def say_audience(
    session: Session, creator_id: str, facts: Mapping[str, Mapping[str, int]], *, by: str, now: datetime
) -> bool:
    """Who watches the creator from now on: shares in basis points, by country, age and gender. Whether it is new.

    Shape:  {"countries": {"DE": 6000}, "ages": {"18-24": 2500}, "genders": {"female": 5200}}; the
            shares of each sum to at most 100 %.
    Errors: InputRefused("audience").
    """
    said = {kind: _shares(kind, shares) for kind, shares in facts.items() if shares}
    known = audience(session, creator_id, now)
    if not said or (known is not None and known.facts == said):
        return False
    session.add(CreatorAudience(id=new_id("aud"), creator_id=creator_id, facts=said, starts_at=now, said_by=by))
    session.flush()
    return True


def audience(session: Session, creator_id: str, moment: datetime) -> CreatorAudience | None:
    """As it stood then; None: nobody had said."""
    return session.scalar(
        sa.select(CreatorAudience)
        .where(CreatorAudience.creator_id == creator_id, CreatorAudience.starts_at <= moment)
        .order_by(CreatorAudience.starts_at.desc(), CreatorAudience.id.desc())
        .limit(1)
    )


def _shares(kind: str, shares: Mapping[str, int]) -> dict[str, int]:
    parts: dict[str, Mapping[str, Any]] = {
        "countries": payees.countries(), "ages": dict.fromkeys(_AGES), "genders": dict.fromkeys(_GENDERS),
    }  # fmt: skip
    known = parts.get(kind, {})
    if not known:
        raise InputRefused("audience", f"{kind[:20]!r} is no part of it.", "Send countries, ages and genders.")
    if len(shares) > _MOST_SHARES:
        raise InputRefused("audience", f"names more than {_MOST_SHARES} {kind}.", "Send the largest ones.")
    for name, share in shares.items():
        if name not in known:
            remedy = "Two capital letters, like DE." if kind == "countries" else f"Use {', '.join(known)}."
            raise InputRefused("audience", f"{name[:20]!r} is none of the {kind}.", remedy)
        if isinstance(share, bool) or not 0 <= share <= WHOLE:
            raise InputRefused(
                "audience", f"the share of {name} isn't from 0 to {WHOLE} basis points.", "100 % is 10000."
            )
    if sum(shares.values()) > WHOLE:
        raise InputRefused(
            "audience", f"the shares of its {kind} are more than 100 % together.", "Send shares of the whole audience."
        )
    return dict(sorted(shares.items()))


def forget(session: Session, creator_id: str) -> None:
    """Drop what is about the person: the creator is erased, and nothing may say who it was."""
    session.execute(sa.delete(CreatorAudience).where(CreatorAudience.creator_id == creator_id))
    session.execute(sa.delete(CreatorHandle).where(CreatorHandle.creator_id == creator_id))
    whom = sa.update(Creator).where(Creator.id == creator_id)
    session.execute(whom.values(account_ref=None, born_on=None, about="", language="", topics=[]))
