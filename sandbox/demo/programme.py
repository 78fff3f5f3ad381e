"""The creator programme of the demo's day: who joins and who may not, what is agreed on, a product that the rules
refuse, content that a flat fee is paid for, a sample. All of it by the app's API, each act as the side that would do
it.

What was agreed is noted in `Day.rates` and `Day.fees`, so that the plain calculation knows it from here and not from
the connector.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sandbox.demo.stores import Doc, Refused, chances
from sandbox.demo.trade import Day, Link, Shop, share

CREATORS = (
    # handle, name, followers, born on
    ("mira", "Mira Osei", 48_200, "1996-03-14"),
    ("tal", "Tal Brenner", 12_400, "1991-07-02"),
    ("juno", "Juno Park", 155_000, "1999-11-23"),
    ("sefa", "Sefa Tui", 7_300, "1988-01-30"),
    ("noor", "Noor Haddad", 26_900, "1994-09-09"),
)
# Nobody of them may take part, each for a reason of the policy's.
TURNED_AWAY = (
    ("kit", "Kit Young", 20_000, "2011-05-05", "born_on"),
    ("pip", "Pip Small", 640, "1990-02-02", "followers"),
)
VIDEOS = ("video-1", "video-2", "live-1")
# The first list of invitations: a name twice, and one that nobody has.
INVITED = ("mira", "tal", "juno", "sefa", "noor", "tal", "nobody-of-that-name")
CLAIM = "guaranteed cure"
AGREED_BP, FEE = 2000, 2500  # basis points, minor units
HOME = {"name": "Tal Brenner", "address1": "Lindenweg 4", "city": "Köln", "postal_code": "50667", "country": "DE"}
SOON = 30.0  # seconds for what a worker does


def programme(day: Day, seed: int) -> None:
    """Creators join and post, shops open what they have, two of them agree on terms of their own, links are shared."""
    for handle, name, followers, born in CREATORS:
        day.creators[handle] = day.app.sign_up(handle, name, followers, born)
        for ref in VIDEOS:
            kind = ref.partition("-")[0]
            day.contents[handle, f"{handle}-{ref}"] = day.app.content(
                day.creators[handle], f"{handle}-{ref}", kind, f"{name}: {ref.replace('-', ' ')}"
            )
    for handle, name, followers, born, field in TURNED_AWAY:
        day.app.refused(
            "/creators/sign-ups", field, account_ref=f"demo-{handle}", handle=handle, name=name, followers=followers,
            born_on=born,
        )  # fmt: skip
        day.count("sign-ups refused")
    draw = chances(seed)
    for shop in day.shops:
        _open(day, shop, draw)
    first = day.shops[0]
    _invite(day, first)
    _negotiate(day, first)
    _refuse(day, first)
    for shop in day.shops:
        for index, handle in enumerate(day.creators):
            # The last product of a shop is left out: it is deleted later.
            for number, listing in enumerate(draw.sample(shop.listings[:-1], 6)):
                ref = f"{handle}-{VIDEOS[(index + number) % len(VIDEOS)]}"
                day.links.append(share(day, shop, handle, ref, listing))
    for number, content in enumerate(day.contents.values()):
        day.app.post("/content/views", items=[{"content_id": content, "views": 1000 + 731 * number}])
    _hand_in(day, first)
    _ask_for_sample(day, first)


def _open(day: Day, shop: Shop, draw: Any) -> None:
    started = day.app.open_terms(shop.shop_id, shop.rate)
    day.rates.append({"shop": shop.name, "basis_points": shop.rate, "starts": started, "product_id": None})
    shop.listings = day.app.listings(shop.shop_id, status="shoppable")
    for listing in draw.sample(shop.listings, 2):  # two products at a rate of their own
        started = day.app.open_terms(shop.shop_id, shop.rate + 500, listing["product_ref"])
        day.rates.append(
            {
                "shop": shop.name, "basis_points": shop.rate + 500, "starts": started,
                "product_id": int(listing["product_ref"]),
            }
        )  # fmt: skip


# Terms of their own


def _offer(day: Day, rate_bp: int, **more: Any) -> Doc:
    now = day.clock.now()
    return {
        "rate_bp": rate_bp, "ends_at": (now + timedelta(days=90)).isoformat(),
        "expires_at": (now + timedelta(days=7)).isoformat(), **more,
    }  # fmt: skip


def _invite(day: Day, shop: Shop) -> None:
    """A list with a name twice and an unknown one: the rest of it is invited all the same."""
    asked = _offer(day, 1700, note="Our autumn list: we would like you in it.")
    rows = [{"handle": handle} for handle in INVITED]
    batch = day.app.post("/invitation-lists", shop_id=shop.shop_id, rows=rows, **asked)
    done = until(lambda: day.app.get(f"/offer-batches/{batch['id']}"), lambda found: found["status"] == "done")
    if (done["taken"], done["refused"]) != (5, 2):
        raise Refused(f"of {len(rows)} invitations {done['taken']} were made and {done['refused']} refused")
    day.count("creators invited", done["taken"])
    day.count("invitations refused by line", done["refused"])


def _negotiate(day: Day, shop: Shop) -> None:
    """Mira asks for more and a fee, and gets it; Tal accepts; Juno declines; the shop takes Sefa's offer back."""
    open_ones = {
        row["creator_id"]: row
        for row in day.app.pages("/negotiations", shop_id=shop.shop_id, state="open")
    }  # fmt: skip
    of = {handle: open_ones[creator_id] for handle, creator_id in day.creators.items()}

    def act(handle: str, what: str, **body: Any) -> Doc:
        of[handle] = day.app.post(f"/negotiations/{of[handle]['id']}/{what}", number=of[handle]["number"], **body)
        return of[handle]

    words = "Two videos, and one live on Sunday."
    day.app.post(f"/negotiations/{of['mira']['id']}/messages", side="creator", text=words)
    act("mira", "offers", side="creator", **_offer(day, AGREED_BP, flat_fee=FEE, note="With a video of its own."))
    stale = {
        "side": "creator",
        "number": 1,
        "answer": "accept",
    }  # the invitation that she has answered by asking for more
    day.app.refused(f"/negotiations/{of['mira']['id']}/answers", "", 409, **stale)
    _agreed(day, shop, "mira", act("mira", "answers", side="merchant", answer="accept"))
    _agreed(day, shop, "tal", act("tal", "answers", side="creator", answer="accept"))
    act("juno", "answers", side="creator", answer="decline")
    act("sefa", "answers", side="merchant", answer="withdraw")
    day.count("offers countered")
    day.count("offers declined or withdrawn", 2)
    day.agreement = of["mira"]["id"]


def _agreed(day: Day, shop: Shop, handle: str, negotiation: Doc) -> None:
    agreement, offer = negotiation["agreements"][0], negotiation["offers"][-1]
    day.rates.append(
        {
            "shop": shop.name, "creator": handle, "basis_points": offer["rate_bp"], "starts": agreement["starts_at"],
            "ends": agreement["ends_at"], "product_id": None,
        }
    )  # fmt: skip
    day.count("agreements")


def _hand_in(day: Day, shop: Shop) -> None:
    """Mira's video for the fee; the shop approves it."""
    listing = next(link.listing_id for link in day.links if link.shop is shop and link.creator == "mira")
    content = day.contents["mira", "mira-video-1"]
    day.app.post(f"/content/{content}/products", products=[{"listing_id": listing}])
    handed = day.app.post(f"/negotiations/{day.agreement}/content", content_id=content)
    done = day.app.post(f"/content-approvals/{handed['id']}/answer", answer="approve")
    if not done["owed"]:
        raise Refused(f"the fee for {done['id']} isn't owed after its approval")
    day.fees.append(
        {
            "shop": shop.name,
            "creator": "mira",
            "content": "mira-video-1",
            "currency": shop.currency,
            "amount": FEE,
        }
    )
    day.count("content approved for a fee")


# What the rules refuse


def _refuse(day: Day, shop: Shop) -> None:
    """Two products get a claim that no product may have. It is taken out of one again, which comes back."""
    for listing, mended in ((shop.listings[-2], False), (shop.listings[-3], True)):
        title = day.stores.call("GET", f"/shops/{shop.name}/products/{listing['product_ref']}")["title"]
        _title(day, shop, listing, f"{title}, a {CLAIM}")
        _until_listed(day, listing, refused=True)
        day.count("products refused by the rules")
        if mended:
            _title(day, shop, listing, title)
            _until_listed(day, listing, refused=False)
            day.count("products back in the list")
    shop.listings = [*shop.listings[:-2], shop.listings[-1]]


def _title(day: Day, shop: Shop, listing: Doc, title: str) -> None:
    day.stores.call("PATCH", f"/shops/{shop.name}/products/{listing['product_ref']}", title=title)


def _until_listed(day: Day, listing: Doc, *, refused: bool) -> None:
    def there(found: Doc) -> bool:
        return bool(found["status"] != "shoppable") == refused

    until(lambda: day.app.get(f"/listings/{listing['id']}"), there)


# A sample


def _ask_for_sample(day: Day, shop: Shop) -> None:
    """Tal asks for a sample, the shop gives it: a worker orders it at the store, for nothing."""
    day.app.post("/sample-offers", shop_id=shop.shop_id, kind="free", per_month=20)
    asked = day.app.post(
        "/samples", creator_id=day.creators["tal"], listing_id=shop.listings[0]["id"], recipient=HOME,
        note="For a video on Friday.",
    )  # fmt: skip
    day.sample = day.app.post(f"/samples/{asked['id']}/approve")
    day.count("samples given")


def sample_arrives(day: Day, shop: Shop) -> None:
    """The store sends it like any other order; Tal has it, and shows it in a video made since."""
    sample = until(lambda: day.app.get(f"/samples/{day.sample['id']}"), lambda found: found["placing"] == "placed")
    orders = day.stores.journal("orders")["shops"]
    placed = next(
        order
        for store in orders
        if store["shop"] == shop.name
        for order in store["orders"]
        if order["name"] == sample["order_number"]
    )
    for act in ("fulfil", "deliver"):
        day.stores.act(shop.name, placed["id"], act)
    day.app.post(f"/samples/{sample['id']}/received")
    content = day.app.content(day.creators["tal"], "tal-video-3", "video", "Tal Brenner: unpacked")
    day.app.post(f"/content/{content}/products", products=[{"listing_id": sample["listing_id"]}])
    day.app.post(f"/samples/{sample['id']}/content", content_id=content)


def until(ask: Callable[[], Doc], there: Callable[[Doc], bool], seconds: float = SOON) -> Doc:
    """Ask until it is so. Errors: Refused with the last answer."""
    end = time.monotonic() + seconds
    while not there(found := ask()):
        if time.monotonic() > end:
            raise Refused(f"still not so after {seconds:.0f} s: {found}")
        time.sleep(0.1)
    return found


__all__ = ["CREATORS", "Link", "programme", "until"]
