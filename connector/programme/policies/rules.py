"""What may be promoted: rules as data, dated and versioned, and what they say about a product. Pure.

    prohibited   never; an appeal is for a product that was taken for something that it isn't
    restricted   once support has seen what the merchant shows for it (a licence, a test report)
    conduct      of what creators and merchants do: it looks at no product, and a breach is recorded by a person

A rule looks at what the merchant wrote, whatever its case and punctuation. `categories` are met by a whole category, a
whole step of the taxonomy's path or a whole tag: "Wine", not "Wine glasses", nor the "Food, Beverages & Tobacco" that
all food stands under. `claims` are met as whole words in title and description.
`countries` bounds it to shops of these; a rule with nothing else is about the countries themselves. A version is never
edited: a change is a new one from a moment on.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from connector.errors import InputRefused

Verdict = Literal["prohibited", "restricted", "conduct"]
LONGEST = 400  # characters of each text of a rule
MOST = 200  # rules of a version
_CODE = re.compile(r"[a-z][a-z0-9_]{2,39}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_STEP = re.compile(r"[>/]")
_APART = re.compile(r"[\W_]+")


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule. `why` and `remedy` are read by merchants, those of conduct by creators too."""

    code: str
    title: str
    verdict: Verdict
    why: str
    remedy: str
    categories: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()  # ISO 3166-1; empty: everywhere


class Rules(msgspec.Struct, frozen=True):
    """A version: its rules, and by language what a creator says beside a link (a link without it isn't to be shown)."""

    version: int
    starts_at: datetime
    rules: tuple[Rule, ...]
    disclosure: dict[str, str]
    why: str = ""


class Written(msgspec.Struct, frozen=True):
    """What is read of a product, and where its shop is."""

    title: str
    description: str
    category: str
    taxonomy: str
    tags: tuple[str, ...]
    country: str


class Against(msgspec.Struct, frozen=True):
    """The rule that keeps a product out, and the words that it was met by, as the rule writes them."""

    rule: Rule
    found: tuple[str, ...]


_LOOK_AGAIN = "If it is something else, say so in an appeal."
_SHOW = "Appeal with what you have: a licence, a registration, a test report. It is let in once support has seen it."

BORN_WITH = Rules(
    1,
    datetime(2021, 1, 1, tzinfo=UTC),
    (
        Rule(
            code="weapons",
            title="Weapons and ammunition",
            verdict="prohibited",
            why="Weapons, their parts and ammunition are not promoted here.",
            remedy=f"Take it out of your sales channel. {_LOOK_AGAIN}",
            categories=(
                "weapons",
                "firearms",
                "ammunition",
                "handguns",
                "rifles",
                "stun guns",
                "tasers",
                "brass knuckles",
            ),
            claims=("ghost gun", "switchblade", "gun silencer", "live ammunition"),
        ),
        Rule(
            code="tobacco",
            title="Tobacco and nicotine",
            verdict="prohibited",
            why="Tobacco, nicotine and what they are used with are not promoted here.",
            remedy=f"Take it out of your sales channel. {_LOOK_AGAIN}",
            categories=(
                "tobacco",
                "tobacco products",
                "cigarettes",
                "cigars",
                "vaporizers",
                "vapes",
                "e cigarettes",
                "nicotine",
            ),
            claims=("nicotine salt", "vape juice", "disposable vape"),
        ),
        Rule(
            code="drugs",
            title="Drugs",
            verdict="prohibited",
            why="Illegal drugs, and medicines that need a prescription, are not promoted here.",
            remedy=f"Take it out of your sales channel. {_LOOK_AGAIN}",
            categories=(
                "recreational drugs",
                "drug paraphernalia",
                "prescription drugs",
                "prescription medicine",
                "steroids",
            ),
            claims=("no prescription needed", "without a prescription", "magic mushrooms", "anabolic steroid"),
        ),
        Rule(
            code="adult",
            title="Adult products",
            verdict="prohibited",
            why="The app is open to everybody from 18 on and shows no sexual products.",
            remedy=f"Take it out of your sales channel. {_LOOK_AGAIN}",
            categories=("erotic", "erotica", "sex toys", "pornography", "adult toys"),
        ),
        Rule(
            code="animals",
            title="Live animals",
            verdict="prohibited",
            why="Live animals, and goods of protected ones, are not promoted here.",
            remedy=f"Take it out of your sales channel. {_LOOK_AGAIN}",
            categories=("live animals",),
            claims=("real ivory", "rhino horn", "tiger bone"),
        ),
        Rule(
            code="counterfeit",
            title="Copies of brands",
            verdict="prohibited",
            why="Goods that pass for a brand's own harm the brand and the buyer.",
            remedy="Sell the brand's own goods, or your own design under your own name.",
            claims=(
                "1 1 replica",
                "aaa replica",
                "designer replica",
                "replica watch",
                "mirror copy",
                "same as original brand",
            ),
        ),
        Rule(
            code="claims_cure",
            title="Claims to cure",
            verdict="prohibited",
            why="A product that isn't a medicine must not be said to cure or prevent an illness.",
            remedy="Take the claim out of title and description; the product comes back by itself.",
            claims=(
                "cures cancer",
                "cure for cancer",
                "cures diabetes",
                "cure for diabetes",
                "cures covid",
                "cures depression",
                "miracle cure",
                "guaranteed cure",
                "replaces your medication",
                "heilt krebs",
                "guérit le cancer",
            ),
        ),
        Rule(
            code="claims_body",
            title="Claims about weight and body",
            verdict="prohibited",
            why="Nobody can promise what a body will do, least of all by when.",
            remedy="Take the promise out of title and description; the product comes back by itself.",
            claims=(
                "lose weight overnight",
                "burn fat while you sleep",
                "lose 10 kg in a week",
                "lose 20 pounds in a week",
                "guaranteed weight loss",
            ),
        ),
        Rule(
            code="claims_income",
            title="Claims about income",
            verdict="prohibited",
            why="A promise to earn is no product.",
            remedy="Take the promise out of title and description; the product comes back by itself.",
            claims=(
                "guaranteed income",
                "guaranteed profit",
                "get rich quick",
                "risk free returns",
                "double your money",
            ),
        ),
        Rule(
            code="alcohol",
            title="Alcohol",
            verdict="restricted",
            why="Alcohol is shown where its seller may sell it and asks for the buyer's age.",
            remedy=_SHOW,
            categories=(
                "alcoholic beverages",
                "alcohol",
                "wine",
                "red wine",
                "white wine",
                "sparkling wine",
                "beer",
                "spirits",
                "liquor",
                "whisky",
                "whiskey",
                "vodka",
            ),
        ),
        Rule(
            code="supplements",
            title="Food supplements",
            verdict="restricted",
            why="Supplements are shown once it is known what is in them.",
            remedy=_SHOW,
            categories=(
                "dietary supplements",
                "food supplements",
                "supplements",
                "vitamins supplements",
                "sports supplements",
            ),
        ),
        Rule(
            code="medical",
            title="Medical devices",
            verdict="restricted",
            why="Medical devices are shown once their registration was seen.",
            remedy=_SHOW,
            categories=("medical devices", "medical tests", "contact lenses"),
        ),
        Rule(
            code="cannabinoids",
            title="Hemp and cannabinoids",
            verdict="restricted",
            why="Whether they may be sold differs from country to country.",
            remedy=_SHOW,
            categories=("cbd", "hemp oil", "cannabidiol"),
            claims=("cbd oil", "cannabidiol"),
        ),
        Rule(
            code="gambling",
            title="Gambling and lotteries",
            verdict="restricted",
            why="Games for money need a licence where the buyer is.",
            remedy=_SHOW,
            categories=("lottery tickets", "gambling"),
            claims=("mystery box jackpot", "win real money"),
        ),
        Rule(
            code="undisclosed",
            title="A link without its disclosure",
            verdict="conduct",
            why="Whoever watches must know that the creator earns by a link.",
            remedy="Say so beside each link, in the words of the rules or in clearer ones.",
        ),
        Rule(
            code="untrue",
            title="Untrue words about a product",
            verdict="conduct",
            why="What creators and merchants say of a product is true, and what they show is the product itself.",
            remedy="Take down or put right what isn't so.",
        ),
        Rule(
            code="abuse",
            title="Abuse of the other side",
            verdict="conduct",
            why="Nobody insults, threatens, harasses or floods the other side, in messages, notes or content.",
            remedy="Write as to somebody you work with, and leave alone who wants no more of it.",
        ),
        Rule(
            code="sham_sales",
            title="Sales and figures that aren't real",
            verdict="conduct",
            why="Orders that were arranged to earn by, bought followers and taps that nobody made count for nothing.",
            remedy="Let buyers find and buy the product by themselves.",
        ),
        Rule(
            code="samples_misused",
            title="Samples that were misused",
            verdict="conduct",
            why="A sample is asked for to be shown: it isn't sold, and not asked for again and again without content.",
            remedy="Show what you were sent, or ask for less.",
        ),
        Rule(
            code="not_as_promised",
            title="Goods or terms not as promised",
            verdict="conduct",
            why="A merchant sends what was shown and keeps what was agreed: rates, samples, flat fees.",
            remedy="Make up for it to the creator and the buyers.",
        ),
    ),
    {
        "en": "Ad. I earn a commission if you buy through this link.",
        "de": "Werbung. Ich erhalte eine Provision, wenn du über diesen Link kaufst.",
        "fr": "Publicité. Je touche une commission si vous achetez par ce lien.",
        "es": "Publicidad. Recibo una comisión si compras a través de este enlace.",
        "it": "Pubblicità. Ricevo una commissione se acquisti da questo link.",
        "nl": "Reclame. Ik krijg commissie als je via deze link koopt.",
    },
    "The rules that the programme began with.",
)


def breakable(rules: Rules) -> tuple[Rule, ...]:
    """Every rule that a breach may name. A version that says nothing of conduct leaves what the first one says."""
    if any(each.verdict == "conduct" for each in rules.rules):
        return rules.rules
    return (*rules.rules, *(each for each in BORN_WITH.rules if each.verdict == "conduct"))


def folded(text: str) -> str:
    """Small words parted by one blank, with a blank at both ends, so that a phrase is met as whole words."""
    return f" {_APART.sub(' ', unicodedata.normalize('NFKC', text).casefold()).strip()} "


class Screen:
    """A version, ready to be asked about many products."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._ready = [
            (rule, [(folded(p), p) for p in rule.categories], [(folded(p), p) for p in rule.claims])
            for rule in rules.rules
            if rule.verdict != "conduct"
        ]

    def against(self, product: Written) -> list[Against]:
        """Every rule that the product meets, prohibitions first, else in the version's order."""
        placed = {
            folded(step) for text in (product.category, product.taxonomy, *product.tags) for step in _STEP.split(text)
        }
        said = folded(f"{product.title} / {product.description}")
        met = []
        for rule, categories, claims in self._ready:
            if rule.countries and product.country not in rule.countries:
                continue
            found = [shown for phrase, shown in categories if phrase in placed]
            found += [shown for phrase, shown in claims if phrase in said]
            if not rule.categories and not rule.claims:
                found = [product.country]
            if found:
                met.append(Against(rule, tuple(dict.fromkeys(found))))
        return sorted(met, key=lambda each: each.rule.verdict != "prohibited")


def at(versions: Sequence[Rules], moment: datetime) -> Rules:
    """The version in force: of those that had started the one with the greatest number."""
    return max((each for each in versions if each.starts_at <= moment), key=lambda each: each.version)


def read(body: bytes) -> tuple[tuple[Rule, ...], dict[str, str]]:
    """Rules and disclosure texts of a file: `{"rules": […], "disclosure": {"en": "…"}}`. Errors: InputRefused."""

    class _File(msgspec.Struct, forbid_unknown_fields=True):
        rules: tuple[Rule, ...]
        disclosure: dict[str, str]

    try:
        found = msgspec.json.decode(body, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputRefused("rules", f"can't be read: {error}.") from None
    check(found.rules, found.disclosure)
    return found.rules, found.disclosure


def check(rules: Sequence[Rule], disclosure: dict[str, str]) -> None:
    """Errors: InputRefused, naming the rule and what is wrong with it."""
    if not 1 <= len(rules) <= MOST:
        raise InputRefused("rules", f"are none, or more than {MOST}.")
    seen: set[str] = set()
    for number, rule in enumerate(rules, 1):
        problem = _wrong(rule, seen)
        if problem:
            raise InputRefused("rules", f"rule {number} ({rule.code[:40]!r}) {problem}.")
        seen.add(rule.code)
    if "en" not in disclosure or any(not text.strip() or len(text) > LONGEST for text in disclosure.values()):
        raise InputRefused(
            "disclosure", f"has no English text, or one that is empty or longer than {LONGEST} characters."
        )


def _wrong(rule: Rule, seen: set[str]) -> str:
    if not _CODE.fullmatch(rule.code):
        return "has a code that isn't of small letters, digits and _"
    if rule.code in seen:
        return "has the code of another one"
    for name in ("title", "why", "remedy"):
        text: str = getattr(rule, name)
        if not text.strip() or len(text) > LONGEST:
            return f"has no {name}, or one of more than {LONGEST} characters"
    if not all(_COUNTRY.fullmatch(code) for code in rule.countries):
        return "names a country by something else than two capital letters"
    if rule.verdict == "conduct":
        of_products = rule.categories or rule.claims or rule.countries
        return "is of what people do, and names categories, claims or countries of products" if of_products else ""
    if not (rule.categories or rule.claims or rule.countries):
        return "would keep out everything: give it categories, claims or countries"
    if any(len(folded(phrase)) < 4 for phrase in (*rule.categories, *rule.claims)):
        return "has a phrase of fewer than two letters"
    return ""
