"""News: a sentence for everything that a creator can be told of, new until it was read."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from connector import notices
from connector.access import studio
from connector.app import create_app
from connector.db import Scope
from connector.faces.studio import news
from connector.operations.telling import catalogue
from connector.programme.creators import register
from connector.web.words.news import NEWS
from tests.attribution.world import World, app_settings

APP = Scope.app()


def test_each_kind_that_names_a_creator_has_words() -> None:
    theirs = {
        kind
        for kind, known in catalogue.KINDS.items()
        if "creator_id" in (*known.always, *known.sometimes) and catalogue.example(kind)["notice_id"]
    } - {"content.handed_in"}  # told to the shop
    assert theirs - NEWS.keys() - set(news.APART) == set(), "give it words in web/words/news.py"
    assert NEWS.keys() - catalogue.KINDS.keys() == set(), "nothing is told so"


@pytest.mark.parametrize("kind", sorted(NEWS))
def test_no_sentence_has_a_hole(kind: str) -> None:
    """With what the catalogue says is always told; and with nothing at all."""
    detail = catalogue.example(kind)["data"] | {"rate_bp": 1500, "amount": -747, "currency": "EUR"}
    for facts in (news.slots(detail, "Harbour & Pine"), {}, {"shop": "", "why": ""}):
        said = NEWS[kind].said(facts)
        assert said
        assert not re.search(r"[{}]|\bNone\b|  ", said), said
        assert said[0].isupper() or said[0].isdigit() or not said[0].isalpha(), said
    assert all(name for _, name, _, _ in Formatter().parse(NEWS[kind].exact) if name is not None)


def test_new_until_it_was_read(world: World) -> None:
    with world.database.write(APP) as session:
        who, other = world.creators["x"], register.register(session, "other", "Other").id
        notices.say(session, "payout.paid", creator_id=who, shop_id=world.shop_id, payout_id="p", amount=747,
                    currency="EUR", reason="")  # fmt: skip
        notices.say(session, "message.received", creator_id=who, shop_id=world.shop_id, to="creator")
        notices.say(session, "offer.answered", creator_id=who, shop_id=world.shop_id, to="merchant", answer="accepted")
        notices.say(session, "sample.moved", creator_id=who, shop_id=world.shop_id, sample_id="s", status="requested")
        notices.say(session, "freeze.made", creator_id=other, why="Another's", freeze_id="f")
        notices.say(session, "brand.new", creator_id=who)
    with world.database.read(APP) as session:
        assert news.unread(session, who) == 2
        rows = notices.of_creator(session, who, but=news.APART, limit=9)
        assert [row.kind for row in rows] == ["brand.new", "sample.moved", "offer.answered", "payout.paid"]
        with create_app(app_settings()).test_request_context():
            shown = news.told(session, rows, "")
        assert [each.said for each in shown] == ["Brand new", "€7.47 was paid to you"], "their own act is no news"
    with world.database.write(APP) as session:
        studio.read_news(session, who, rows[0].id)
        studio.read_news(session, who, rows[-1].id)  # never falls
    with world.database.read(APP) as session:
        assert studio.news_read(session, who) == rows[0].id
        assert (news.unread(session, who), news.unread(session, other)) == (0, 1)
