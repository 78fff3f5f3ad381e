"""What support may read of a delivery's body."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from connector.web import masking

ORDER = {
    "id": 5001, "name": "#1042", "email": "mara.lindqvist@example.com", "phone": "+49 170 5550142",
    "token": "b1946ac92492d2347c6235b4d2611184", "browser_ip": "203.0.113.9", "total_price": "110.80",
    "created_at": "2026-11-14T21:07:14+01:00", "note": "ring twice, Mara",
    "landing_site": "/products/throw?ref=t0k3n&email=mara@example.com",
    "customer": {"id": 7001, "first_name": "Mara", "email": "m@x.org",
                 "default_address": {"name": "Mara L", "city": "Berlin"}},
    "shipping_address": {"address1": "Elm Street 12", "zip": "10115", "country": "Germany", "city": "Berlin"},
    "line_items": [{"id": 1, "name": "Linen throw", "title": "Linen throw", "sku": "LT-01", "price": "61.00",
                    "properties": [{"name": "gift", "value": "for mara@example.com, call +49 30 901820"}]}],
}  # fmt: skip


def test_people_are_masked_by_key_and_by_shape() -> None:
    shown = masking.mask(ORDER)
    text = json.dumps(shown, ensure_ascii=False)
    for personal in (
        "mara",
        "Mara",
        "Lindqvist",
        "5550142",
        "Elm Street",
        "10115",
        "203.0.113",
        "b1946ac",
        "Berlin",
        "901820",
    ):
        assert personal not in text, personal
    assert shown["email"] == "m•••@e•••"
    assert shown["phone"] == "•••42"
    assert shown["shipping_address"]["country"] == "Germany"


def test_what_support_needs_is_left() -> None:
    shown = masking.mask(ORDER)
    assert (shown["id"], shown["name"], shown["total_price"]) == (5001, "#1042", "110.80")
    assert shown["line_items"][0]["name"] == "Linen throw"
    assert shown["line_items"][0]["sku"] == "LT-01"
    assert shown["created_at"] == "2026-11-14T21:07:14+01:00"
    assert shown["customer"]["id"] == 7001


def test_bodies_that_are_not_json_are_masked_text() -> None:
    kind, shown, cut = masking.body(b'{not json, "email": "mara@example.com"')
    assert (kind, cut) == ("text", False)
    assert "mara@" not in shown


def test_a_large_body_is_cut_and_can_be_seen_whole() -> None:
    raw = json.dumps({"rows": [{"email": f"buyer{n}@example.com", "n": n} for n in range(3000)]}).encode()
    assert len(raw) > masking.SHOWN_WITHOUT_ASKING
    kind, shown, cut = masking.body(raw)
    assert (kind, cut) == ("text", True)
    assert len(shown) <= masking.SHOWN_WITHOUT_ASKING
    kind, whole, cut = masking.body(raw, whole=True)
    assert (kind, cut) == ("json", False)
    assert "buyer12@" not in json.dumps(whole)


def test_depth_is_no_way_around() -> None:
    raw = b"[" * 5000 + b"]" * 5000
    kind, _, _ = masking.body(raw)
    assert kind == "text"


@given(
    st.emails(domains=st.sampled_from(["example.com", "mail.example.org"])).filter(lambda e: e.isascii()),
    st.text(alphabet="abc xyz.,", max_size=20),
)
def test_no_address_survives_in_any_text(address: str, around: str) -> None:
    from connector import telemetry

    plain = telemetry.EMAIL.search(address)
    shown = masking.mask({"anything": f"{around} {address} {around}"})
    if plain is not None:
        assert plain.group() not in shown["anything"]
