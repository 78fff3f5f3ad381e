"""Our plug-in as the store has it: it is told where to post, and what it says is about one channel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connector.errors import BodyOfAnotherShop, PayloadUnreadable, PlatformRefused
from connector.platforms.contract import Envelope, Hook
from connector.platforms.vendure import PLATFORM
from tests.platforms.vendure.store import DOMAIN, KEY, Vendure, client_of

HOOK = Hook("https://connector.example/webhooks/vendure/kEy123", "5e" * 32)
PLUGIN = Path(__file__).parents[3] / "connector" / "platforms" / "vendure" / "plugin"


def test_the_plugin_is_told_once_where_to_post() -> None:
    store = Vendure()
    client = client_of(store)
    assert set(PLATFORM.webhooks.subscribe(client, HOOK)) == set(PLATFORM.webhooks.topics)
    assert store.hook == {"connectorAddress": HOOK.address, "connectorSecret": HOOK.secret}
    assert PLATFORM.webhooks.subscribe(client, HOOK) == []
    moved = Hook("https://elsewhere.example/webhooks/vendure/kEy123", HOOK.secret)
    assert PLATFORM.webhooks.subscribe(client, moved)
    assert store.hook["connectorAddress"] == moved.address
    assert PLATFORM.webhooks.subscribe(client, Hook(moved.address, "6f" * 32)), "a changed secret is told too"


def test_a_store_without_the_plugin_is_polled() -> None:
    store = Vendure()
    store.fields = {}
    assert PLATFORM.webhooks.subscribe(client_of(store), HOOK) == []
    assert PLATFORM.parting is not None
    PLATFORM.parting.part(client_of(store), HOOK)


def test_a_key_that_may_not_tell_it_is_told_what_to_do() -> None:
    store = Vendure()
    store.keys[KEY].discard("updateChannel")
    with pytest.raises(PlatformRefused, match="UpdateChannel"):
        PLATFORM.webhooks.subscribe(client_of(store), HOOK)
    store.hook = {"connectorAddress": HOOK.address, "connectorSecret": HOOK.secret}  # pasted by the merchant
    assert PLATFORM.webhooks.subscribe(client_of(store), HOOK) == []


def test_on_parting_it_posts_no_more() -> None:
    store = Vendure()
    client = client_of(store)
    PLATFORM.webhooks.subscribe(client, HOOK)
    assert PLATFORM.parting is not None
    PLATFORM.parting.part(client, HOOK)
    assert store.hook == {"connectorAddress": None, "connectorSecret": None}


@pytest.mark.parametrize("topic", sorted(PLATFORM.webhooks.topics))
def test_news_of_another_channel_is_nobodys(topic: str) -> None:
    envelope = Envelope(domain=DOMAIN, topic=topic)
    body = {"order": "1", "product": "1", "variant": "1", "channel": "2"}
    with pytest.raises(BodyOfAnotherShop):
        PLATFORM.webhooks.translate(envelope, json.dumps(body).encode(), "USD")
    for ref in ("", "x" * 65, "a\n", "\u00e9"):
        other = {**body, "channel": "1", "order": ref, "product": ref, "variant": ref}
        with pytest.raises(PayloadUnreadable):
            PLATFORM.webhooks.translate(envelope, json.dumps(other).encode(), "USD")


def test_the_plugin_sends_the_topics_that_we_know() -> None:
    """Both sides are ours: a topic that one of them alone has is a mistake."""
    text = (PLUGIN / "index.js").read_text()
    for topic in PLATFORM.webhooks.topics:
        assert f"'{topic}'" in text, topic
    for word in ("attributionToken", "connectorAddress", "connectorSecret", "x-vendure-signature"):
        assert word in text


def test_a_link_leads_to_the_product_with_the_token() -> None:
    settings = client_of(Vendure()).settings
    link = PLATFORM.checkout.landing_link(
        DOMAIN, "https://www.example.com/products/lamp?variant=2#top", "t1abc", settings, code="MAYA10"
    )
    assert link == (
        "https://www.example.com/products/lamp?variant=2&connector_touch=t1abc&utm_source=connector"
        "&utm_medium=creator&utm_content=t1abc&coupon=MAYA10"
    )
    assert PLATFORM.checkout.variant_link("https://www.example.com/p?variant=1&a=b", "2").endswith("/p?a=b&variant=2")
