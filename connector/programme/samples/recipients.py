"""Where a sample goes: checked by field, sealed, and gone in time.

It is shown to the creator and put into the store's order, and to nobody else: the shop sees it in its own store. Where
the shop sends by hand it sees it on the sample's page while it is to be sent. No log, event, step or error has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from email_validator import EmailNotValidError, validate_email

from connector import vault
from connector.errors import ConfigurationWrong, InputRefused
from connector.platforms.contract import Recipient
from connector.programme.creators import payees

FIELDS = ("name", "address1", "address2", "city", "region", "postal_code", "country", "phone", "email")
_LONGEST = {"name": 100, "address1": 200, "address2": 200, "city": 100, "region": 100, "postal_code": 20, "phone": 30}
_REMEDIES = {
    "name": "Give the name that stands at the door.",
    "address1": "Give street and house number.",
    "city": "Give the town.",
}
# A parcel there isn't delivered without a state or province, and stores refuse the order.
_WITH_REGION = frozenset({"AU", "CA", "US"})
# Countries whose addresses have no postal code (Universal Postal Union's list of addressing systems).
_WITHOUT_CODE = frozenset(
    {
        "AE", "AG", "AO", "AW", "BF", "BI", "BJ", "BO", "BS", "BW", "BZ", "CD", "CF", "CG", "CI", "CK", "CM", "DJ",
        "DM", "ER", "FJ", "GA", "GD", "GH", "GM", "GQ", "GY", "HK", "JM", "KI", "KM", "KN", "KP", "LC", "LY", "ML",
        "MO", "MR", "MW", "NR", "NU", "QA", "RW", "SB", "SC", "SL", "SR", "ST", "SY", "TD", "TG", "TK", "TL", "TO",
        "TV", "UG", "VU", "YE", "ZW",
    }
)  # fmt: skip
_PHONE = re.compile(r"\+?[0-9][0-9 ()/.-]{3,28}[0-9]")
# Shape of a code in countries where many parcels go; elsewhere any letters and digits are taken.
_CODES = {
    "DE": r"\d{5}", "FR": r"\d{5}", "ES": r"\d{5}", "IT": r"\d{5}", "NL": r"\d{4} ?[A-Z]{2}", "BE": r"\d{4}",
    "AT": r"\d{4}", "CH": r"\d{4}", "US": r"\d{5}(-\d{4})?", "CA": r"[A-Z]\d[A-Z] ?\d[A-Z]\d", "AU": r"\d{4}",
    "GB": r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}", "JP": r"\d{3}-?\d{4}", "PL": r"\d{2}-?\d{3}",
}  # fmt: skip
_PIECES = re.compile(r"[\W_]+")
_ANY_CODE = re.compile(r"[A-Z0-9][A-Z0-9 -]{1,18}")


def checked(given: Mapping[str, str]) -> Recipient:
    """Pure. Errors: InputRefused("recipient.<field>") for what is missing, too long, or can't be what it is called.

    No error says what was given.
    """
    for field in given:
        if field not in FIELDS:
            raise InputRefused(
                f"recipient.{field[:40]}", "is no part of an address.", f"There are {', '.join(FIELDS)}."
            )
    values = {field: " ".join(str(given.get(field) or "").split()) for field in FIELDS}
    for field, longest in _LONGEST.items():
        if len(values[field]) > longest or not values[field].isprintable():
            raise InputRefused(
                f"recipient.{field}", f"is longer than {longest} characters, or has one that can't be printed."
            )
    for field, remedy in _REMEDIES.items():
        if not values[field]:
            raise InputRefused(f"recipient.{field}", "is missing.", remedy)
    country = values["country"].upper()
    if country not in payees.countries():
        raise InputRefused("recipient.country", "isn't a country.", "Give its two letters by ISO 3166, like DE.")
    if country in _WITH_REGION and not values["region"]:
        raise InputRefused("recipient.region", "is missing.", "Give the state, province or territory.")
    values |= {"country": country, "postal_code": _code(values["postal_code"].upper(), country)}
    if values["phone"] and not _PHONE.fullmatch(values["phone"]):
        raise InputRefused("recipient.phone", "isn't a telephone number.", "Give it with its country code, like +49.")
    values["email"] = _email(values["email"])
    return Recipient(**values)


def missing(given: Mapping[str, str]) -> list[str]:
    """The fields that `checked` would refuse as missing, all of them, in the order of a form."""
    country = given.get("country", "").strip().upper()
    needed = {*_REMEDIES, "country"}
    if country in _WITH_REGION:
        needed.add("region")
    if country not in _WITHOUT_CODE:
        needed.add("postal_code")
    order = ("name", "address1", "postal_code", "city", "region", "country")
    return [field for field in order if field in needed and not given.get(field, "").strip()]


def _code(typed: str, country: str) -> str:
    if not typed:
        if country in _WITHOUT_CODE:
            return ""
        raise InputRefused("recipient.postal_code", "is missing.", "Give the postal code.")
    shape = re.compile(_CODES[country]) if country in _CODES else _ANY_CODE
    if not shape.fullmatch(typed):
        raise InputRefused("recipient.postal_code", "isn't one of that country.", "Compare it with the address.")
    return typed


def _email(typed: str) -> str:
    if not typed:
        return ""
    try:
        return validate_email(typed, check_deliverability=False).normalized
    except EmailNotValidError:
        raise InputRefused("recipient.email", "isn't an e-mail address.") from None


def seal(recipient: Recipient) -> str:
    return vault.current().seal(msgspec.json.encode(recipient))


def opened(sealed: str) -> Recipient:
    """Errors: ConfigurationWrong when no live key opens it."""
    return msgspec.json.decode(vault.current().open(sealed), type=Recipient)


def fits(sealed: str | None, recipient: Recipient) -> bool:
    """Is it the address that is kept? For a request that comes twice."""
    if sealed is None:
        return False
    try:
        return opened(sealed) == recipient
    except ConfigurationWrong:
        return False


def without(words: str, recipient: Recipient) -> str:
    """A store's own words, unless they repeat a part of the address, or a word or number of one: then none."""
    folded = words.casefold()
    parts = (getattr(recipient, field) for field in FIELDS if field != "country")
    pieces = {piece for part in parts for piece in (part, *_PIECES.split(part)) if len(piece) >= 3}
    return "" if any(piece.casefold() in folded for piece in pieces) else words[:300]
