"""What the rules say of a product: phrases, countries, versions. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import InputRefused
from connector.programme.policies import rules as policy
from connector.programme.policies.rules import BORN_WITH, Rule, Rules, Screen, Written

SCREEN = Screen(BORN_WITH)
PLAIN = Written("Cotton shirt", "<p>Soft.</p>", "Shirts", "Apparel > Clothing > Shirts", ("summer",), "DE")


def codes(**changes: object) -> list[str]:
    return [each.rule.code for each in SCREEN.against(msgspec.structs.replace(PLAIN, **changes))]


def test_the_first_version_stands_by_its_own_checks() -> None:
    policy.check(BORN_WITH.rules, BORN_WITH.disclosure)
    assert codes() == []
    assert {rule.verdict for rule in BORN_WITH.rules} == {"prohibited", "restricted", "conduct"}
    for rule in BORN_WITH.rules:
        for phrase in rule.categories:
            assert rule.code in codes(category=phrase), phrase
            assert rule.code in codes(tags=("new", phrase.upper())), phrase
        for phrase in rule.claims:
            assert rule.code in codes(description=f"<b>Now!</b> {phrase.title()}, really."), phrase


@pytest.mark.parametrize(
    ("changes", "met"),
    [
        ({"taxonomy": "Food, Beverages & Tobacco > Beverages > Alcoholic Beverages > Wine"}, ["alcohol"]),
        ({"taxonomy": "Food, Beverages & Tobacco > Food Items > Bread"}, []),
        ({"taxonomy": "Home > Tableware > Wine Glasses", "category": "Beer mugs"}, []),
        ({"title": "Wine glass", "description": "Holds whisky too"}, []),  # categories aren't looked for in texts
        ({"title": "Glue gun", "tags": ("guns & roses shirt",)}, []),
        ({"description": "It cures   CANCER!"}, ["claims_cure"]),
        ({"description": "Secures cancerous claims"}, []),  # whole words
        ({"title": "ｃｕｒｅｓ ｃａｎｃｅｒ"}, ["claims_cure"]),  # wide letters
        ({"description": "cures-cancer"}, ["claims_cure"]),
        ({"category": "Wine", "description": "Guaranteed income"}, ["claims_income", "alcohol"]),  # prohibitions first
    ],
)
def test_whole_words_whatever_their_dress(changes: dict[str, object], met: list[str]) -> None:
    assert codes(**changes) == met


@given(st.text(max_size=80), st.sampled_from(["cures cancer", "get rich quick"]), st.text(max_size=80))
def test_a_claim_is_found_in_any_text_around_it(before: str, claim: str, after: str) -> None:
    assert codes(description=f"{before} {claim.upper()} {after}")


def test_countries_bound_a_rule_or_are_it() -> None:
    closed = Rule(code="closed", title="t", verdict="prohibited", why="w", remedy="r", countries=("KP",))
    only = Rule(
        code="only", title="t", verdict="restricted", why="w", remedy="r", claims=("hemp seed",), countries=("FR",)
    )
    screen = Screen(Rules(2, BORN_WITH.starts_at, (only, closed), {"en": "Ad"}))
    hemp = msgspec.structs.replace(PLAIN, title="Hemp seed")
    assert [each.found for each in screen.against(msgspec.structs.replace(PLAIN, country="KP"))] == [("KP",)]
    assert screen.against(hemp) == []
    assert [each.rule.code for each in screen.against(msgspec.structs.replace(hemp, country="FR"))] == ["only"]


def test_a_rule_of_conduct_meets_no_product_and_can_always_be_broken() -> None:
    """Abuse is none of the rules of products; a version that says nothing of conduct keeps the first one's."""
    conduct = {rule.code for rule in BORN_WITH.rules if rule.verdict == "conduct"}
    assert {"undisclosed", "abuse", "sham_sales"} <= conduct
    assert codes(title=" ".join(rule.title for rule in BORN_WITH.rules if rule.code in conduct)) == []
    bare = Rules(2, BORN_WITH.starts_at, BORN_WITH.rules[:1], {"en": "Ad"})
    assert {rule.code for rule in policy.breakable(bare)} == conduct | {BORN_WITH.rules[0].code}
    own = Rule(code="manners", title="Manners", verdict="conduct", why="w", remedy="r")
    policy.check((own,), {"en": "Ad"})
    assert policy.breakable(Rules(3, BORN_WITH.starts_at, (own,), {"en": "Ad"})) == (own,)


def test_the_newest_started_version_holds() -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC)
    second = Rules(2, start, BORN_WITH.rules, BORN_WITH.disclosure)
    third = Rules(3, start, BORN_WITH.rules, BORN_WITH.disclosure)
    every = [BORN_WITH, second, third]
    assert policy.at(every, start - timedelta(seconds=1)) is BORN_WITH
    assert policy.at(every, start) is third


def test_a_file_of_rules_says_what_is_wrong_with_it() -> None:
    rule = msgspec.to_builtins(BORN_WITH.rules[0])
    good = {"rules": [rule], "disclosure": {"en": "Ad"}}
    assert policy.read(msgspec.json.encode(good))[0] == (BORN_WITH.rules[0],)
    for change, said in (
        ({"rules": []}, "are none"),
        ({"rules": [rule, rule]}, "code of another"),
        ({"rules": [rule | {"code": "No!"}]}, "small letters"),
        ({"rules": [rule | {"verdict": "frowned upon"}]}, "verdict"),
        ({"rules": [rule | {"remedy": " "}]}, "no remedy"),
        ({"rules": [rule | {"claims": ["!!"]}]}, "fewer than two"),
        ({"rules": [rule | {"categories": [], "claims": []}]}, "keep out everything"),
        ({"rules": [rule | {"countries": ["Germany"]}]}, "capital letters"),
        ({"rules": [rule | {"verdict": "conduct"}]}, "of what people do"),
        ({"rules": [rule | {"colour": 1}]}, "colour"),
        ({"disclosure": {"de": "Werbung"}}, "English"),
    ):
        with pytest.raises(InputRefused, match=said):
            policy.read(msgspec.json.encode(good | change))
    with pytest.raises(InputRefused):
        policy.read(b"{")
