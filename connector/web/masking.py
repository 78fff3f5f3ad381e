"""Personal data masked for people who read deliveries: by key and by shape, on the server, before a page is made.

A mask keeps what support needs to tell two values apart (a first letter, the last two digits) and nothing that finds a
person. Secrets keep nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from connector import telemetry

# Keys of store payloads whose value is about a person, wherever they stand.
_ALWAYS = frozenset(
    {
        "first_name", "last_name", "full_name", "firstname", "lastname", "display_name", "email", "contact_email",
        "phone", "mobile", "telephone", "address1", "address2", "zip", "postal_code", "postcode", "browser_ip",
        "client_ip", "ip", "user_agent", "latitude", "longitude", "birthday", "tax_id", "vat_number", "national_id",
        "note",
    }
)  # fmt: skip
# Keys that are about a person only inside an object about one; elsewhere a `name` is a product's.
_INSIDE = frozenset(
    {
        "name", "company", "address", "street", "city", "region",
    }
)  # fmt: skip
_HOLDERS = frozenset(
    {
        "customer", "billing_address", "shipping_address", "default_address", "addresses", "destination",
        "origin_location", "client_details", "billing", "shipping", "contact", "recipient", "receipt",
        "payment_details", "user", "staff_member",
    }
)  # fmt: skip
_ADDRESS_IN_URL = re.compile(r"(?i)([?&](?:email|phone|name|key|token|auth|signature)=)[^&\s\"']+")
SHOWN_WITHOUT_ASKING = 64 * 1024


def mask(value: Any, key: str = "", *, person: bool = False) -> Any:
    """The same JSON with personal data masked. `person`: we are inside an object about a person."""
    flat = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower().replace("-", "_")
    inside = person or flat in _HOLDERS
    if isinstance(value, Mapping):
        return {str(name): mask(item, str(name), person=inside) for name, item in value.items()}
    if isinstance(value, list):
        return [mask(item, key, person=inside) for item in value]
    if value in (None, "", True, False):
        return value
    if flat in telemetry.SECRET_KEYS or flat.endswith(("_token", "_secret", "_hmac")):
        return "•••"
    if flat in _ALWAYS or (person and flat in _INSIDE):
        return hint(str(value))
    return text(value) if isinstance(value, str) else value


def text(value: str) -> str:
    """A text whose parts that look like an address, a phone number or a secret are masked."""
    value = telemetry.TOKEN.sub("•••", value)
    value = _ADDRESS_IN_URL.sub(r"\1•••", value)
    value = telemetry.EMAIL.sub(lambda found: hint(found.group()), value)
    return telemetry.PHONE.sub(lambda found: hint(found.group()), value)


def hint(value: str) -> str:
    """`m•••@e•••` for an address, `•••67` for a number, `M•••` for anything else."""
    if "@" in value:
        name, _, host = value.partition("@")
        return f"{name[:1]}•••@{host[:1]}•••"
    digits = re.sub(r"\D", "", value)
    if "." not in value and len(digits) >= 6 and len(digits) * 2 >= len(value.strip()):
        return "•••" + digits[-2:]
    return value.strip()[:1] + "•••"


def body(raw: bytes, *, whole: bool = False) -> tuple[str, Any, bool]:
    """A delivery's body for a page: (kind, what, cut). Kind `json` is masked data; `text` is masked text.

    Above 64 KB a body is cut unless `whole`: JSON can't be cut and still be JSON, so then its first part is text.
    """
    cut = len(raw) > SHOWN_WITHOUT_ASKING and not whole
    try:
        parsed = json.loads(raw)
    except (ValueError, UnicodeDecodeError, RecursionError):
        shown = raw[:SHOWN_WITHOUT_ASKING] if cut else raw
        return "text", text(shown.decode("utf-8", "replace")), cut
    masked = mask(parsed)
    if cut:
        return "text", json.dumps(masked, ensure_ascii=False, indent=2)[:SHOWN_WITHOUT_ASKING], True
    return "json", masked, False
