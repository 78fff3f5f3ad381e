"""What a side does with a negotiation on its own pages: read it, answer, offer, write, report, take it away as a file.

Both sides do the same; a `Desk` says which side it is, whose negotiations it may see, and in which words it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from flask import Response, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock
from connector.commerce.shops.tables import Shop
from connector.errors import Conflict, InputRefused, TooOften
from connector.programme.collaborations import messages, negotiation
from connector.programme.collaborations.moves import Answer, Side
from connector.programme.collaborations.tables import Negotiation
from connector.web import guards, moments, negotiation_view, offer_forms
from connector.web.layout import page
from connector.web.offer_forms import Typed


@dataclass(frozen=True, slots=True)
class Desk:
    """`at`: act → endpoint, `page` among them. `did`: what is said after an answer; `sent`: after an offer."""

    side: Side
    template: str
    at: Mapping[str, str]
    did: Mapping[Answer, str]
    sent: Callable[[Negotiation], str]
    reading: Callable[[], AbstractContextManager[Session]]
    writing: Callable[[], AbstractContextManager[Session]]
    whose: Callable[[], dict[str, str]]  # `shop_id` or `creator_id` of who is signed in
    beside: Callable[[Session, Negotiation], dict[str, Any]]  # what the template wants beside the negotiation

    def find(self, session: Session, negotiation_id: str) -> Negotiation:
        """With the zone of its shop in force: days mean the same to both sides. Errors: NotFound for another's."""
        row = negotiation.find(session, negotiation_id, **self.whose())
        moments.use_zone(session.get_one(Shop, row.shop_id).time_zone)
        return row

    def shown(
        self, negotiation_id: str, *, typed: Typed | None = None, problem: str = "", text: str = "",
        text_problem: str = "", wrong: Mapping[str, str] | None = None,
    ) -> str:  # fmt: skip
        with self.reading() as session:
            row = self.find(session, negotiation_id)
            view = negotiation_view.of(session, row, self.side)
            state, beside = offer_forms.badge_of(row, self.side), self.beside(session, row)
        if view.latest and view.read < row.messages:
            with self.writing() as session:
                messages.read(session, negotiation_id, self.side, row.messages)
        typed = typed or offer_forms.of_offer(view.offers[-1], clock.now())
        wrong = dict(wrong or {}) | {name: said for name, said in (("form", problem), ("text", text_problem)) if said}
        return page(
            self.template, view=view, state=state, typed=typed, errors=typed.errors | wrong, at=self.at, text=text,
            text_problem=text_problem, waits=offer_forms.WAITS,
            last_moment=offer_forms.last_moment, **beside,
        )  # fmt: skip

    def answer(self, negotiation_id: str) -> str | AnyResponse:
        what = next((each for each in self.did if each == request.form.get("answer", "")), None)
        if what is None:
            raise InputRefused("answer", "is none.", "Choose to accept or to decline.")
        try:
            with self.writing() as session:
                row = self.find(session, negotiation_id)
                number = negotiation_view.number("number")
                negotiation.answer(session, row.id, self.side, what, number, by=guards.actor())
        except (Conflict, InputRefused) as late:
            return self.shown(negotiation_id, problem=late.public)
        flash(self.did[what])
        return self._back(negotiation_id)

    def offer(self, negotiation_id: str) -> str | AnyResponse:
        typed = offer_forms.typed(request.form)
        try:
            with self.writing() as session:
                row = self.find(session, negotiation_id)
                row = negotiation.offer(
                    session, row.id, self.side, negotiation_view.number("number"),
                    offer_forms.proposal(typed, session.get_one(Shop, row.shop_id).currency),
                    agreed=negotiation_view.number("agreed"), by=guards.actor(),
                )  # fmt: skip
        except (InputRefused, Conflict) as refused:
            offer_forms.put(typed, refused)
            return self.shown(negotiation_id, typed=typed)
        flash(self.sent(row))
        return self._back(negotiation_id)

    def say(self, negotiation_id: str) -> str | AnyResponse:
        text = request.form.get("text", "")
        try:
            with self.writing() as session:
                row = self.find(session, negotiation_id)
                messages.post(session, row.id, self.side, text, by=guards.actor())
        except InputRefused as refused:
            return self.shown(negotiation_id, text=text, text_problem=negotiation_view.in_words(refused))
        except TooOften as often:
            return self.shown(negotiation_id, text=text, text_problem=often.public)
        return self._back(negotiation_id, "messages")

    def report(self, negotiation_id: str, number: int) -> str | AnyResponse:
        try:
            with self.writing() as session:
                row = self.find(session, negotiation_id)
                messages.report(session, row.id, number, self.side, request.form.get("words", ""), by=guards.actor())
        except InputRefused:
            said = f"Say what is wrong with it, in up to {messages.LONGEST_WORDS:,} characters."
            return self.shown(negotiation_id, wrong={f"words-{number}": said})
        flash("Reported. Support reads it.")
        return self._back(negotiation_id, "messages")

    def export(self, negotiation_id: str, kind: str) -> Response:
        with self.reading() as session:
            return negotiation_view.export(session, self.find(session, negotiation_id), kind)

    def _back(self, negotiation_id: str, anchor: str | None = None) -> AnyResponse:
        return redirect(url_for(self.at["page"], negotiation_id=negotiation_id, _anchor=anchor), code=303)
