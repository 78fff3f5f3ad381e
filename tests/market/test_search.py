"""What is found, in which order, and how it is counted: the same on both databases."""

from __future__ import annotations

import random
import string

import pytest

from connector.commerce.catalog import take
from connector.errors import InputRefused
from connector.insight.market.keys import Facts, keyed, price_step, step_bounds
from connector.insight.market.words import fold, one_apart, spellings, words
from tests.market.conftest import CATALOG, SYSTEM, Market, product

# What somebody types, and what must come first.
QUESTIONS = {
    # words of the title, in any case, in any order
    "linen throw": "Linen throw, sage",
    "THROW LINEN": "Linen throw, sage",
    "throw": "Throw pillow",
    "stoneware mug": "Stoneware mug",
    "mug stoneware large": "Stoneware mug, large",
    "table runner": "Table runner",
    "runners table": "Runner's table lamp",
    # a beginning, and the other number
    "bookshe": "Oak bookshelf",
    "walnut books": "Walnut bookshelf",
    "box": "Boxes for storage",
    "mugs": "Set of six mugs",
    "necklaces": "Necklace",
    # accents, strokes and case fold, both ways
    "creme brulee": "Crème brûlée dishes",
    "émile": "Émile Henry baking dish",
    "lodz": "Łódź poster",
    "smorrebrod": "Smørrebrød board",
    "grosse schussel": "Große Schüssel",
    "ｓｔｏｎｅｗａｒｅ": "Stoneware mug",
    # apart and together
    "tshirt": "T-shirt, washed black",
    "t shirt": "T-shirt, washed black",
    "table cloth": "Tablecloth, natural flax",
    "water proof jacket": "Waterproof rain jacket",
    "mens merino": "Men's merino jumper",
    # one wrong letter: changed, left out, put in, swapped
    "stonewore mug": "Stoneware mug",
    "headphnes": "Headphones, wireless",
    "walnutt bookshelf": "Walnut bookshelf",
    "nekclace": "Necklace",
    "thrw pillow": "Throw pillow",
    "шерстянай плед": "Шерстяной плед",
    # brand, category, tag, option, code, description
    "solingen": "Bread knife",
    "knitwear": "Men's merino jumper",
    "gift gold": "Necklace",
    "mug moss": "Stoneware mug",
    "SN-4471": "Headphones, wireless",
    "4006381333931": "Headphones, wireless",
    "sourdough": "Bread knife",
    # scripts without spaces, and from right to left
    "深煎り": "深煎りブレンド 200g",
    "茶": "煎茶 やぶきた",
    "عطر": "عطر العود",
}


def test_each_question_has_its_first_hit(market: Market) -> None:
    assert len(QUESTIONS) >= 30
    found = {text: (market.find(text) or [""])[0] for text in QUESTIONS}
    assert found == QUESTIONS


def test_the_order_of_what_is_found(market: Market) -> None:
    assert market.find("linen throw") == ["Linen throw, sage", "Linen throw, sage, with a hem stitched twice"]
    # Title, then brand, category and tags, then the description.
    assert market.find("linen")[0] == "Cushion, linen"
    assert market.find("linen")[-1] == "Garden chair"
    assert market.find("walnut") == ["Walnut bookshelf", "Oak bookshelf"]
    # What can be bought first.
    assert market.find("candle") == ["Candle, cedar &amp; smoke", "Scented candle"]
    assert market.find("mug clay", status="shoppable") == ["Stoneware mug"]


def test_what_is_not_found(market: Market) -> None:
    for text in (
        "thrxx pillow",
        "zzz",
        "%",
        "_",
        "sn4472",
        "mug lamp",
        "4006381333932",
        "bread, knife, spoon",
        "\u200b",
    ):
        assert market.find(text) == [], text
    # Two letters wrong, or one in a short word or a number, is another word.
    assert market.find("stonewroe mgu") == []
    assert market.find("mog") == []


def test_every_word_is_found_with_one_wrong_letter(market: Market) -> None:
    """Each word of five and more letters of each title, bent in one of four ways."""
    order = random.Random(5)
    letters = string.ascii_lowercase
    tried = 0
    for listing in CATALOG:
        for word in words(listing.title):
            text = word.text
            if word.sign or len(text) < 5 or not text.isalpha() or not text.isascii():
                continue
            at = order.randrange(len(text) - 1)
            bent = order.choice(
                (
                    text[:at] + order.choice(letters) + text[at + 1 :],
                    text[:at] + text[at + 1 :],
                    text[:at] + order.choice(letters) + text[at:],
                    text[:at] + text[at + 1] + text[at] + text[at + 2 :],
                )
            )
            assert listing.title in market.find(bent), (text, bent)
            tried += 1
    assert tried > 40


def test_filters_and_facets(market: Market) -> None:
    market.shop("two", "USD")
    market.offer(2_000, "902", shop="two")
    market.put(
        product("901", "Stoneware jug", 8_000, vendor="Kiln", category="jugs", currency="USD"),
        product("902", "Stoneware vase", 90_000, vendor="Kiln", category="Vases", currency="USD"),
        shop="two",
    )
    market.follow()
    names = ("category", "shop", "price", "rate", "availability", "status")
    found = market.found("stoneware", facets=names)
    assert found.total == len(found.listings) == 4
    counted = {name: {each.value: each.count for each in some} for name, some in found.facets.items()}
    assert counted == {
        "category": {"mugs": 2, "jugs": 1, "vases": 1},
        "shop": {"one": 2, "two": 2},
        "price": {"EUR:02": 1, "EUR:03": 1, "USD:04": 1, "USD:07": 1},
        "rate": {"01500": 2, "02000": 1},
        "availability": {"true": 4},
        "status": {"shoppable": 4},
    }
    assert [each.label for each in found.facets["shop"]] == ["Shop one", "Shop two"]
    assert found.facets["category"][0].label == "Mugs"
    assert market.find("stoneware", shop_id="two") == ["Stoneware jug", "Stoneware vase"]
    assert market.find("stoneware", category="MUGS") == ["Stoneware mug", "Stoneware mug, large"]
    assert market.find("stoneware", currency="EUR", price_to=2_000) == ["Stoneware mug"]
    assert market.find("stoneware", currency="EUR", price_from=1_851) == ["Stoneware mug, large"]
    assert market.find("stoneware", currency="USD", price_from=8_000, price_to=8_000) == ["Stoneware jug"]
    assert market.find("stoneware", rate_from=1_600) == ["Stoneware vase"]
    assert market.find("candle", available=False) == ["Scented candle"]
    assert market.find("candle", available=True) == ["Candle, cedar &amp; smoke"]
    assert market.find(category="mugs") == ["Stoneware mug", "Stoneware mug, large", "Set of six mugs"]
    assert market.find("stoneware", shop_id="nobody") == []


def test_pages_show_everything_once_while_the_list_changes(empty: Market) -> None:
    empty.put(*(product(str(n), f"Oak shelf no. {n}", 1_000 + n) for n in range(40)))
    empty.put(*(product(f"s{n}", f"Shelf {n}", 1_000, description="oak") for n in range(10)))
    empty.follow()
    whole = empty.find("oak shelf")
    assert len(whole) == 50
    seen: list[str] = []
    cursor = None
    while True:
        page = empty.found("oak shelf", cursor=cursor, limit=7)
        seen += [row.title for row in page.listings]
        if len(seen) == 14:
            assert "Oak shelf no. 11" in seen
            assert "Oak shelf no. 30" not in seen
            # One that was shown and one that was not are removed, and a better one comes.
            with empty.database.write(SYSTEM) as session:
                take.mark_gone(session, "one", ["11", "30"])
            empty.put(product("new", "Oak shelf", 500))
            empty.follow()
        if page.next is None:
            break
        cursor = page.next
    assert seen == [title for title in whole if title != "Oak shelf no. 30"]
    with pytest.raises(InputRefused, match="cursor"):
        empty.found("oak", cursor=cursor)


def test_what_was_removed_or_sold_vanishes_before_the_index_follows(market: Market) -> None:
    with market.database.write(SYSTEM) as session:
        take.mark_gone(session, "one", ["4"])
    market.put(product("5", "Stoneware mug, large", 2_450, vendor="Kiln", category="Mugs", available=False))
    assert market.find("stoneware mug") == ["Stoneware mug, large"]
    assert market.find("stoneware mug", status="shoppable") == []
    market.follow()
    assert market.find("stoneware mug") == ["Stoneware mug, large"]
    assert market.find("stoneware mug", status="gone") == ["Stoneware mug"]


def test_hard_text_is_taken(empty: Market) -> None:
    long = "x" * 64_000
    empty.put(
        product("1", f"Tray 🫖 {long}", description=f"<script>alert('tray')</script>{long} " * 3),
        product("2", "‏مرحبا‎ tray", tags=tuple(f"tag{n}" for n in range(600))),
        product("3", "Tray", description="&lt;b&gt;&amp; <!-- kettle --> <i>jug</i>"),
        product("4", "🫖"),
    )
    empty.follow()
    assert set(empty.find("tray")) >= {"Tray", "‏مرحبا‎ tray"}
    assert len(empty.find("tray")) == 3
    assert empty.find("alert") == empty.find("script") == []
    assert empty.find("jug") == ["Tray"]
    assert empty.find("مرحبا") == ["‏مرحبا‎ tray"]
    assert empty.find("🫖") == []


@pytest.mark.parametrize(
    ("written", "folded"),
    [("CRÈME", "creme"), ("ﬁne", "fine"), ("Straße", "strasse"), ("ΆΝΘΡΩΠΟΣ", "ανθρωποσ"), ("İstanbul", "istanbul"),
     ("men’s", "mens"), ("naïve\u200b", "naive"), ("مَكْتَبٌ", "مكتب"), ("が", "が"), ("Ørsted", "orsted")],
)  # fmt: skip
def test_folding(written: str, folded: str) -> None:
    assert fold(written) == folded
    assert fold(folded) == folded


def test_one_apart_is_what_spellings_meet_in() -> None:
    order = random.Random(3)
    for _ in range(3_000):
        left = "".join(order.choices("abc", k=order.randint(4, 7)))
        right = "".join(order.choices("abc", k=order.randint(4, 7)))
        apart = one_apart(left, right)
        assert apart == one_apart(right, left)
        assert not apart or set(spellings(left)) & set(spellings(right))
        assert apart == (left != right and max(len(left), len(right)) > 4 and _distance(left, right) == 1)


def _distance(left: str, right: str) -> int:
    """Changed, put in, left out and swapped letters, by the textbook."""
    rows = [list(range(len(right) + 1))]
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            row.append(min(row[j - 1] + 1, rows[i - 1][j] + 1, rows[i - 1][j - 1] + (a != b)))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                row[j] = min(row[j], rows[i - 2][j - 2] + 1)
        rows.append(row)
    return rows[-1][-1]


def test_price_steps_cover_every_price() -> None:
    for price in (1, 499, 500, 999, 1_000, 12_345, 10**9, 10**12):
        _, low, beyond = step_bounds(price_step("EUR", price))
        assert low <= price
        assert beyond is None or price < beyond
    assert "m:EUR:02" in keyed(Facts("s", "shoppable", "x", currency="EUR", price=1_000)).keys
