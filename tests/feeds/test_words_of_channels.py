"""Texts, numbers and options as channels take them: rules that hold for all inputs."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.insight.feeds import availability, channels, details, gtin, ids, text, validator
from connector.insight.feeds.findings import WORDS
from connector.insight.feeds.items import Item

ANY = st.text(alphabet=st.characters(), max_size=300)
HARD = [
    "=SUM(A1:A9)", "+Size dress", "-20% throw", "@home mug", "\t=1+1", "＝cmd|' /C calc'!A0", "- - =x", "🔥=2+3",
    "Free Shipping! Linen throw", "High-quality wholesale lamp (free shipping)", "🎁🎁", "free shipping",
    "قميص \u200fقطن", "می\u200cخواهم", "\ud800lone", "a\x00b\x0bc", "<b>Bold</b> &amp; <script>x</script>tray",
    "👩‍👩‍👧 family", "e\u0301" * 200, "5\ufe0f\u20e3 pack", "Tag & <unclosed",
    "x" * 6000, "word " * 4000, "\ufeffBOM", "©™ ok",
]  # fmt: skip


def an_item(**changes: Any) -> Item:
    plain: dict[str, Any] = {
        "item_id": "s-1", "group_id": "s-9", "product_ref": "9", "variant_ref": "1", "title": "Linen throw",
        "description": "Soft.", "link": "https://s.example/p?variant=1", "image": "https://s.example/i.jpg",
        "more_images": (), "currency": "EUR", "price": 1999, "compare_at": None, "availability": "in_stock",
        "condition": "new", "brand": "Harbour", "gtin": "", "mpn": "", "category": "", "product_type": "",
        "details": {}, "several": True,
    }  # fmt: skip
    return Item(**plain | changes)


def judged(channel: str, item: Item) -> tuple[dict[str, str], set[str], set[str]]:
    """(fields, codes that refuse, codes that warn)."""
    fields, found = channels.fields(channel, item)
    found += validator.check(validator.rules(channel), fields)
    assert {each.code for each in found} <= WORDS.keys()
    assert all(each.field in validator.rules(channel).fields or not each.field for each in found)
    refused = {each.code for each in found if each.severity == "refused"}
    return fields, refused, {each.code for each in found} - refused


@pytest.mark.parametrize("channel", ["google", "meta", "tiktok"])
@given(title=st.one_of(ANY, st.sampled_from(HARD)), other=st.one_of(ANY, st.sampled_from(HARD)))
def test_whatever_a_merchant_writes_the_channel_can_take_it_or_the_item_is_refused_for_its_title(
    channel: str, title: str, other: str
) -> None:
    item = an_item(title=title, description=other, brand=other or "b", product_type=other, details={"color": other})
    fields, refused, _ = judged(channel, item)
    assert refused <= {"field_missing"}
    if refused:
        assert not fields.get("title") or not fields.get("brand")
    out = io.StringIO(newline="")
    csv.writer(out).writerow(fields.values())
    for cell in next(csv.reader(io.StringIO(out.getvalue(), newline=""))):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "＠"))
        cell.encode()


@given(ANY, st.integers(5, 60))
def test_a_cut_text_is_a_beginning_and_ends_at_a_word_where_it_can(whole: str, limit: int) -> None:
    line = text.plain(whole)
    short = text.cut(line, limit)
    assert line.startswith(short)
    assert len(short) <= limit
    if short != line and line[len(short)] not in " ,;:–—-·|/" and line[limit * 2 // 3 : limit].strip() == "":
        pytest.fail("it could have ended at a space")


def test_cutting_leaves_words_and_characters_whole() -> None:
    assert text.cut("Hand-woven linen throw", 20) == "Hand-woven linen"
    assert text.cut("Hand-woven linen throw", 22) == "Hand-woven linen throw"
    assert text.cut("a" * 30, 20) == "a" * 20
    assert text.cut("x" * 18 + "e\u0301e\u0301", 19) == "x" * 18


def test_markup_becomes_text() -> None:
    assert text.plain("<p>Soft&nbsp;linen</p><p>3 &lt; 4 &amp; more<br>end</p><script>alert(1)</script>") == (
        "Soft linen 3 < 4 & more end"
    )
    assert text.plain("Sizes 3 < 4 & Q&A") == "Sizes 3 < 4 & Q&A"


@pytest.mark.parametrize(
    ("title", "kept", "code"),
    [
        ("🔥 Linen throw 🔥", "Linen throw", "emoji_removed"),
        ("Linen throw – Free Shipping", "Linen throw", "promotion_removed"),
        ("High-Quality lamp (FREE  shipping)", "lamp", "promotion_removed"),
        ("Kostenloser Versand: Leinendecke", "Leinendecke", "promotion_removed"),
        ("送料無料 リネン", "リネン", "promotion_removed"),
        ("Freeshippingbox", "Freeshippingbox", ""),
        ("می\u200cخواهم", "می\u200cخواهم", ""),
    ],
)
def test_tiktok_titles(title: str, kept: str, code: str) -> None:
    fields, refused, warned = judged("tiktok", an_item(title=title))
    assert (fields["title"], refused) == (kept, set())
    assert warned & {"emoji_removed", "promotion_removed"} == ({code} if code else set())
    assert judged("google", an_item(title=title))[0]["title"] == text.defused(text.plain(title))


def test_a_title_of_nothing_but_what_is_refused_is_refused() -> None:
    assert judged("tiktok", an_item(title="🎁 free shipping"))[1] == {"field_missing"}


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("4006381333931", ""), ("96385074", ""), ("036000291452", ""), ("10614141000415", ""),
        ("4006381333932", "gtin_invalid"), ("400638133393", "gtin_invalid"), ("00000000", "gtin_invalid"),
        ("40063813339३1", "gtin_invalid"), ("", "gtin_invalid"), ("123456789", "gtin_invalid"),
        ("2000000000008", "gtin_restricted"), ("0200000000004", "gtin_restricted"), ("200000000004", "gtin_restricted"),
        ("0400000000008", "gtin_restricted"), ("12000000000005", "gtin_restricted"),
    ],
)  # fmt: skip
def test_trade_item_numbers(code: str, fault: str) -> None:
    assert gtin.fault(code) == fault
    sent = validator.check(validator.rules("google"), {"gtin": code} if code else {})
    assert {each.code for each in sent if each.field == "gtin"} == ({fault} if fault and code else set())


@given(st.text("0123456789", min_size=7, max_size=14))
def test_both_readings_of_a_number_agree(code: str) -> None:
    """The one that makes items and the one that checks them were written apart."""
    sent = [each for each in validator.check(validator.rules("meta"), {"gtin": code}) if each.field == "gtin"]
    assert bool(sent) == bool(gtin.fault(code))


@given(st.sampled_from([8, 12, 13, 14]), st.data())
def test_one_digit_wrong_is_seen(length: int, data: st.DataObject) -> None:
    body = data.draw(st.text("0123456789", min_size=length - 1, max_size=length - 1))
    check = next(d for d in "0123456789" if gtin.fault(body + d) != "gtin_invalid" or not (body + d).strip("0"))
    place = data.draw(st.integers(0, length - 1))
    whole = body + check
    other = str((int(whole[place]) + data.draw(st.integers(1, 9))) % 10)
    assert gtin.fault(whole[:place] + other + whole[place + 1 :]) == "gtin_invalid"


def test_prices_follow_the_currency_and_a_sale_is_lower() -> None:
    asked = {
        ("JPY", 3980, None): ("3980 JPY", None),
        ("KWD", 12500, 15000): ("15.000 KWD", "12.500 KWD"),
        ("EUR", 1999, 2499): ("24.99 EUR", "19.99 EUR"),
        ("EUR", 1999, 1999): ("19.99 EUR", None),
        ("EUR", 1999, 1500): ("19.99 EUR", None),
    }
    for (currency, price, before), (shown, sale) in asked.items():
        fields, refused, _ = judged("meta", an_item(currency=currency, price=price, compare_at=before))
        assert (fields["price"], fields.get("sale_price"), refused) == (shown, sale, set())
    assert judged("google", an_item(price=0))[1] == {"price_wrong"}
    assert judged("google", an_item(currency="XAU"))[1] == {"field_missing"}
    wrong = validator.check(validator.rules("google"), {"price": "10.00 EUR", "sale_price": "10.00 EUR"})
    assert "sale_price_wrong" in {each.code for each in wrong}


def test_availability_has_a_word_for_each_channel() -> None:
    for name, table in {
        "google": availability.GOOGLE,
        "meta": availability.META,
        "tiktok": availability.TIKTOK,
    }.items():
        known = set(validator.rules(name).fields["availability"].one_of)
        assert table.keys() == availability.SCHEMA_ORG.keys()
        assert set(table.values()) <= known
    assert [availability.of(*given) for given in ((True, 5), (True, None), (True, 0), (True, -2), (False, 9))] == [
        "in_stock", "in_stock", "backorder", "backorder", "out_of_stock",
    ]  # fmt: skip
    fields, refused, warned = judged("google", an_item(availability="backorder"))
    assert (fields["availability"], refused, "backorder_undated" in warned) == ("in_stock", set(), True)
    assert judged("google", an_item(availability="preorder"))[1] == {"date_missing"}
    assert judged("tiktok", an_item(availability="backorder"))[0]["availability"] == "available for order"


def test_options_in_many_languages() -> None:
    assert details.of([["Farbe", "Salbei"], ["Größe", "38"], ["Geschlecht", "Damen"]]) == {
        "color": "Salbei", "size": "38", "gender": "female",
    }  # fmt: skip
    assert details.of([["COULEUR", "sauge"], ["Tranche d'âge", "Enfants"]]) == {"color": "sauge", "age_group": "kids"}
    assert details.of([["カラー", "緑"], ["サイズ", "M"], ["性別", "メンズ"]]) == {
        "color": "緑", "size": "M", "gender": "male",
    }  # fmt: skip
    assert details.of([["اللون", "أخضر"], ["Цвет", "зелёный"]]) == {"color": "أخضر"}
    assert details.of([["Title", "Default Title"], ["Gender", "Everyone else"], ["Size", ""]]) == {}


def test_clothing_without_its_details_is_warned_of() -> None:
    where = "Apparel & Accessories > Clothing > Dresses"
    _, refused, warned = judged("google", an_item(category=where, details={"size": "M"}))
    assert (refused, "apparel_detail_missing" in warned) == (set(), True)
    whole = {"size": "M", "color": "sage", "gender": "female", "age_group": "adult"}
    assert "apparel_detail_missing" not in judged("google", an_item(category=where, details=whole))[2]
    assert "apparel_detail_missing" not in judged("google", an_item(category="Furniture", details={}))[2]


@given(st.text(max_size=60), st.text(max_size=60))
def test_ids_are_short_plain_and_never_shared(left: str, right: str) -> None:
    shop = "shp_01j8abcdefghjkmnpqrstvwxyz"
    one, other = ids.item(shop, left), ids.item(shop, right)
    assert (one == other) == (left == right)
    assert len(one) <= ids.LONGEST
    assert one.isascii()
    assert ids.item(shop, "44012345678901") == "01j8abcdefghjkmnpqrstvwxyz-44012345678901"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("https://s.example/i.jpg", ""), ("http://s.example/i", ""), ("ftp://s.example/i.jpg", "url_wrong"),
        ("https://user@s.example/i.jpg", "url_wrong"), ("//s.example/i.jpg", "url_wrong"),
        ("javascript:1", "url_wrong"),
        ("https://s.example/i j.jpg", "url_wrong"), ("https://[", "url_wrong"), ("", "image_missing"),
        ("https://s.example/i.svg?v=1", "image_kind"), ("https://s.example/" + "x" * 2000, "field_too_long"),
    ],
)  # fmt: skip
def test_image_addresses(address: str, code: str) -> None:
    _, refused, warned = judged("google", an_item(image=address))
    assert code in refused | warned if code else not refused
