"""Joining: where a store is, the page of approval, pasted keys, and each thing that goes wrong in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest

from connector.errors import (
    ConfigurationWrong,
    ConnectorError,
    GrantLost,
    HostRefused,
    InputRefused,
    NotFound,
    PayloadUnreadable,
    PlatformDown,
    SignatureRejected,
)
from connector.platforms.contract import Client, Hook, Joined, Place
from connector.platforms.rest import NoBudget
from connector.platforms.woocommerce import PLATFORM
from connector.platforms.woocommerce import client as calls
from connector.platforms.woocommerce.authorize import time_zone
from connector.platforms.woocommerce.oauth1 import base_string, signed
from connector.platforms.woocommerce.payloads import IndexForm
from connector.platforms.woocommerce.tolerant import json_within
from tests.platforms.woocommerce.kit import (
    DOMAIN,
    KEY,
    SECRET_KEY,
    Reply,
    Script,
    Sent,
    Shop,
    data,
    error,
    make_client,
    make_settings,
    page,
    recorded,
)

NOW = datetime(2026, 11, 27, 13, tzinfo=UTC)
STATE = "in_01HZX6T4Q8M2.k9wP"
handover, pasted = PLATFORM.handover, PLATFORM.pasted
assert handover is not None
assert pasted is not None
locate, begin, handed, enter = handover.locate, handover.begin, handover.handed, pasted.enter


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_auths", {})


def given(**more: str) -> dict[str, str]:
    return {"shop": DOMAIN, "consumer_key": KEY, "consumer_secret": SECRET_KEY, **more}


def refusal(act: Callable[[], Any]) -> InputRefused:
    with pytest.raises(InputRefused) as refused:
        act()
    assert refused.value.problem.endswith(".")
    assert refused.value.remedy.endswith((".", "shop", "data."))
    for secret in (KEY, SECRET_KEY):
        assert secret not in str(refused.value)
    return refused.value


def entered(http: Any, **more: str) -> Joined:
    return enter(given(**more), make_settings(), http, NOW)


def refused_entry(http: Any, **more: str) -> tuple[str, str]:
    found = refusal(lambda: entered(http, **more))
    return found.field, f"{found.problem} {found.remedy}"


def not_found(http: Any, typed: str = DOMAIN) -> str:
    found = refusal(lambda: locate(typed, make_settings(), http))
    assert found.field == "shop"
    return f"{found.problem} {found.remedy}"


# --- where a store is -------------------------------------------------------------------------------------------------


def test_a_store_is_found_with_its_api_and_its_own_address() -> None:
    shop = Shop()
    found = locate("https://LanternAndLoom.example/", make_settings(), shop)
    assert found == Place(DOMAIN, {"api": f"https://{DOMAIN}/wp-json", "home": f"https://{DOMAIN}"})
    assert all("Authorization" not in each.headers for each in shop.sent)


def test_a_store_in_a_folder_keeps_it() -> None:
    shop = Shop(domain=f"{DOMAIN}/Shop")
    assert locate(f"{DOMAIN}/Shop/wp-admin/plugins.php", make_settings(), shop).domain == f"{DOMAIN}/Shop"
    assert {urlsplit(each.url).path for each in shop.sent} == {"/Shop/wp-json/"}


@pytest.mark.parametrize(
    ("target", "lands"),
    [
        (f"https://www.{DOMAIN}/wp-json/", f"www.{DOMAIN}"),
        (f"https://www.{DOMAIN}/shop/wp-json/", f"www.{DOMAIN}/shop"),
        (f"https://www.{DOMAIN}/", f"www.{DOMAIN}"),
        ("/shop/index.php/wp-json/", f"{DOMAIN}/shop"),
        ("/wp-json", DOMAIN),
    ],
)
def test_one_redirect_is_followed_and_the_end_is_the_store(target: str, lands: str) -> None:
    shop = Shop(domain=lands)

    def first(request: Sent) -> Reply | None:
        if request.method == "HEAD" and request.path == "/wp-json/" and urlsplit(request.url).netloc == DOMAIN:
            return Reply(301, b"", {"Location": target})
        return None

    shop.before = first
    assert locate(DOMAIN, make_settings(), shop).domain == lands
    assert {urlsplit(each.url).netloc for each in shop.sent[1:]} == {lands.partition("/")[0]}


def test_redirects_that_lead_astray() -> None:
    to_http = Script(Reply(301, b"", {"Location": f"http://www.{DOMAIN}/wp-json/"}))
    assert "from https to http" in not_found(to_http)
    with pytest.raises(HostRefused):
        locate(DOMAIN, make_settings(), Script(Reply(302, b"", {"Location": "https://10.0.0.1/wp-json/"})))
    astray = HostRefused("x redirects to another host")
    on_and_on = Script(lambda request: Reply() if request.method == "HEAD" else astray)
    assert "leads on to another address" in not_found(on_and_on)
    with pytest.raises(HostRefused):  # a name that resolves to a private address: the way out says so
        locate(DOMAIN, make_settings(), Script(HostRefused("the host's address isn't public")))


INDEX = {"namespaces": ["wc/v3"], "home": f"https://{DOMAIN}", "name": "x"}


def site(by_path: dict[str, Reply], otherwise: Reply | None = None) -> Script:
    def answer(request: Sent) -> Reply:
        return by_path.get(
            request.path + ("?rest_route" if "rest_route" in request.url else ""), otherwise or page(status=404)
        )

    return Script(answer)


def test_other_roots_of_the_api() -> None:
    by_index = site({"/index.php/wp-json/": data(INDEX)})
    assert locate(DOMAIN, make_settings(), by_index).details["api"] == f"https://{DOMAIN}/index.php/wp-json"
    link = Reply(200, b"", {"Link": f'<https://{DOMAIN}/api-of-ours/>; rel="https://api.w.org/"'})
    renamed = site({"/": link, "/api-of-ours/": data(INDEX)})
    assert locate(DOMAIN, make_settings(), renamed).details["api"] == f"https://{DOMAIN}/api-of-ours"
    elsewhere = Reply(200, b"", {"link": '<https://evil.example/wp-json/>; rel="https://api.w.org/"'})
    assert "not as WordPress" in not_found(site({"/": elsewhere}))


def test_a_store_with_two_names_is_one_store() -> None:
    def answer(request: Sent) -> Reply:
        return Reply() if request.method == "HEAD" else data(INDEX)

    script = Script(answer)
    assert locate(f"alias.{DOMAIN}", make_settings(), script) == Place(
        DOMAIN, {"api": f"https://{DOMAIN}/wp-json", "home": f"https://{DOMAIN}"}
    )

    def alone(request: Sent) -> Reply:
        return answer(request) if "//alias." in request.url else page(status=404)

    assert locate(f"alias.{DOMAIN}", make_settings(), Script(alone)).domain == f"alias.{DOMAIN}"
    own = INDEX | {"home": "http://10.0.0.1"}
    inside = Script(lambda request: Reply() if request.method == "HEAD" else data(own))
    assert locate(DOMAIN, make_settings(), inside).domain == DOMAIN  # a name that nobody can ask


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (page(status=401, **{"WWW-Authenticate": 'Basic realm="staging"'}), "password of its host"),
        (error(401, "rest_login_required"), "security plug-in"),
        (error(403, "rest_forbidden"), "rest_forbidden"),
        (page(status=403), "firewall"),
        (page(status=503), "maintenance"),
        (page(status=500), "a fault (500)"),
        (page(status=404), "not as WordPress"),
        (page(status=200), "not as WordPress"),
        (data({"namespaces": ["wp/v2"]}), "without WooCommerce"),
        (data({"hello": 1}), "not as WordPress"),
        (data([]), "not as WordPress"),
    ],
)
def test_what_answers_in_place_of_a_store_is_said_in_words(answer: Reply, says: str) -> None:
    assert says in not_found(Script(lambda request: answer))


def test_plain_permalinks_are_told_from_no_store_at_all() -> None:
    plain = site({"/?rest_route": data({"namespaces": ["wc/v3"]})}, page(status=200))
    said = not_found(plain)
    assert "plain permalinks" in said
    assert "Settings > Permalinks" in said


def test_a_store_without_https_is_refused_with_the_reason() -> None:
    said = not_found(Script(PlatformDown(f"{DOMAIN}: can't be reached")))
    assert "can't be reached by https" in said
    assert "only http can't be joined" in said


def test_in_dev_a_stand_in_on_this_machine_is_a_store() -> None:
    shop = Shop(domain="127.0.0.1:5000")
    found = locate("127.0.0.1:5000", make_settings(env="dev"), shop)
    assert found.domain == "127.0.0.1:5000"
    assert shop.sent[0].url == "http://127.0.0.1:5000/wp-json/"
    assert locate("localhost:5000", make_settings(env="dev"), shop).domain == "127.0.0.1:5000"  # as it calls itself


# --- the page of approval ---------------------------------------------------------------------------------------------


def test_the_page_of_approval_gets_all_five_parameters() -> None:
    place = Place(f"{DOMAIN}/shop", {})
    callback = f"https://connector.example/oauth/woocommerce/keys?state={STATE}"
    start = begin(place, STATE, callback, "https://connector.example/back", make_settings())
    parts = urlsplit(start.url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"https://{DOMAIN}/shop/wc-auth/v1/authorize"
    assert dict(parse_qsl(parts.query)) == {
        "app_name": "Connector", "scope": "read_write", "user_id": STATE, "callback_url": callback,
        "return_url": "https://connector.example/back",
    }  # fmt: skip
    unwritten = Place(DOMAIN, {"api": f"https://{DOMAIN}/index.php/wp-json"})
    assert f"{DOMAIN}/index.php/wc-auth/v1/" in begin(unwritten, STATE, callback, callback, make_settings()).url
    with pytest.raises(ConfigurationWrong):
        begin(place, STATE, "http://connector.example/keys", "https://connector.example/back", make_settings())
    with pytest.raises(ValueError, match="characters"):
        begin(place, "a|b+c<b>1234567890", callback, "https://connector.example/back", make_settings())


def test_who_denied_comes_back_with_a_nought() -> None:
    """`success` is the browser's word: it ends a wait, and connects nothing."""
    assert handover.denied([("user_id", STATE), ("success", "0")])  # type: ignore[union-attr]
    assert not handover.denied([("user_id", STATE), ("success", "1")])  # type: ignore[union-attr]
    assert not handover.denied([])  # type: ignore[union-attr]


def posted(**more: Any) -> bytes:
    return json.dumps(json.loads(recorded("api/auth_callback.json")) | {"consumer_secret": SECRET_KEY, **more}).encode()


def test_handed_keys_are_tried_and_become_the_grant() -> None:
    shop = Shop()
    shop.version = "10.3.1"
    place = locate(DOMAIN, make_settings(), shop)
    joined = handed(posted(), STATE, place, make_settings(), shop, NOW)
    assert joined.domain == DOMAIN
    assert joined.grant.access_token == f"{KEY}:{SECRET_KEY}"
    assert joined.grant.scopes == ("checkout_link", "read", "write")
    assert joined.grant.details == {
        "api": f"https://{DOMAIN}/wp-json", "home": f"https://{DOMAIN}", "auth": "basic", "version": "10.3.1",
    }  # fmt: skip
    assert handed(posted(), STATE, place, make_settings(), shop, NOW) == joined  # a second click
    assert shop.webhooks == {}  # nothing was written
    assert SECRET_KEY not in repr(joined)


def test_a_host_that_waits_for_itself_is_told_to_paste() -> None:
    def waits(request: Sent) -> Any:
        return PlatformDown(f"{DOMAIN}: no answer in time")

    found = refusal(lambda: handed(posted(), STATE, Place(DOMAIN, {}), make_settings(), Script(waits), NOW))
    assert "no answer in time" in found.problem
    assert "paste it" in found.remedy


def test_bodies_that_are_no_keys() -> None:
    place = Place(DOMAIN, {})
    for body in (b"", b"<p>", b"{}", posted(consumer_key="ck_x"), posted(consumer_secret="cs_" + "G" * 40)):
        with pytest.raises(PayloadUnreadable):
            handed(body, STATE, place, make_settings(), Script(), NOW)
    assert (
        refusal(lambda: handed(posted(user_id="other"), STATE, place, make_settings(), Script(), NOW)).field
        == "user_id"
    )
    with pytest.raises(InputRefused):  # made up by somebody who knew the address: that store doesn't know them
        handed(posted(consumer_key="ck_" + "a" * 40), STATE, place, make_settings(), Shop(), NOW)


# --- keys, one way or the other ---------------------------------------------------------------------------------------


def test_pasted_keys_join() -> None:
    joined = entered(Shop(), shop=f" https://{DOMAIN}/ ", consumer_key=f"{KEY} ")
    assert (joined.domain, joined.grant.details["auth"]) == (DOMAIN, "basic")
    assert [each.name for each in pasted.fields] == ["shop", "consumer_key", "consumer_secret"]  # type: ignore[union-attr]
    assert [each.name for each in pasted.fields if each.secret] == ["consumer_secret"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("more", "field", "says"),
    [
        ({"consumer_key": SECRET_KEY, "consumer_secret": KEY}, "consumer_key", "Swap"),
        ({"consumer_key": KEY[:-1]}, "consumer_key", "Copy it whole"),
        ({"consumer_secret": ""}, "consumer_secret", "shown once"),
        ({"consumer_key": "ck_" + "f" * 40}, "consumer_key", "isn't known to the store"),
        ({"consumer_secret": "cs_" + "f" * 40}, "consumer_secret", "isn't the secret of this key"),
    ],
)
def test_keys_that_don_t_open_it(more: dict[str, str], field: str, says: str) -> None:
    found, words = refused_entry(Shop(), **more)
    assert (found, says in words) == (field, True), words


def test_a_key_that_may_only_read_or_only_write_is_told_apart() -> None:
    shop = Shop()
    shop.rights = "read"
    field, words = refused_entry(shop)
    assert (field, "may only read: webhooks need" in words, "Read/Write" in words) == ("consumer_key", True, True)
    shop.rights = "write"
    field, words = refused_entry(shop)
    assert (field, "may only write" in words) == ("consumer_key", True)
    shop.rights, shop.user = "read_write", "demoted"
    assert "administrator or shop manager" in refused_entry(shop)[1]


def test_a_user_who_sees_products_and_no_orders_is_found_before_the_sync() -> None:
    shop = Shop()
    shop.before = lambda request: error(403, "woocommerce_rest_cannot_view") if "/orders" in request.path else None
    assert "may not see orders" in refused_entry(shop)[1]


def test_a_stripped_header_is_got_around_once_and_remembered() -> None:
    shop = Shop()
    shop.strips = True
    joined = entered(shop)
    assert joined.grant.details["auth"] == "query"
    shop.sent.clear()
    client = make_client(shop, details=joined.grant.details)
    assert PLATFORM.orders.one(client, "1") is None
    assert len(shop.sent) == 1
    assert "Authorization" not in shop.sent[0].headers
    assert shop.sent[0].query["consumer_key"] == KEY


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("slash", [False, True])
def test_a_store_that_does_not_see_https_is_signed_for(scheme: str, slash: bool) -> None:
    """Whatever its own address says: it is PHP that doesn't see it."""
    shop = Shop(domain=f"{DOMAIN}/shop")
    shop.unseen, shop.scheme, shop.slash = True, scheme, slash
    joined = entered(shop, shop=shop.domain)
    assert (joined.grant.details["auth"], joined.grant.details["home"]) == ("oauth1", f"{scheme}://{shop.domain}")
    client = make_client(shop, domain=shop.domain, details=joined.grant.details)
    product = shop.product("Thing, & more", [1000])
    (found,) = PLATFORM.catalog.changed(client, NOW.replace(year=2020), None).products
    assert found.product_ref == product
    assert all(each.url.startswith("https://") for each in shop.sent)
    assert all(SECRET_KEY not in each.url for each in shop.sent if "oauth_nonce" in each.url)
    field, words = refused_entry(shop, shop=shop.domain, consumer_key="ck_" + "f" * 40)
    assert (field, "doesn't see that it is reached by https" in words) == ("consumer_key", True)
    shop.unseen = False  # the proxy was mended: the same key goes along otherwise
    assert PLATFORM.catalog.newest_change(client) is not None


def test_a_store_that_redirects_to_a_slash_gets_it_at_once() -> None:
    shop = Shop()
    shop.slash = True
    joined = entered(shop)
    assert joined.grant.details["slash"] == "1"
    client = make_client(shop, details=joined.grant.details)
    PLATFORM.webhooks.subscribe(client, make_hook())
    assert len(shop.webhooks) == 8


def make_hook() -> Hook:
    return Hook("https://connector.example/webhooks/woocommerce/k3y", "s" * 40)


@pytest.mark.parametrize(
    "front", [b"\xef\xbb\xbf", b"\n\n", b"<br />\n<b>Notice</b>: x [y] {z} in <b>/a.php</b> on line <b>1</b><br />\n"]
)
def test_json_behind_a_mark_or_notices_is_read(front: bytes) -> None:
    shop = Shop()
    shop.front = front
    ref = shop.product("Thing", [1000, 2000])
    joined = entered(shop)
    client = make_client(shop, details=joined.grant.details)
    (product,) = PLATFORM.catalog.products(client, [ref]).products
    assert [variant.price for variant in product.variants] == [1000, 2000]
    shop.keys = ("ck_" + "9" * 40, "")
    with pytest.raises(GrantLost):  # errors too
        PLATFORM.catalog.products(client, [ref])


def test_json_within_anything_is_found_or_is_not_there() -> None:
    notice = b"<br />\n<b>Warning</b>: [x] {y} in <b>/a.php</b><br />\n"
    for body in (b"{}", b"[]", b'[{"id":1}]', b'{"a":"\\u00e9"}', b'{ "a": [1, {"b": "<p>\\n{}"}]}'):
        for front in (b"", b"\xef\xbb\xbf", b"\r\n \xef\xbb\xbf\n", notice, notice * 3, b"\xef\xbb\xbf" + notice):
            assert json_within(front + body + b"\n") in (body, body + b"\n")
    script = b'<html><script type="application/ld+json">\n{"a":1}\n</script></html>'
    hostile = (b"\n" * 500_000 + b"x", b"\n{}" * 50_000 + b"x", b"\n[" * 50_000, b'\n["' * 50_000)
    for page_ in (b"", b"<html></html>", script, b"x", *hostile):
        assert json_within(page_) is None or page_.strip()[:1] in (b"[", b"{")


@pytest.mark.parametrize("answer", [page(), page(status=403), page("<html>captcha {}</html>", 200)])
def test_a_firewall_in_front_of_the_keys_is_named(answer: Reply) -> None:
    shop = Shop()
    shop.before = lambda request: answer if "wc/v3" in request.path else None
    field, words = refused_entry(shop)
    assert (field, "allow /wp-json/wc/v3/" in words) == ("shop", True)


def test_an_old_version_is_refused_and_an_unknown_one_is_not() -> None:
    shop = Shop()
    shop.version = "5.7.2"
    assert "Update it to 5.8" in refused_entry(shop)[1]
    shop.before = lambda request: page(status=504) if "system_status" in request.path else None
    assert entered(shop).grant.details["version"] == ""
    with pytest.raises(PlatformDown):
        entered(Script(lambda request: data(INDEX) if request.path == "/wp-json/" else PlatformDown("cut")))


# --- what a joined store says of itself -------------------------------------------------------------------------------


def test_the_profile() -> None:
    profile = PLATFORM.authorize.profile(Shop("EUR").client)
    assert (profile.name, profile.currency, profile.country) == ("Lantern & Loom", "EUR", "US")
    assert (profile.time_zone, profile.taxes_included) == ("America/New_York", False)
    assert (profile.shop_ref, profile.storefront_url) == (DOMAIN, f"https://{DOMAIN}")


@pytest.mark.parametrize(
    ("zone", "offset", "named"),
    [
        ("Europe/Berlin", 1, "Europe/Berlin"), ("", "-5", "Etc/GMT+5"), ("", 2, "Etc/GMT-2"), ("", "0", "UTC"),
        ("", "5.5", "Asia/Kolkata"), (None, None, "UTC"), ("", "x", "UTC"), ("", 99, "UTC"),
        ("", "-3.50", "America/St_Johns"), ("", "nan", "UTC"), ("", "-inf", "UTC"), ("", "1e999998", "UTC"),
    ],
)  # fmt: skip
def test_an_offset_becomes_a_zone(zone: str | None, offset: Any, named: str) -> None:
    found = time_zone(IndexForm([], timezone_string=zone, gmt_offset=offset))
    assert found == named
    assert ZoneInfo(found)


def test_scopes_are_asked_anew() -> None:
    shop = Shop()
    assert PLATFORM.authorize.scopes(shop.client) == ("read", "write")
    shop.rights, shop.version = "read", "11.0"
    assert PLATFORM.authorize.scopes(shop.client) == ("checkout_link", "read")


def test_what_a_store_can_t_do() -> None:
    authorize, settings = PLATFORM.authorize, make_settings()
    with pytest.raises(NotFound):
        authorize.begin(DOMAIN, STATE, "https://x.example", settings)
    for act in (
        lambda: authorize.launched([], settings, NOW),
        lambda: authorize.complete([], "", settings, Script(), NOW),
    ):
        with pytest.raises(SignatureRejected):
            act()
    assert authorize.answered([], settings, NOW) is None
    with pytest.raises(GrantLost) as lost:
        authorize.renew(DOMAIN, Shop().client.grant, settings, Script(), NOW)
    assert lost.value.fatal


# --- while it is joined -----------------------------------------------------------------------------------------------


def ask(client: Client) -> Any:
    return PLATFORM.catalog.newest_change(client)


def test_a_header_that_is_stripped_since_yesterday_costs_one_more_call_and_no_grant() -> None:
    shop = Shop()
    ask(shop.client)
    shop.strips = True
    ask(shop.client)
    shop.sent.clear()
    ask(shop.client)
    assert len(shop.sent) == 1  # it is known by now


def test_a_401_is_a_lost_grant_only_where_woocommerce_answers() -> None:
    shop = Shop()
    shop.keys = ("ck_" + "9" * 40, "")
    with pytest.raises(GrantLost) as lost:
        ask(shop.client)
    assert not lost.value.fatal
    shop.before = lambda request: data({"namespaces": ["wp/v2"]}) if request.path == "/wp-json/" else None
    with pytest.raises(PlatformDown, match="switched off"):
        ask(shop.client)
    shop.before = lambda request: page(status=503) if request.path == "/wp-json/" else None
    with pytest.raises(PlatformDown):
        ask(shop.client)


@pytest.mark.parametrize("row", json.loads(recorded("api/errors.json")), ids=lambda row: row["when"][:24])
def test_each_recorded_error_has_its_meaning(row: dict[str, Any]) -> None:
    meanings = {
        "woocommerce_rest_cannot_view": "KeyUnknown" if row["http"] == 401 else "UserRefused",
        "woocommerce_rest_authentication_error": "KeyRefused",
        "woocommerce_rest_product_invalid_id": "None",
        "rest_no_route": "PlatformDown",
        "woocommerce_rest_request_entity_too_large": "None",  # the usual: PlatformRefused
    }
    found = calls.judge(row["http"], {}, json.dumps(row["body"]).encode(), DOMAIN)
    assert (type(found).__name__ if found else "None") == meanings[row["body"]["code"]]
    assert found is None or row["body"]["message"] not in str(found)


@pytest.mark.parametrize(
    ("status", "headers", "content", "meaning"),
    [
        (429, {"retry-after": "7"}, b"", None), (503, {"retry-after": "7"}, b"<p>", "PlatformBusy"),
        (503, {}, b"<p>", None), (503, {"retry-after": "7"}, b"{}", "PlatformBusy"), (403, {}, b"<p>", "WebPage"),
        (401, {"www-authenticate": "Basic"}, b"<p>", "WebPage"), (404, {}, b"<p>", "WebPage"),
        (403, {}, b'{"code":"rest_forbidden"}', "PlatformDown"), (400, {}, b'{"code":"rest_invalid_param"}', "Invalid"),
        (500, {}, b'{"code":"woocommerce_rest_cannot_create_order_refund"}', "PlatformRefused"),
        (500, {}, b'{"code":"internal_server_error"}', None), (301, {}, b"", "Elsewhere"),
    ],
)  # fmt: skip
def test_other_answers(status: int, headers: dict[str, str], content: bytes, meaning: str | None) -> None:
    found = calls.judge(status, headers, content, DOMAIN)
    assert (type(found).__name__ if found else None) == meaning


def test_no_error_quotes_an_answer() -> None:
    for status in (400, 401, 403, 404, 429, 500, 503):
        for content in (b'{"code":"<b>echo</b>","message":"echo"}', b"echo"):
            script = Script(lambda request, s=status, c=content: Reply(s, c, {"retry-after": "9999"}))
            with pytest.raises(ConnectorError) as raised:
                ask(make_client(script))
            assert "echo" not in f"{raised.value} {raised.value.public}"


def test_the_oauth_vector_holds() -> None:
    vector = json.loads(recorded("api/signature_vectors.json"))["oauth1_http"]
    own = {"oauth_consumer_key", "oauth_nonce", "oauth_signature_method", "oauth_timestamp"}
    query = [(name, value) for name, value in vector["params"].items() if name not in own]
    made = signed(
        "get", vector["url"], query, "ck_made_up_key", vector["consumer_secret"], nonce="f00dfeed01", at=1795000000
    )  # fmt: skip
    assert dict(made)["oauth_signature"] == vector["oauth_signature"]
    assert base_string("GET", vector["url"], made[:-1]) == vector["base_string"]
    assert len({dict(signed("GET", "x", [], "k", "s"))["oauth_nonce"] for _ in range(5)}) == 5


def test_a_client_without_details_asks_the_usual_place() -> None:
    shop = Shop()
    ask(make_client(shop, budget=NoBudget()))
    assert shop.sent[0].url.startswith(f"https://{DOMAIN}/wp-json/wc/v3/products?")
