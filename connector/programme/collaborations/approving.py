"""Content handed in for a flat fee, and who may do what with it when. Pure.

    waiting     handed in: the shop approves it or sends it back; when its time is over it is approved by itself, or
                goes back where nobody could see it any more
    approved    the fee is owed
    sent_back   with a reason: nothing is owed, it may be handed in anew, or support is asked
    withdrawn   by the creator, before an answer
    appealed    the creator asked support, after it was sent back: nothing is owed yet
    contested   the shop asked support, after it was approved: the fee stays owed until support has decided
    refused     support agreed with the shop
    taken_back  support took the fee back

Support decides once: what it decided is not asked again. An answer counts until the moment at which the content is
approved by itself, whether or not a worker came by.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from connector.errors import Conflict
from connector.programme.collaborations.moves import Side

Reply = Literal["approve", "send_back"]
Verdict = Literal["owed", "not_owed"]
# While it stands so, nothing else is handed in for the same fee, and the fee can't be agreed on anew.
STANDING = frozenset({"waiting", "approved", "appealed", "contested"})
OWED = frozenset({"approved", "contested"})
# What support decided against isn't handed in anew for the same fee, where silence would approve it; other content is.
DECIDED_AGAINST = frozenset({"refused", "taken_back"})
# How long either side may ask support after an answer.
APPEAL = timedelta(days=30)

# Why an act isn't taken, as both sides read it.
REFUSALS = {
    "fee_none": "There is no flat fee in what you agreed on.",
    "fee_taken": "Content was handed in for this flat fee already.",
    "fee_too_late": "The agreement is over: content for its flat fee had to be handed in before.",
    "fee_content_used": "This content was handed in for another agreement with the shop already.",
    "fee_product_missing": "No product of the agreement is in this content now. Put one in first.",
    "fee_shop_left": "The shop has left the app: nothing new can be handed in.",
    "creator_not_active": "Your account is suspended or closed: nothing new can be handed in.",
    "fee_answered": "This content was answered already.",
    "fee_approved_by_time": "The time for an answer is over: the content is approved.",
    "fee_no_appeal": "There is nothing to ask support about (any more).",
    "fee_decided": "Support has decided this already.",
    "fee_second_person": "A closed statement has this fee: a second person takes it back.",
}


_ABOUT_CONTENT = frozenset({"fee_content_used", "fee_product_missing"})


class ApprovalRefused(Conflict):
    """An act that the state doesn't allow; `code` is one of REFUSALS, `field` what it is about."""

    def __init__(self, code: str) -> None:
        super().__init__(code, public=REFUSALS[code])
        self.code, self.field = code, "content_id" if code in _ABOUT_CONTENT else "state"


class Standing(msgspec.Struct, frozen=True):
    """How content that was handed in stands."""

    state: str
    answer_by: datetime
    answered_at: datetime | None = None
    decided: bool = False


def lapsed(stands: Standing, now: datetime) -> bool:
    """Is its time over without an answer?"""
    return stands.state == "waiting" and now >= stands.answer_by


def answer(stands: Standing, what: Reply, now: datetime) -> str:
    """The state that the shop's answer makes. Errors: ApprovalRefused."""
    if lapsed(stands, now):
        raise ApprovalRefused("fee_approved_by_time")
    if stands.state != "waiting":
        raise ApprovalRefused("fee_answered")
    return "approved" if what == "approve" else "sent_back"


def withdraw(stands: Standing, now: datetime) -> str:
    """The creator takes it out, before an answer. Errors: ApprovalRefused."""
    if lapsed(stands, now):
        raise ApprovalRefused("fee_approved_by_time")
    if stands.state != "waiting":
        raise ApprovalRefused("fee_answered")
    return "withdrawn"


def appeal(stands: Standing, side: Side, now: datetime) -> str:
    """A side asks support about an answer that went against it, once and in time. Errors: ApprovalRefused."""
    if stands.decided:
        raise ApprovalRefused("fee_decided")
    wanted, becomes = ("sent_back", "appealed") if side == "creator" else ("approved", "contested")
    if stands.state != wanted or stands.answered_at is None or now >= stands.answered_at + APPEAL:
        raise ApprovalRefused("fee_no_appeal")
    return becomes


def decide(stands: Standing, verdict: Verdict) -> str:
    """Support's decision of an appeal. Errors: ApprovalRefused."""
    if stands.decided:
        raise ApprovalRefused("fee_decided")
    if stands.state not in ("appealed", "contested"):
        raise ApprovalRefused("fee_no_appeal")
    if verdict == "owed":
        return "approved"
    return "refused" if stands.state == "appealed" else "taken_back"
