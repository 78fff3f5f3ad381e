"""The JSON API of the app's back end: all its views, its document, its page.

listings.py    the shoppable list          programme.py   creators, content, links
terms.py       terms, events, promotions         whatif.py  what would it pay
taps.py        touches; carts.py carts of several stores                     stores.py      shops, sync, orders, traces
invoices.py    invoices, receipts, documents
payees.py      payment details, notices                                    events.py what the app is told, sent again
books.py       balances, statements, payouts              feeds.py       product feeds and their files
payout_calendar.py when money in sight can be paid
sign_ups.py    sign-ups, eligibility, a product and its link   openings.py    collections opened to creators
studio.py      creators' sign-in links           codes.py      creators' codes
content.py     what content shows, views, results reports.py   what creators sold
content_fees.py content handed in for flat fees   samples.py     samples, what shops give, how many
negotiations.py offers, answers, invitations   threads.py messages of a negotiation
rules.py       rules, terms of use, breaches
document.py    /openapi.json and /docs
"""

from __future__ import annotations

from apiflask import APIFlask

from connector.faces.api import (
    books,
    carts,
    codes,
    content,
    content_fees,
    document,
    events,
    feeds,
    invoices,
    listings,
    negotiations,
    openings,
    payees,
    payout_calendar,
    programme,
    proofs,
    repeats,
    reports,
    rules,
    samples,
    sign_ups,
    stores,
    stripe_events,
    studio,
    taps,
    terms,
    threads,
    whatif,
)
from connector.faces.api.face import blueprint
from connector.web import guards

ROOMS = (
    listings, programme, taps, carts, stores, books, invoices, payees, feeds, proofs, studio, terms, codes, whatif,
    events, rules, sign_ups, openings, content, reports, negotiations, threads,
    content_fees, samples, payout_calendar,
)  # fmt: skip


def install(app: APIFlask) -> None:
    app.register_blueprint(document.docs)
    app.register_blueprint(feeds.given_out)
    app.register_blueprint(stripe_events.blueprint)
    document.describe(app)
    app.extensions.setdefault(guards.ENTERED, []).append(repeats.answer_again)


__all__ = ["blueprint", "install"]
