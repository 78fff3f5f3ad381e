"""Who is credited for one order line, and at what rate: the decision table of COMMISSION.md, section 2. Pure.

`decide` reads from top to bottom, first match wins. Nothing here reads "now": every fact is given as it stood at the
touch or at the order (F1), so equal facts give equal decisions in whatever order they were heard.

    D1   the shop had left when the order was placed     store_disconnected
    D9   manual assignment, a recorded act               manual
    R8   the store itself gave it for a returned line    as that line
    D10  creator code on the line, policy holds          code
    D11  latest direct touch inside its window           last_click_direct
    D12  put in the cart inside a touch's window         cart_carry
    D13  latest indirect touch, where switched on        last_click_indirect
    D14  lifetime binding, where switched on             lifetime
    D15  nobody                                          no_touch, or why the highest candidate failed:
                                                         code_leaked, window_expired, touch_invalid, too_late
    D16  the winner is not eligible                      creator_ineligible; the next one inherits only by policy
    D17  buyer is the winner                             self_purchase; frozen_review where it only looks so
    D18  the higher of the rates at click and at order   rate_targeted, rate_open, rate_store, or no_plan
    D19  a touch through a seller's ad                   rate_ads
    D20  every other candidate, with why it lost         outranked_by_code, outranked_by_later_click, or its own failing
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connector.programme.collaborations.offer import Offers, Rate, rate_at

ENGINE = "2"
# Below it a click can hardly have become an order by hand: shown to people, and paid.
HASTY = timedelta(seconds=2)
# How long a creator may explain an order that is under review, from its placing on.
APPEAL = timedelta(days=30)
# Candidates written into the evidence of one line; the number left out stands beside them.
SHOWN = 50
BP = 10_000
# As `creators.followers.BELOW` says it; that module reads the database, and this one doesn't.
FEW_FOLLOWERS = "followers_below_minimum"
_PRECEDENCE = {"targeted": 2, "open": 1, "store": 0}
_NOTHING_OFFERED = Offers(())


class Candidate(msgspec.Struct, frozen=True):
    """One touch that may have led to the order, as it stood then."""

    touch_id: str  # made at the tap: of two at one moment the greater is the later
    creator_id: str
    content_id: str | None
    product_ref: str
    kind: str  # link | video | live | ad | cart: put into the cart, which is no tap by itself
    at: datetime
    received_at: datetime  # when we heard of it (F3)
    window: timedelta  # in force at the tap
    via: tuple[str, ...] = ()  # names of the order's carriers that brought its token, `journey` and `customer`
    invalid: str = ""  # over_rate …: recorded, and never credited
    at_checkout: bool = False  # it came from the store itself, when the buyer had decided
    threshold_missed: str = ""  # what the creator lacked at the tap (D16)
    followers: int | None = None  # how many followed the creator at the tap, and how many the shop asked for then
    followers_needed: int | None = None


class BadToken(msgspec.Struct, frozen=True):
    """A value in one of our carriers that is no token of this shop's: forged, foreign or unknown."""

    token: str  # its first characters
    problem: str  # signature_wrong | unknown | other_shop
    via: tuple[str, ...] = ()
    nearest: str = ""  # the touch whose token begins alike: what it may have been


class CreatorCode(msgspec.Struct, frozen=True):
    """A code of the shop's creators, as it stood when the order was placed."""

    code_id: str
    text: str  # case-folded
    creator_id: str | None  # whose it was; None: nobody's then
    leaked: bool = False
    leak_act: str = ""  # the act that dated the leak back


class Personal(msgspec.Struct, frozen=True):
    """What of the buyer the rules read: outcomes only, which are pinned with the decision (F3, F9)."""

    self_match: dict[str, str] = {}  # creator → hard | soft
    returning: bool | None = None  # False: their first order here; None: not known, or nothing depends on it
    bound: str | None = None  # the creator who brought them first


class ActSeen(msgspec.Struct, frozen=True):
    """An effective act that bears on the order (F4)."""

    act_id: str
    kind: str  # manual | leak_backdated | binding_moved | engine_fix | review_passed | review_refused
    line_ref: str = ""  # "": the whole order
    creator_id: str | None = None
    content_id: str | None = None
    code_id: str | None = None


class Policy(msgspec.Struct, frozen=True):
    """The shop's settings, as they stood when the order was placed."""

    code_policy: str = "always"  # always | if_involved | if_winner
    indirect: bool = False
    indirect_share_bp: int = 5000
    cart_carry: timedelta = timedelta(0)
    lifetime: bool = False
    inherit: bool = False  # the next candidate takes the place of a winner who may not earn


class OrderAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What of the order its lines share."""

    placed_at: datetime
    grace: timedelta  # how late a touch may reach us, as set when the order was placed
    disconnected: bool = False  # the shop had left by then (D1)
    shared: bool = False  # a token of it is being passed around: a person looks at the order
    flags: tuple[str, ...] = ()  # token_mended …
    bad_tokens: tuple[BadToken, ...] = ()
    policy: Policy = Policy()
    offers: Offers = _NOTHING_OFFERED
    personal: Personal = Personal()
    codes: dict[str, CreatorCode] = {}  # by text; codes that are nobody's business are not in it
    statuses: dict[str, str] = {}  # creator → status when the order was placed, or `country_off` (D16)
    acts: tuple[ActSeen, ...] = ()  # in the order in which they took effect


class LineAsked(msgspec.Struct, frozen=True):
    line_ref: str
    product_ref: str | None  # None: a line without a product can't be reached by a touch
    codes: tuple[str, ...] = ()  # texts of the codes that took something off this line, the first applied first
    exchange_of: str = ""  # the returned line that the store itself says it was given for


class Decision(msgspec.Struct, frozen=True):
    """Who earns on a line, at what rate, and why. `evidence` is JSON-able and is what the trace shows."""

    line_ref: str
    credit_reason: str  # D9-D17, as printed
    rate_reason: str  # D18-D19; "" where an earlier step stopped
    creator_id: str | None  # None: nobody is credited
    content_id: str | None
    touch_id: str | None  # the deciding touch, also when its creator gets nothing (D16)
    rate_bp: int  # 0 when nothing is earned
    terms_id: str | None
    pinned: bool
    evidence: dict[str, Any]


class Claim(msgspec.Struct, frozen=True):
    """One creator's ground to be credited for the line."""

    reason: str  # manual | code | last_click_direct | cart_carry | last_click_indirect | lifetime
    creator_id: str
    content_id: str | None = None
    touch: Candidate | None = None  # the deciding tap
    clicked_at: datetime | None = None  # None: without a click the rate at the order counts alone
    through_ad: bool = False
    code: CreatorCode | None = None
    add: Candidate | None = None  # what proves that it was put into the cart


class _Seen(msgspec.Struct):
    """The candidates of one line, the latest first, and what speaks against each."""

    touches: list[Candidate]
    failing: dict[str, str]  # touch → why it can't be credited; "" when it can
    unfit: dict[str, str]  # touch → the same, whichever product it was on
    codes: list[CreatorCode]  # on the line, the first applied first
    code_failing: dict[str, str]

    def standing(self, product_ref: str | None, *, direct: bool) -> list[Candidate]:
        return [c for c in self.touches if not self.failing[c.touch_id] and (c.product_ref == product_ref) is direct]


def decide(
    order: OrderAsked, line: LineAsked, candidates: Sequence[Candidate], returned: Decision | None = None
) -> Decision:
    """One line's decision, not pinned yet. `candidates` are all touches of the order, in any order, each once.

    `returned`: the decision of the line that the store says this one was given for.
    """
    seen = _look(order, line, candidates)
    if order.disconnected:  # D1
        return _decision(order, line, seen, "store_disconnected")
    claims = [
        *_assigned(order, line),  # D9
        *_exchanged(order, seen, returned),  # R8
        *_by_code(line, seen),  # D10
        *_by_touch("last_click_direct", seen.standing(line.product_ref, direct=True)),  # D11
        *_by_cart(order, line, seen),  # D12
        *_by_touch("last_click_indirect", seen.standing(line.product_ref, direct=False)),  # D13
        *_bound(order, line),  # D14
    ]
    if not claims:  # D15
        return _decision(order, line, seen, _best_failing(order, line, seen))
    stops = _stops(order, claims)  # D16 and D17
    if all(stops):
        return _decision(order, line, seen, stops[0], claims=claims, stops=stops)
    winner = claims[stops.index("")]
    review = _review(order, line, winner)  # D17 where it only looks so, and shared tokens
    if review == ["refused"]:
        reason = "self_purchase" if winner.creator_id in order.personal.self_match else "touch_invalid"
        return _decision(order, line, seen, reason, claims=claims, stops=[*stops[: stops.index("")], reason])
    reason = "frozen_review" if review else winner.reason
    return _decision(order, line, seen, reason, claims=claims, stops=stops, winner=winner, review=review)  # D18-D20


# D10-D15: what speaks against each candidate


def _look(order: OrderAsked, line: LineAsked, candidates: Sequence[Candidate]) -> _Seen:
    ranked = sorted(candidates, key=lambda c: (c.at, c.touch_id), reverse=True)
    unfit = {c.touch_id: _unfit(order, c) for c in ranked}
    failing = {c.touch_id: failed(order, line, c) for c in ranked}
    failing |= dict.fromkeys(_pushed_in(ranked, failing), "first_seen_at_checkout")
    codes = [order.codes[text] for text in line.codes if text in order.codes]
    seen = _Seen(ranked, failing, unfit, codes, {})
    seen.code_failing = {code.text: _code_failed(order, line, seen, code) for code in codes}
    return seen


def failed(order: OrderAsked, line: LineAsked, touch: Candidate) -> str:
    """Why this touch can't be credited on this line; "" when it can. First match wins."""
    unfit = _unfit(order, touch)
    if unfit == "after_order":
        return unfit  # a touch after the order is none
    if touch.kind == "cart":
        return "cart_add"  # it proves something, and is no tap
    if not _direct(line, touch) and not order.policy.indirect:
        return "other_product"
    return unfit


def _direct(line: LineAsked, touch: Candidate) -> bool:
    return line.product_ref is not None and touch.product_ref == line.product_ref


def _unfit(order: OrderAsked, touch: Candidate) -> str:
    """What speaks against a touch whichever line it is held against."""
    if touch.at >= order.placed_at + known_to(order.placed_at):
        return "after_order"
    if touch.received_at > order.placed_at + order.grace:
        return "too_late"
    if touch.invalid:
        return "touch_invalid"
    if order.placed_at - touch.at > touch.window:
        return "window_expired"
    return ""


def _pushed_in(ranked: Sequence[Candidate], failing: dict[str, str]) -> list[str]:
    """Touches that first appeared at the checkout, where an earlier one stands: a coupon extension's, as a rule.

    Without an earlier one such a touch counts: somebody may well leave the checkout and come back by a video.
    """
    standing = [c for c in ranked if not failing[c.touch_id]]
    earliest = min(((c.at, c.touch_id) for c in standing if not c.at_checkout), default=None)
    return [c.touch_id for c in standing if c.at_checkout and earliest is not None and earliest < (c.at, c.touch_id)]


def known_to(placed_at: datetime) -> timedelta:
    """How exactly a store's time is known: most give whole seconds, cut off. What comes within it isn't after."""
    return timedelta(seconds=1) if placed_at.microsecond == 0 else timedelta(microseconds=1)


def _code_failed(order: OrderAsked, line: LineAsked, seen: _Seen, code: CreatorCode) -> str:
    """Why a code on the line doesn't credit its owner; "" when it does."""
    if code.creator_id is None:
        return "code_inactive"
    if _leaked(order, code):
        return "code_leaked"
    if order.policy.code_policy == "if_involved" and not involved(order, seen.touches, code.creator_id):
        return "code_not_involved"
    if order.policy.code_policy == "if_winner":
        direct = seen.standing(line.product_ref, direct=True)
        if not direct or direct[0].creator_id != code.creator_id:
            return "code_not_winner"
    return ""


def _leaked(order: OrderAsked, code: CreatorCode) -> bool:
    return code.leaked or any(act.kind == "leak_backdated" and act.code_id == code.code_id for act in order.acts)


def involved(order: OrderAsked, touches: Iterable[Candidate], creator_id: str) -> bool:
    """Is an eligible touch of the creator on the order, on whichever product?"""
    return any(t.creator_id == creator_id and t.kind != "cart" and not _unfit(order, t) for t in touches)


# Failings that name no candidate of D15: such a touch was none for this line.
_NO_CANDIDATE = ("after_order", "other_product", "cart_add")


def _best_failing(order: OrderAsked, line: LineAsked, seen: _Seen) -> str:
    """D15: a leaked code stands highest, then the latest direct touch, then (where they count) the latest indirect one,
    then a forged or foreign token; else `no_touch`."""
    if "code_leaked" in seen.code_failing.values():
        return "code_leaked"
    for touch in sorted(seen.touches, key=lambda c: not _direct(line, c)):  # stable: the latest first in each
        if seen.failing[touch.touch_id] not in _NO_CANDIDATE:
            return seen.failing[touch.touch_id]
    return "touch_invalid" if order.bad_tokens else "no_touch"


# D9-D14: who has a ground to be credited


def _assigned(order: OrderAsked, line: LineAsked) -> Iterator[Claim]:
    """D9: the newest assignment of this line, or of the whole order."""
    act = next((a for a in reversed(order.acts) if a.kind == "manual" and a.line_ref in ("", line.line_ref)), None)
    if act is not None and act.creator_id is not None:
        yield Claim("manual", act.creator_id, act.content_id)


def _exchanged(order: OrderAsked, seen: _Seen, returned: Decision | None) -> Iterator[Claim]:
    """R8: the creator of the returned line, by the same click or code. Where that was nobody's, it is a line like any
    other."""
    if returned is None or returned.creator_id is None or "credit" not in returned.evidence:
        return
    credit = returned.evidence["credit"]
    clicked_at = datetime.fromisoformat(credit["clicked_at"]) if credit["clicked_at"] else None
    yield Claim(
        credit["reason"], returned.creator_id, returned.content_id,
        touch=next((c for c in seen.touches if c.touch_id == returned.touch_id), None),
        clicked_at=clicked_at, through_ad=credit["through_ad"],
        code=order.codes.get(credit["code"]) if "code" in credit else next(
            (code for code in seen.codes if code.creator_id == returned.creator_id), None  # pinned before it was kept
        ),
    )  # fmt: skip


def _by_code(line: LineAsked, seen: _Seen) -> Iterator[Claim]:
    """D10: the first applied that counts. It is as if clicked at the order: content of the owner's latest direct touch,
    and the rate at the order alone."""
    direct = seen.standing(line.product_ref, direct=True)
    for code in seen.codes:
        if code.creator_id is not None and not seen.code_failing[code.text]:
            own = next((touch for touch in direct if touch.creator_id == code.creator_id), None)
            yield Claim("code", code.creator_id, None if own is None else own.content_id, code=code)


def _by_touch(reason: str, standing: Iterable[Candidate]) -> Iterator[Claim]:
    """D11 and D13, the latest first. An ad's rate is for direct credit only."""
    for touch in standing:
        ad = touch.kind == "ad" and reason == "last_click_direct"
        yield Claim(reason, touch.creator_id, touch.content_id, touch=touch, clicked_at=touch.at, through_ad=ad)


def _by_cart(order: OrderAsked, line: LineAsked, seen: _Seen) -> Iterator[Claim]:
    """D12: put into the cart inside the window of a touch on the same product; the days count from the adding."""
    if not order.policy.cart_carry:
        return
    mine = [c for c in seen.touches if _direct(line, c) and seen.unfit[c.touch_id] in ("", "window_expired")]
    adds = [c for c in mine if c.kind == "cart" and order.placed_at - c.at <= order.policy.cart_carry]
    taps = [c for c in mine if c.kind != "cart" and not c.at_checkout]
    found: set[str] = set()
    for add in adds:
        for touch in taps:
            before = (touch.at, touch.touch_id) < (add.at, add.touch_id)
            if before and add.at - touch.at <= touch.window and touch.touch_id not in found:
                found.add(touch.touch_id)
                yield Claim(
                    "cart_carry", touch.creator_id, touch.content_id, touch=touch, clicked_at=touch.at,
                    through_ad=touch.kind == "ad", add=add,
                )  # fmt: skip


def _bound(order: OrderAsked, line: LineAsked) -> Iterator[Claim]:
    """D14: whom the buyer is bound to, or whom a person moved them to."""
    moved = next((a for a in reversed(order.acts) if a.kind == "binding_moved" and a.line_ref in ("", line.line_ref)),
                 None)  # fmt: skip
    bound = order.personal.bound if moved is None else moved.creator_id
    if order.policy.lifetime and bound is not None:
        yield Claim("lifetime", bound)


# D16 and D17: who of them may earn


def _stops(order: OrderAsked, claims: Sequence[Claim]) -> list[str]:
    """What holds each claim back, "" for the one that earns. Ends with the first that may, or, without a policy of
    inheriting, with the first of all."""
    stops: list[str] = []
    for claim in claims:
        if _ineligible(order, claim):
            stops.append("creator_ineligible")
        elif order.personal.self_match.get(claim.creator_id) == "hard":
            stops.append("self_purchase")
        else:
            return [*stops, ""]
        if not order.policy.inherit:
            break
    return stops


def _ineligible(order: OrderAsked, claim: Claim) -> str:
    """What D16 holds against a creator: status or country at the order, or a threshold missed at the touch."""
    status = order.statuses.get(claim.creator_id, "unknown")
    if status != "active":
        return status if status == "country_off" else f"status_{status}"
    return "" if claim.touch is None else _missed(claim.touch)


def _missed(touch: Candidate) -> str:
    """Thresholds are held against what stood at the tap: a later drop takes nothing back."""
    if touch.followers is not None and touch.followers_needed is not None:
        if touch.followers < touch.followers_needed:
            return FEW_FOLLOWERS
        return "" if touch.threshold_missed == FEW_FOLLOWERS else touch.threshold_missed
    return touch.threshold_missed


def _review(order: OrderAsked, line: LineAsked, winner: Claim) -> list[str]:
    """Why a person must look before it clears; [] when nobody need, or has and passed it; ["refused"] when refused."""
    why = []
    if order.personal.self_match.get(winner.creator_id) == "soft":
        why.append("self_match_soft")
    if order.shared and winner.reason != "manual":
        why.append("token_shared")
    verdict = next(
        (a.kind for a in reversed(order.acts)
         if a.kind in ("review_passed", "review_refused") and a.line_ref in ("", line.line_ref)), "",
    )  # fmt: skip
    if not why or verdict == "review_passed":
        return []
    return ["refused"] if verdict == "review_refused" else why


# D18 and D19: the rate


def _rates(order: OrderAsked, line: LineAsked, claim: Claim) -> tuple[Rate | None, Rate | None]:
    """The direct rates at the click and at the order, each with the precedence of that moment."""
    if line.product_ref is None:
        return None, None

    def at(moment: datetime) -> Rate | None:
        return rate_at(
            order.offers, creator_id=claim.creator_id, product_ref=line.product_ref or "", moment=moment,
            through_ad=claim.through_ad, returning=order.personal.returning,
            code=None if claim.code is None or claim.reason != "code" else claim.code.text,
        )  # fmt: skip

    return None if claim.clicked_at is None else at(claim.clicked_at), at(order.placed_at)


def _share(order: OrderAsked, claim: Claim, rate: Rate | None) -> Rate | None:
    """D13: of the direct rate that counts, the shop's share for a tap on another product, rounded down."""
    if rate is None or claim.reason != "last_click_indirect":
        return rate
    return msgspec.structs.replace(rate, rate_bp=rate.rate_bp * order.policy.indirect_share_bp // BP)


def higher(click: Rate | None, order: Rate | None) -> Rate | None:
    """D18: the higher of the two; equal: targeted, then open, then store; equal in that too: the one at the click."""
    both = [rate for rate in (click, order) if rate is not None]
    return max(both, key=lambda rate: (rate.rate_bp, _PRECEDENCE[rate.kind]), default=None)


def _rate_reason(rate: Rate | None) -> str:
    if rate is None:
        return "no_plan"
    return "rate_ads" if rate.ads else f"rate_{rate.kind}"


# D20: what is written down


def _decision(
    order: OrderAsked, line: LineAsked, seen: _Seen, reason: str, *, claims: Sequence[Claim] = (),
    stops: Sequence[str] = (), winner: Claim | None = None, review: Sequence[str] = (),
) -> Decision:  # fmt: skip
    """`winner` None: nobody is credited; of `claims`, the first stands for what was held back, by `stops`."""
    held_back = claims[0] if winner is None and claims else None
    shown = winner or held_back
    evidence = _evidence(order, line, seen, claims, stops, winner)
    rate = None
    if winner is not None:
        direct = _rates(order, line, winner)
        rate = _share(order, winner, higher(*direct))
        click, at_order = (_share(order, winner, each) for each in direct)
        evidence["rates"] = {
            "click": None if click is None else msgspec.to_builtins(click),
            "order": None if at_order is None else msgspec.to_builtins(at_order),
        }
        evidence["credit"] = {
            "reason": winner.reason, "through_ad": winner.through_ad,
            "clicked_at": None if winner.clicked_at is None else winner.clicked_at.isoformat(),
            **({"code": winner.code.text} if winner.code is not None and winner.reason == "code" else {}),
        }  # fmt: skip
    if review:
        evidence["review"] = {"why": list(review), "until": (order.placed_at + APPEAL).isoformat()}
    return Decision(
        line_ref=line.line_ref,
        credit_reason=reason,
        rate_reason="" if winner is None else _rate_reason(rate),
        creator_id=None if winner is None else winner.creator_id,
        content_id=None if winner is None else winner.content_id,
        touch_id=None if shown is None or shown.touch is None else shown.touch.touch_id,
        rate_bp=0 if rate is None else rate.rate_bp,
        terms_id=None if rate is None else rate.terms_id,
        pinned=False,
        evidence=evidence,
    )


def _outcomes(
    order: OrderAsked, seen: _Seen, claims: Sequence[Claim], stops: Sequence[str], winner: Claim | None
) -> dict[str, str]:
    """Touch, or `code:` and text, → why it lost. Its own failing first, then what it was outranked by (D20)."""
    first = winner or (claims[0] if claims else None)
    by = {"manual": "outranked_by_manual", "code": "outranked_by_code"}
    lost = by.get(first.reason, "outranked_by_later_click") if first is not None else ""
    if order.disconnected:
        lost = "store_disconnected"
    found = {touch_id: why or lost for touch_id, why in seen.failing.items()}
    found |= {f"code:{text}": why or lost for text, why in seen.code_failing.items()}
    for claim, stop in zip(claims, stops, strict=False):
        name = claim.touch.touch_id if claim.touch is not None else f"code:{claim.code.text}" if claim.code else ""
        if name in found:
            found[name] = stop or "won"
        if claim.add is not None:
            found[claim.add.touch_id] = "proves_cart"
    return found


def _evidence(
    order: OrderAsked, line: LineAsked, seen: _Seen, claims: Sequence[Claim], stops: Sequence[str],
    winner: Claim | None,
) -> dict[str, Any]:  # fmt: skip
    """What the decision rests on. Latest touch first; `outcome` says why each lost (D20).

    Shape: candidates [{touch_id, creator_id, …, via, outcome, why}], left_out, rest {outcome: [touch ids]} of those,
    codes [{code_id, text, creator_id, outcome}], bound {creator_id, outcome}?, personal {self_match, returning, bound},
    bad_tokens [{token, problem, via, nearest?}], carriers [names that brought anything], flags, acts [ids], engine;
    of who is credited also rates {click, order: {rate_bp, terms_id, kind …} | None}, credit {reason, clicked_at,
    through_ad, code?} and, where a person must look, review {why, until}.
    """
    outcomes = _outcomes(order, seen, claims, stops, winner)
    flags = {*order.flags, *(("token_shared",) if order.shared else ())}
    touch = winner.touch if winner is not None else claims[0].touch if claims else None
    if touch is not None and order.placed_at - touch.at < HASTY:
        flags.add("hasty_order")
    # What bears on the line comes first, so that a cut list never hides the winner.
    ranked = sorted(seen.touches, key=lambda c: outcomes[c.touch_id] in _NO_CANDIDATE)
    shown = ranked[:SHOWN]
    carriers = {name for c in seen.touches for name in c.via} | {name for bad in order.bad_tokens for name in bad.via}
    evidence: dict[str, Any] = {
        "engine": ENGINE,
        "placed_at": order.placed_at.isoformat(),
        "product_ref": line.product_ref,
        "candidates": [_shown(order, c, outcomes[c.touch_id]) for c in shown],
        "left_out": len(seen.touches) - len(shown),
        "codes": [
            {"code_id": code.code_id, "text": code.text, "creator_id": code.creator_id,
             "outcome": outcomes[f"code:{code.text}"]}
            for code in seen.codes
        ],
        "bad_tokens": [
            {"token": bad.token, "problem": bad.problem, "via": sorted(bad.via)}
            | ({"nearest": bad.nearest} if bad.nearest else {})
            for bad in order.bad_tokens
        ],
        "carriers": sorted(carriers),
        "personal": msgspec.to_builtins(order.personal),
        "acts": sorted(_acts_on(order, line, seen)),
        "flags": sorted(flags),
    }  # fmt: skip
    if claims and claims[-1].reason == "lifetime":
        tested = stops[len(claims) - 1] or "won" if len(stops) == len(claims) else "outranked_by_later_click"
        evidence["bound"] = {"creator_id": claims[-1].creator_id, "outcome": tested}
    if line.exchange_of:
        evidence["exchange_of"] = line.exchange_of
    if ranked[SHOWN:]:  # by name at least: the touch itself tells the rest
        rest: dict[str, list[str]] = {}
        for touch in ranked[SHOWN:]:
            rest.setdefault(outcomes[touch.touch_id], []).append(touch.touch_id)
        evidence["rest"] = rest
    return evidence


def _acts_on(order: OrderAsked, line: LineAsked, seen: _Seen) -> set[str]:
    """The acts that this decision has taken in: another one decides the line anew, though it is pinned.

    A forfeit isn't among them: it takes the money, and whose line it was stays as pinned.
    """
    codes = {code.code_id for code in seen.codes}
    mine = {
        act.act_id
        for act in order.acts
        if act.kind != "forfeit"
        and (act.code_id in codes if act.kind == "leak_backdated" else act.line_ref in ("", line.line_ref))
    }
    return mine | {code.leak_act for code in seen.codes if code.leak_act}


def _shown(order: OrderAsked, touch: Candidate, outcome: str) -> dict[str, Any]:
    why = ""
    if outcome == "touch_invalid":
        why = touch.invalid
    elif outcome == "creator_ineligible":
        why = _ineligible(order, Claim("", touch.creator_id, touch=touch))
    few = why == FEW_FOLLOWERS and touch.followers is not None
    return {
        "touch_id": touch.touch_id,
        "creator_id": touch.creator_id,
        "content_id": touch.content_id,
        "product_ref": touch.product_ref,
        "kind": touch.kind,
        "at": touch.at.isoformat(),
        "received_at": touch.received_at.isoformat(),
        "window_seconds": int(touch.window.total_seconds()),
        "via": sorted(touch.via),
        "outcome": outcome,
        "why": why,
        **({"followers": touch.followers, "followers_needed": touch.followers_needed} if few else {}),
    }
