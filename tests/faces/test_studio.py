"""The studio over the seeded world: every page is found from home by its links, and answers its creator alone."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

from flask import Flask
from flask.testing import FlaskClient

from connector.access import studio
from connector.db import Scope
from connector.earnings.attribution import taking_up
from connector.faces.studio.face import PLACES
from connector.programme.collaborations import negotiation
from connector.programme.collaborations.proposals import Proposal
from tests.browser.world import World
from tests.faces.conftest import form_token
from tests.faces.test_faces import _clean

APP = Scope.app()
CLICKS = 3  # to a page; a file of a page is one further
# The app leads there, by a link of its own.
OUTSIDE = {"studio.sign_in", "studio.sign_in_link"}
TABS = {f"studio.{name}": (place.word, word) for place in PLACES for word, name in place.pages}


def _enter(app: Flask, world: World, handle: str) -> FlaskClient:
    client = app.test_client()
    with world.database.write(APP) as session:
        token, _ = studio.link(session, world.creators[handle], by="test")
    path = f"/studio/sign-in/link/{token}"
    assert client.post(path, data={"csrf_token": form_token(client, path)}).status_code == 303
    return client


def _busy(world: World) -> None:
    """Mira has a product in her list, of which she may ask for a sample, and an offer to answer."""
    mira = world.creators["mira.makes"]
    ends = {"ends_at": world.now + timedelta(days=90), "expires_at": world.now + timedelta(days=7)}
    with world.database.write(APP) as session:
        taking_up.take_up(session, mira, world.listing("harbour", "9101"))
        negotiation.begin(session, world.shops["souq"], mira, "merchant", Proposal(rate_bp=1800, **ends), by="test")


def _leads(html: str) -> list[str]:
    """Where the links and pictures of a page lead within the studio, and the forms that ask."""
    found = re.findall(r'(?:href|src)="(/studio[^"#]*)', html)
    found += re.findall(r'<form[^>]*method="get"[^>]*action="(/studio[^"]*)"', html)
    return [unescape(each) for each in found]


def _in_its_place(html: str, endpoint: str) -> None:
    bar = html.split('<nav class="places"')[1].split("</nav>")[0]
    current = re.findall(r'aria-current="page">.*?<span>(\w+)</span>', bar, re.DOTALL)
    assert len(current) == 1, endpoint
    place, word = TABS.get(endpoint, (current[0], ""))
    assert current == [place], endpoint
    if word and '<nav class="tabs"' in html:
        tabs = html.split('<nav class="tabs"')[1].split("</nav>")[0]
        assert re.findall(r'aria-current="page">([^<]+)<', tabs) == [word], endpoint


def test_every_page_is_found_from_home_and_is_its_creators_alone(app: Flask, world: World) -> None:
    _busy(world)
    mira, tal = _enter(app, world, "mira.makes"), _enter(app, world, "talb")
    routes = app.url_map.bind("localhost")
    found, todo = {"studio.home": (0, "/studio")}, ["/studio"]
    for clicks in range(1, CLICKS + 2):
        further: list[str] = []
        for path in todo:
            answer = mira.get(path, follow_redirects=True)  # a product that is hers is on its link's page
            assert answer.status_code == 200, path
            if answer.mimetype != "text/html":
                continue
            _clean(answer.text, path)
            _in_its_place(answer.text, str(routes.match(answer.request.path)[0]))
            for lead in _leads(answer.text):
                endpoint = str(routes.match(lead.split("?")[0])[0])
                if endpoint not in found and endpoint not in OUTSIDE:
                    found[endpoint] = (clicks, lead)
                    further.append(lead)
        todo = further
    every = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    studios = {each for each in every if each.startswith("studio.")} - OUTSIDE
    assert studios - found.keys() == set(), "no way leads there from home"
    for endpoint, (clicks, path) in found.items():
        named = re.search(r"/(links|content|samples|offers|statements|orders)/[a-z]+_", path)
        file = re.search(r"qr|file|export", endpoint)
        assert clicks <= CLICKS + bool(file) + (endpoint == "studio.ask_sample"), (endpoint, path)
        if named and named.group(1) != "orders":  # on an order of Mira's he may have a tap of his own
            assert tal.get(path).status_code == 404, path
        elif named:
            assert "Mira" not in tal.get(path).text, path
