"""Does an item hold to a channel's rules? Rules are data (`data/<channel>.json`); how items are made isn't known here.

It is asked twice: of each item before it is written, so that a wrong one never is, and of each row read back from the
finished file, so that what was written is what was meant. It shares no code with what makes the fields.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from urllib.parse import urlsplit

import msgspec
from iso4217 import Currency

from connector.insight.feeds.findings import Finding, Severity


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    required: bool = False
    most: int = 0  # characters; 0: no limit
    kind: str = ""  # of _KINDS
    one_of: tuple[str, ...] = ()
    below: str = ""  # a price below that field's
    each: int = 0  # images: characters of each
    times: int = 0  # images: how many


class Need(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where `field` is one of `among`, or `below` that category or under it, the fields of `then` must be there."""

    field: str
    then: tuple[str, ...]
    severity: Severity
    code: str
    among: tuple[str, ...] = ()
    below: str = ""


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    channel: str
    source: str
    id: str
    fields: dict[str, Rule]
    needs: tuple[Need, ...]
    line_bytes: int = 0  # the longest line of a file; 0: no limit is known


@cache
def rules(channel: str) -> Rules:
    data = (files("connector.insight.feeds") / "data" / f"{channel}.json").read_bytes()
    return msgspec.json.decode(data, type=Rules)


def check(asked: Rules, item: Mapping[str, str]) -> list[Finding]:
    """What the channel has against these fields, in the order of its rules."""
    found: list[Finding] = []
    for name, rule in asked.fields.items():
        value = item.get(name, "")
        if value:
            found += _of_value(name, rule, value, item)
        elif rule.required:
            found.append(Finding("refused", "image_missing" if rule.kind == "image" else "field_missing", name))
    found += [Finding("refused", "value_unknown", name) for name in item if name not in asked.fields]
    for need in asked.needs:
        if _applies(need, item.get(need.field, "")):
            lacking = [name for name in need.then if not item.get(name)]
            if lacking:
                found.append(Finding(need.severity, need.code, lacking[0], ", ".join(lacking)))
    return found


def _of_value(name: str, rule: Rule, value: str, item: Mapping[str, str]) -> list[Finding]:
    if rule.most and len(value) > rule.most:
        return [Finding("refused", "field_too_long", name, f"{len(value)} characters, {rule.most} are taken")]
    if rule.one_of and value not in rule.one_of:
        return [Finding("refused", "value_unknown", name, value[:80])]
    if rule.kind in ("images",):
        return _images(name, rule, value)
    code, severity = _KINDS[rule.kind](value) if rule.kind else ("", "refused")
    if code:
        return [Finding(severity, code, name, value[:80])]
    if rule.below:
        above = item.get(rule.below, "")
        if _price(above)[0] or _parts(value)[1] != _parts(above)[1] or _parts(value)[0] >= _parts(above)[0]:
            return [Finding("refused", "sale_price_wrong", name, f"{value} is not below {above}"[:120])]
    return []


Verdict = tuple[str, Severity]
_FINE: Verdict = ("", "refused")
_PRICE = re.compile(r"(\d{1,15}(?:\.(\d{1,4}))?) ([A-Z]{3})", re.ASCII)
_ID = re.compile(r"[!-~]+", re.ASCII)
_NO_XML = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>")


def _price(value: str) -> Verdict:
    found = _PRICE.fullmatch(value)
    if found is None:
        return "price_wrong", "refused"
    try:
        exponent = Currency(found[3]).exponent
    except ValueError:
        return "currency_unknown", "refused"
    if exponent is None or len(found[2] or "") != exponent or Decimal(found[1]) <= 0:
        return "price_wrong", "refused"
    return _FINE


def _parts(value: str) -> tuple[Decimal, str]:
    number, _, currency = value.partition(" ")
    return Decimal(number), currency


@lru_cache(maxsize=1024)  # the variants of a product share most of their texts
def _text(value: str) -> Verdict:
    """One line that XML can hold, without markup."""
    if value != " ".join(value.split()) or _MARKUP.search(value):
        return "value_unknown", "refused"
    return ("value_unknown", "refused") if _NO_XML.search(value) else _FINE


@lru_cache(maxsize=1024)
def _bare(value: str) -> Verdict:
    """TikTok's: no emoji, no control or format characters besides the joiners that words are spelt with."""
    verdict = _text(value)
    if verdict != _FINE or value.isascii():
        return verdict
    for c in value:
        pictured = 0x1F000 <= ord(c) <= 0x1FAFF or 0x2600 <= ord(c) <= 0x27BF or ord(c) == 0xFE0F
        if pictured or (unicodedata.category(c) in ("Cf", "Co", "Cn") and c not in "\u200c\u200d"):
            return "value_unknown", "refused"
    return _FINE


def _id(value: str) -> Verdict:
    return _FINE if _ID.fullmatch(value) else ("value_unknown", "refused")


def _url(value: str) -> Verdict:
    try:
        parts = urlsplit(value)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        fine = False
    return _FINE if fine and value.isascii() and value.isprintable() and " " not in value else ("url_wrong", "refused")


def _image(value: str) -> Verdict:
    if _url(value) != _FINE:
        return "url_wrong", "refused"
    end = urlsplit(value).path.rsplit("/", 1)[-1].rpartition(".")[2].lower()
    # An address needn't say of what kind the picture is; one that says so and is another is worth a word.
    return ("image_kind", "warning") if end in ("svg", "heic", "avif", "tif", "tiff", "bmp", "pdf", "mp4") else _FINE


def _images(name: str, rule: Rule, value: str) -> list[Finding]:
    addresses = value.split(",")
    if len(addresses) > rule.times or any(len(one) > rule.each for one in addresses):
        return [Finding("refused", "field_too_long", name, f"{len(addresses)} addresses, {rule.times} are taken")]
    wrong = [one for one in addresses if _url(one) != _FINE]
    return [Finding("refused", "url_wrong", name, wrong[0][:80])] if wrong else []


def _gtin(value: str) -> Verdict:
    if not re.fullmatch(r"\d{8}|\d{12,14}", value, re.ASCII):
        return "gtin_invalid", "refused"
    number = value.zfill(14)
    weighed = sum(int(digit) * weight for digit, weight in zip(number, (3, 1) * 7, strict=True))
    if weighed % 10 or not number.strip("0"):
        return "gtin_invalid", "refused"
    kept = number[6:] if len(value) == 8 else number[1:]
    return ("gtin_restricted", "refused") if kept[0] == "2" or kept[:2] in ("02", "04") else _FINE


_KINDS: dict[str, Callable[[str], Verdict]] = {
    "price": _price, "text": _text, "bare": _bare, "id": _id, "url": _url, "image": _image, "gtin": _gtin,
}  # fmt: skip


def _applies(need: Need, value: str) -> bool:
    if need.among:
        return value in need.among
    return value == need.below or value.startswith(need.below + " > ")
