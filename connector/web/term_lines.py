"""What a shop offers, scope by scope, as its merchant and staff see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from connector.commerce.catalog import queries as catalog
from connector.commerce.shops.tables import Shop
from connector.programme.collaborations import rates
from connector.programme.collaborations.offer import in_effect, standing
from connector.programme.collaborations.tables import Terms
from connector.programme.creators import queries as creators
from connector.programme.creators.tables import Creator
from connector.web import moments, rate_words

# Of one creator each: so many stand on a page, those that end last first.
SHOWN = 200
KINDS = ("open", "targeted", "event", "store")


@dataclass(frozen=True, slots=True)
class Line:
    """One scope: what stands, and what comes. `now` None: nothing stands, something comes."""

    kind: str
    what: str  # the product's title, or the whole shop
    whom: str  # a creator, or the event's name
    now: Terms | None
    coming: list[Terms]

    @property
    def form(self) -> dict[str, str]:
        """What stands, as the form has it: a change begins from there."""
        row = self.now
        if row is None:
            return {"kind": self.kind}
        filled = {
            "kind": self.kind, "product": row.product_ref, "rate": rate_words.as_typed(row.rate_bp),
            "ads": rate_words.as_typed(row.ads_bp), "new_buyer": rate_words.as_typed(row.new_buyer_bp),
            "codes": "\n".join(f"{code}: {rate_words.as_typed(bp)}" for code, bp in sorted(row.code_rates.items())),
        }  # fmt: skip
        if self.kind == "targeted" and row.ends_at is not None:
            last = (row.ends_at - timedelta(microseconds=1)).astimezone(moments.zone())
            filled |= {"handle": self.whom, "replaces": row.id, "last_day": f"{last:%Y-%m-%d}"}
        return {name: value for name, value in filled.items() if value}


def standing_lines(session: Session, shop: Shop, now: datetime) -> tuple[list[Line], bool]:
    """The scopes of the shop that stand or will; whether there are more of one creator each than are shown."""
    rows = rates.living(session, shop.id, now, SHOWN + 1)
    more = len({(r.creator_id, r.product_ref) for r in rows if r.kind == "targeted"}) > SHOWN
    chains: dict[tuple[str, str | None, str], list[Terms]] = {}
    for row in rows:
        chains.setdefault((row.kind, row.creator_id, row.product_ref), []).append(row)
    known = names(session, shop, rows)
    found = []
    for (kind, creator_id, product_ref), chain in chains.items():
        chain = in_effect(chain)
        held = standing(chain, now)
        coming = [row for row in chain if row.starts_at > now and standing(chain, row.starts_at) is row]
        current = held if held is not None and held.rate_bp is not None else None
        if current is None and not any(row.rate_bp is not None for row in coming):
            continue
        whom = known.get(creator_id or "", "") or (current or coming[0]).name
        found.append(Line(kind, known.get(product_ref) or "The whole shop", whom, current, coming))
    return sorted(found, key=lambda line: (KINDS.index(line.kind), line.what != "The whole shop", line.what)), more


def names(session: Session, shop: Shop, rows: Sequence[Terms]) -> dict[str, str]:
    """Titles by product ref, and handles by creator id."""
    people: dict[str, Creator] = creators.some(session, {row.creator_id for row in rows if row.creator_id})
    titles = catalog.titles(session, shop.id, {row.product_ref for row in rows if row.product_ref})
    shown = {ref: titles.get(ref) or ref for ref in {row.product_ref for row in rows if row.product_ref}}
    return shown | {each.id: f"@{each.handle}" for each in people.values()}
