"""A body without its person: what says who somebody is goes, what says what was bought stays."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

# Keys whose whole value is about a person, in the words of any platform; compared without case and separators.
_PERSON = frozenset(
    {
        "customer", "billingaddress", "shippingaddress", "defaultaddress", "billing", "shipping", "address",
        "addresses", "address1", "address2", "destination", "company", "city", "zip", "postcode", "latitude",
        "longitude", "email", "contactemail", "customeremail", "phone", "customerphone", "telephone", "mobile",
        "firstname", "lastname", "fullname", "browserip", "ip", "ipaddress", "customeripaddress", "clientdetails",
        "customeruseragent", "useragent", "note", "customernote", "customermessage", "orderstatusurl", "checkoutid",
        "token", "checkouttoken", "carttoken", "cartkey", "referringsite", "paymentdetails", "receipt", "customerid",
        "username", "birthday", "dateofbirth", "taxid", "vatnumber", "trackingnumber", "trackingnumbers", "trackingurl",
        "trackingurls",
    }
)  # fmt: skip
# Of a list of {name, value} only what is ours: buyers and themes write anything else into it.
_PAIRS = frozenset({"noteattributes", "properties", "metadata", "metafields", "customattributes"})
_OURS = re.compile(r"^_*(?:connector|[a-z0-9]+_touch$)", re.IGNORECASE)  # the prefix is a setting
# Of an address only our own parameters: the rest may be anything.
_ADDRESSES = frozenset({"landingsite", "landingpage"})
_encode = msgspec.json.Encoder(decimal_format="number").encode


def without_person(raw: bytes) -> bytes | None:
    """The body again as JSON, with null in place of what is about a person. None: it is no JSON, so it can't be cut.

    Numbers keep their digits: amounts are exact, and an id may be longer than a machine word.
    """
    try:
        body = json.loads(raw, parse_float=Decimal, parse_int=_whole)
        return _encode(_cut(body))
    except (ValueError, UnicodeError, RecursionError):
        return None


def _whole(text: str) -> int | Decimal:
    return int(text) if len(text) < 19 else Decimal(text)


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _of(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item) for item in value]
    return value


def _of(key: str, value: Any) -> Any:
    word = re.sub(r"[^a-z0-9]", "", key.lower())
    if word in _PERSON:
        return None
    if word in _PAIRS and isinstance(value, list):
        return [
            pair for pair in value if isinstance(pair, dict) and _OURS.match(str(pair.get("name", pair.get("key"))))
        ]
    if word in _PAIRS and isinstance(value, dict):
        return {name: item for name, item in value.items() if _OURS.match(name)}
    if word in _ADDRESSES and isinstance(value, str):
        return _address(value)
    return _cut(value)


def _address(text: str) -> str:
    parts = urlsplit(text)
    ours = [(name, value) for name, value in parse_qsl(parts.query) if name == "ref" or _OURS.match(name)]
    return parts.path + ("?" + urlencode(ours) if ours else "")
