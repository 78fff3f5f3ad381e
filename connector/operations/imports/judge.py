"""What a row comes to, given what stands here. Pure: the same row and the same facts give the same outcome.

new        nothing stands against it: it is taken when a person says so
same       it is here already, just so
conflict   something here, or another row, says otherwise: named, and nobody guesses who is right
refused    a cell of it can't be read, or names what we don't know: the column and the remedy are said
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as each_its_own
from typing import Any, Literal

import msgspec

from connector import money
from connector.earnings.attribution import codes, links
from connector.errors import InputRefused, MoneyRefused
from connector.operations.imports.rows import Row
from connector.programme.creators import handles

Outcome = Literal["unread", "new", "same", "conflict", "refused"]
OUTCOMES: tuple[str, ...] = ("new", "same", "conflict", "refused")


@dataclass(frozen=True, slots=True)
class Judged:
    """`said` is the row in our own writing; `meaning` its hash without the key."""

    outcome: Outcome
    key: str = ""
    reason: str = ""
    field: str = ""
    detail: str = ""
    said: dict[str, Any] = each_its_own(default_factory=dict)

    @property
    def meaning(self) -> str:
        # How a code was written, or what a video is called, decides nothing.
        said = {name: value for name, value in self.said.items() if name not in ("shown", "title")}
        return hashlib.blake2b(msgspec.json.encode(said, order="sorted"), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class Tag:
    """What an old address leads to here."""

    creator: str
    product_ref: str
    variant_ref: str
    content: str  # network/reference, "" for none


@dataclass(frozen=True, slots=True)
class Facts:
    """What stands here about one batch of rows, read in a fixed number of queries."""

    creators: Mapping[str, str] = each_its_own(default_factory=dict)  # handle → id
    codes: Mapping[str, tuple[str, bool]] = each_its_own(default_factory=dict)  # code → its last owner, still?
    products: frozenset[str] = frozenset()  # the store's ids that are in the catalog
    variants: Mapping[str, str] = each_its_own(default_factory=dict)  # the store's id → its product's
    tags: Mapping[str, Tag] = each_its_own(default_factory=dict)
    own_codes: frozenset[str] = frozenset()  # tags that read as a code which we gave out
    contents: Mapping[str, str] = each_its_own(default_factory=dict)  # network/reference → kind, of the row's creator
    balances: Mapping[str, tuple[str, str]] = each_its_own(default_factory=dict)  # key → (meaning, where it came from)


def judge(kind: str, row: Row, facts: Facts) -> Judged:
    if row.problem:
        return Judged("refused", reason="cells_unclear", detail=f"The row {row.problem}.")
    read = READERS[kind](row.cells)
    if read.outcome == "refused":
        return read
    handle = str(read.said["creator"])
    if handle not in facts.creators:
        return _refused(read, "creator_not_found", "creator", f"No creator here has the handle @{handle}.")
    return _AGAINST[kind](read, facts)


# Reading ----------------------------------------------------------------------------------------------------------


def read_code(cells: Mapping[str, str]) -> Judged:
    """A code and whose it is. Its key is the code."""
    if missing := _missing(cells, "code", "creator"):
        return missing
    try:
        text = codes.checked(cells["code"])
    except InputRefused as wrong:
        detail = f"The code {wrong.problem} {wrong.remedy}".strip()
        return Judged("refused", reason="code_unreadable", field="code", detail=detail)
    return _with_creator(Judged("new", text, said={"code": text, "shown": cells["code"]}), cells)


def read_link(cells: Mapping[str, str]) -> Judged:
    """An old address, and what it led to. Its key is the tag."""
    if missing := _missing(cells, "tag", "creator", "product"):
        return missing
    text = links.as_tag(cells["tag"])
    if not text or len(text) > links.LONGEST_TAG or any(c.isspace() or not c.isprintable() or c in "%\\" for c in text):
        return Judged(
            "refused", reason="tag_unreadable", field="tag",
            detail="What stands behind the last slash has at most 80 characters, none of them blank.",
        )  # fmt: skip
    network, content = cells.get("network", "").lower(), cells.get("content", "")
    if bool(network) != bool(content):
        wrong = "network" if content else "content"
        return Judged("refused", text, "content_incomplete", wrong, "A video is named by network and content together.")
    kind = (cells.get("kind", "") or ("video" if content else "")).lower()
    if kind not in ("", "video", "post", "live") or (kind and not content):
        wrong = "It is video, post or live, beside network and content."
        return Judged("refused", text, "content_incomplete", "kind", wrong)
    said = {
        "tag": text, "shown": cells["tag"], "product": cells["product"], "variant": cells.get("variant", ""),
        "network": network, "content": content, "kind": kind, "title": cells.get("title", ""),
    }  # fmt: skip
    return _with_creator(Judged("new", text, said=said), cells)


def read_balance(cells: Mapping[str, str]) -> Judged:
    """What a creator is still owed from before. Its key is `ref`, or creator and currency where there is none."""
    if missing := _missing(cells, "creator", "currency", "amount"):
        return missing
    currency = cells["currency"].upper()
    try:
        money.exponent(currency)
    except MoneyRefused as wrong:
        return Judged("refused", reason="currency_not_iso", field="currency", detail=f"{_upper(wrong.problem)}")
    try:
        amount = money.parse(cells["amount"].replace("−", "-"), currency)
    except MoneyRefused as wrong:
        said = f"{_upper(wrong.problem)} {wrong.remedy}".strip()
        return Judged("refused", reason="amount_unreadable", field="amount", detail=said)
    if amount == 0:
        return Judged("refused", reason="amount_zero", field="amount", detail="Nothing is owed: leave the row out.")
    ref = cells.get("ref", "")
    judged = _with_creator(Judged("new", said={"currency": currency, "amount": amount, "ref": ref}), cells)
    if judged.outcome == "refused":
        return judged
    key = f"ref:{ref}" if ref else f"{judged.said['creator']}:{currency}"
    return Judged("new", key, said=judged.said)


READERS = {"codes": read_code, "links": read_link, "balances": read_balance}


def _missing(cells: Mapping[str, str], *needed: str) -> Judged | None:
    for name in needed:
        if not cells.get(name):
            return Judged("refused", reason="cell_empty", field=name, detail=f"The cell of {name} is empty.")
    return None


def _with_creator(judged: Judged, cells: Mapping[str, str]) -> Judged:
    try:
        handle = handles.canonical(cells["creator"])
    except InputRefused as wrong:
        detail = f"The handle {wrong.problem} {wrong.remedy}".strip()
        return Judged("refused", judged.key, "handle_unreadable", "creator", detail)
    return Judged("new", judged.key, said={**judged.said, "creator": handle})


# Against what stands here -----------------------------------------------------------------------------------------


def _code(read: Judged, facts: Facts) -> Judged:
    owner, still = facts.codes.get(read.key, ("", False))
    if owner in ("", read.said["creator"]):
        return _as(read, "same") if still else read
    is_or_was = "is" if still else "was"
    return _conflict(read, "code_of_another", "creator", f"The code {is_or_was} @{owner}'s here: codes never move.")


def _link(read: Judged, facts: Facts) -> Judged:
    said = read.said
    wanted = Tag(
        said["creator"], said["product"], said["variant"],
        f"{said['network']}/{said['content']}" if said["content"] else "",
    )  # fmt: skip
    stands = facts.tags.get(read.key)
    if stands == wanted:
        return _as(read, "same")
    if stands is not None:
        other = f"@{stands.creator} and the product {stands.product_ref}"
        return _conflict(read, "tag_of_another", _differs(stands, wanted), f"The tag leads to {other} here.")
    if read.key in facts.own_codes:
        return _conflict(read, "tag_is_a_code", "tag", "A link of ours has this very code.")
    if said["product"] not in facts.products:
        return _refused(
            read, "product_not_found", "product", f"The catalog has no product with the id {said['product'][:60]}."
        )
    if said["variant"] and facts.variants.get(said["variant"]) != said["product"]:
        return _refused(read, "variant_not_found", "variant", "The product has no variant with this id.")
    known = facts.contents.get(f"{said['creator']} {wanted.content}") if wanted.content else None
    if known is not None and known != said["kind"]:
        return _conflict(read, "content_is_another", "kind", f"It is known here as a {known}.")
    return read


def _differs(stands: Tag, wanted: Tag) -> str:
    pairs = zip(("creator", "product", "variant", "content"), _parts(stands), _parts(wanted), strict=True)
    return next(name for name, old, new in pairs if old != new)


def _parts(each: Tag) -> tuple[str, str, str, str]:
    return each.creator, each.product_ref, each.variant_ref, each.content


def _balance(read: Judged, facts: Facts) -> Judged:
    stands = facts.balances.get(read.key)
    if stands is None:
        return read
    meaning, where = stands
    if meaning == read.meaning:
        return _as(read, "same")
    return _conflict(read, "balance_differs", "amount", f"It was taken with another sum or creator from {where}.")


_AGAINST = {"codes": _code, "links": _link, "balances": _balance}


def _as(read: Judged, outcome: Outcome) -> Judged:
    return Judged(outcome, read.key, said=read.said)


def _conflict(read: Judged, reason: str, column: str, detail: str) -> Judged:
    return Judged("conflict", read.key, reason, column, detail, read.said)


def _refused(read: Judged, reason: str, column: str, detail: str) -> Judged:
    return Judged("refused", read.key, reason, column, detail, read.said)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
