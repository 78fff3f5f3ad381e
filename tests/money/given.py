"""Plain worlds of `credit_worlds` handed to the product's pure rules, in the shapes that those read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from connector.earnings.attribution.credit import in_turn
from connector.earnings.attribution.rules import (
    ActSeen,
    BadToken,
    Candidate,
    CreatorCode,
    Decision,
    LineAsked,
    OrderAsked,
    Personal,
    Policy,
    decide,
)  # fmt: skip
from connector.programme.collaborations.offer import Offers, Promotion, Version

Plain = Mapping[str, Any]


def decisions(world: Plain) -> dict[str, Decision]:
    """What the product decides of every line."""
    order, touches = asked(world), [candidate(touch) for touch in world["touches"]]
    made: dict[str, Decision] = {}
    for line in in_turn([line_asked(line) for line in world["lines"]]):
        made[line.line_ref] = decide(order, line, touches, made.get(line.exchange_of))
    return made


def asked(world: Plain) -> OrderAsked:
    order, rules = world["order"], world["order"]["settings"]
    creators = {touch["creator"] for touch in world["touches"]} | {code["creator"] for code in world["codes"]}
    creators |= {order["bound"], *order["manual"].values()} - {None}
    return OrderAsked(
        placed_at=order["placed"],
        grace=order["grace"],
        disconnected=order["left"],
        bad_tokens=(BadToken("t1forged", "signature_wrong"),) if order["forged"] else (),
        policy=Policy(
            code_policy=rules["code_policy"],
            indirect=bool(rules["indirect"]),
            indirect_share_bp=rules["indirect_share_bp"],
            cart_carry=timedelta(days=rules["cart_carry_days"]),
            lifetime=bool(rules["lifetime"]),
            inherit=bool(rules["inherit"]),
        ),
        offers=offers(world),
        personal=Personal(self_match=order["matches"], bound=order["bound"], returning=order.get("returning")),
        codes={code["text"].casefold(): code_at(code, order["placed"]) for code in world["codes"]},
        statuses={creator: order["statuses"].get(creator, "active") for creator in creators},
        acts=tuple(
            ActSeen(f"act_{line}", "manual", line_ref=line, creator_id=creator)
            for line, creator in order["manual"].items()
        ),
    )


def offers(world: Plain) -> Offers:
    return Offers(
        [
            Version(
                terms_id=plan["id"], product_ref=plan["product"], rate_bp=plan["rate"], version=plan["number"],
                starts_at=plan["starts"], ends_at=plan["ends"], kind=plan["kind"], creator_id=plan["creator"],
                ads_bp=plan["ads"], new_buyer_bp=plan.get("new"), code_rates=plan.get("codes", {}),
            )
            for plan in world["plans"]
        ],
        [Promotion(held["creator"], held["product"], held["since"], held["until"]) for held in world["promotions"]],
    )  # fmt: skip


def candidate(touch: Plain) -> Candidate:
    return Candidate(
        touch_id=touch["id"], creator_id=touch["creator"], content_id=touch["content"], product_ref=touch["product"],
        kind=touch["kind"], at=touch["at"], received_at=touch["received"], window=touch["window"],
        invalid=touch["invalid"], threshold_missed=touch["missed"],
    )  # fmt: skip


def code_at(code: Plain, placed: Any) -> CreatorCode:
    """As it stood at the order: whose it was, and whether its leak had been flagged by then."""
    active = code["starts"] <= placed and (code["ends"] is None or placed < code["ends"])
    leaked = code["leaked_at"] is not None and code["leaked_at"] < placed
    return CreatorCode(f"cod_{code['text']}", code["text"].casefold(), code["creator"] if active else None, leaked)


def line_asked(line: Plain) -> LineAsked:
    return LineAsked(
        line["ref"], line["product"], tuple(text.casefold() for text in line["codes"]), line.get("given_for", "")
    )
