"""The suite finds what it is for: each mutant of a good platform fails the check that names its fault."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connector.conformance import CHECKS, Case, Nonconformity, sample_checks, shop_checks, suite
from connector.conformance.case import Read
from connector.errors import HostRefused, SignatureRejected
from connector.events import Ignored, OrderSeen
from connector.platforms.contract import Visit
from connector.platforms.shopify.authorize import Authorize
from connector.platforms.shopify.checkout import Checkout
from connector.platforms.shopify.embedded import Embedded
from connector.platforms.shopify.orders import Orders
from connector.platforms.shopify.webhooks import Webhooks
from tests.platforms.shopify.case import CASE, HEADER, Answers, recorded_read


def mutant(**parts: Any) -> Case:
    return dataclasses.replace(CASE, platform=dataclasses.replace(CASE.platform, **parts))


class TakesAnything(Webhooks):
    def verify(self, delivery: Any, settings: Any) -> Any:
        try:
            return super().verify(delivery, settings)
        except SignatureRejected:
            return CASE.envelope("orders/create")


class SignsTheText(Webhooks):
    """Verifies over re-encoded text instead of bytes, the classic mistake."""

    def verify(self, delivery: Any, settings: Any) -> Any:
        text = delivery.body.decode("utf-8", "ignore").strip().encode()
        signature = base64.b64encode(hmac.new(CASE.secret.encode(), text, hashlib.sha256).digest()).decode()
        if delivery.headers.get(HEADER) != signature:
            raise SignatureRejected("no")
        return CASE.envelope(delivery.headers["x-shopify-topic"])


class OneSecret(Webhooks):
    def verify(self, delivery: Any, settings: Any) -> Any:
        only = settings.model_copy(update={"client_secret_previous": type(settings.client_secret)("")})
        return super().verify(delivery, only)


class OpenWithoutSecret(Webhooks):
    def verify(self, delivery: Any, settings: Any) -> Any:
        if not settings.secrets():
            return CASE.envelope("orders/create")
        return super().verify(delivery, settings)


class ForgetsATopic(Webhooks):
    topics = {**Webhooks.topics, "orders/teleported": "OrderSeen"}


class IgnoresWithoutReason(Webhooks):
    ignored = {**Webhooks.ignored, "themes/publish": ""}


class CrashesOnOddBodies(Webhooks):
    def translate(self, envelope: Any, body: bytes, currency: str) -> Any:
        import json

        if envelope.topic in self.topics:
            json.loads(body)["id"]
        return super().translate(envelope, body, currency)


class DropsUnknownTopics(Webhooks):
    def translate(self, envelope: Any, body: bytes, currency: str) -> Any:
        if envelope.topic not in self.topics:
            return [Ignored(envelope.topic)]
        return super().translate(envelope, body, currency)


class Changing(Webhooks):
    """Changes the order's snapshot after it was read."""

    def __init__(self, change: Callable[[Any], Any]) -> None:
        self.change = change

    def translate(self, envelope: Any, body: bytes, currency: str) -> Any:
        made = super().translate(envelope, body, currency)
        if isinstance(made[0], OrderSeen):
            return [OrderSeen(self.change(made[0].snapshot), made[0].buyer)]
        return made


def a_cent_more(snapshot: Any) -> Any:
    return msgspec.structs.replace(snapshot, total=snapshot.total + 1)


def in_floats(snapshot: Any) -> Any:
    return msgspec.structs.replace(snapshot, total=snapshot.total / 1)


def with_a_name(snapshot: Any) -> Any:
    return msgspec.structs.replace(snapshot, source="Ana Prueba")


def without_carriers(snapshot: Any) -> Any:
    return msgspec.structs.replace(snapshot, carriers=())


class ForgetsRefundsAmongOthers(Orders):
    def some(self, client: Any, order_refs: Any) -> Any:
        found = super().some(client, order_refs)
        return {
            ref: dataclasses.replace(read, snapshot=msgspec.structs.replace(read.snapshot, refunds=()))
            for ref, read in found.items()
        }


class RaisingSubject(Webhooks):
    def subject(self, envelope: Any, body: bytes) -> Any:
        import json

        return str(json.loads(body)["id"]), None


class AnyHost(Authorize):
    def domain(self, typed: str, settings: Any) -> str:
        if typed.strip().lower().endswith(".myshopify.com"):
            return typed.strip().lower()
        return super().domain(typed, settings)


class AnyToken(Checkout):
    def cart_link(self, domain: str, lines: Any, token: str, settings: Any, *, landing: str = "") -> str:
        return f"https://{domain}/cart/1:1?attributes[connector_touch]={token}&properties=e30&ref={token}"


class BelievesThePayload(Embedded):
    """Reads the claims and forgets the signature."""

    def visited(self, token: str, settings: Any, now: Any) -> Any:
        try:
            return super().visited(token, settings, now)
        except SignatureRejected:
            if token.count(".") != 2:
                raise
            return Visit(CASE.domain, "42", now, token)


class NeverEnds(Embedded):
    def visited(self, token: str, settings: Any, now: Any) -> Any:
        return super().visited(token, settings, datetime(2026, 11, 20, 15, 0, 30, tzinfo=UTC))


class FramedByAnybody(Embedded):
    def frame(self, domain: str | None, settings: Any) -> Any:
        return dataclasses.replace(super().frame(domain, settings), ancestors=("https://*.myshopify.com",))


class FramedByOneShop(Embedded):
    def frame(self, domain: str | None, settings: Any) -> Any:
        return super().frame(CASE.domain, settings)


class TellsTheToken(Authorize):
    def profile(self, client: Any) -> Any:
        raise HostRefused(f"no answer for {client.grant.access_token}")


class Unequal(Answers):
    def __init__(self) -> None:
        super().__init__(**recorded_read().by_operation)
        self.by_operation["Order"] = self.by_operation["Order"].replace(b'"149.00"', b'"149.01"')


UNEQUAL = dataclasses.replace(CASE, reads=[Read("orders_updated.after_refund.json", "7100000000001", Unequal)])


@pytest.mark.parametrize(
    ("check", "case"),
    [
        (suite.signature_vectors_hold, mutant(webhooks=TakesAnything())),
        (suite.bent_signatures_are_refused, mutant(webhooks=TakesAnything())),
        (suite.bent_signatures_are_refused, mutant(webhooks=SignsTheText())),
        (suite.bytes_that_are_not_text_are_verified_and_parked, mutant(webhooks=CrashesOnOddBodies())),
        (suite.two_secrets_are_taken_while_they_rotate, mutant(webhooks=OneSecret())),
        (suite.an_empty_secret_closes, mutant(webhooks=OpenWithoutSecret())),
        (suite.every_topic_has_its_place, mutant(webhooks=ForgetsATopic())),
        (suite.every_topic_has_its_place, mutant(webhooks=IgnoresWithoutReason())),
        (suite.broken_bodies_are_parked_with_a_path, mutant(webhooks=CrashesOnOddBodies())),
        (suite.unknown_topics_are_visible, mutant(webhooks=DropsUnknownTopics())),
        (suite.payloads_become_the_expected_events, mutant(webhooks=Changing(a_cent_more))),
        (suite.money_is_whole_numbers, mutant(webhooks=Changing(in_floats))),
        (suite.snapshots_hold_no_person, mutant(webhooks=Changing(with_a_name))),
        (suite.a_body_and_a_read_of_one_version_are_equal, mutant(webhooks=Changing(a_cent_more))),
        (suite.a_body_and_a_read_of_one_version_are_equal, UNEQUAL),
        (suite.a_body_and_a_read_of_one_version_are_equal, dataclasses.replace(CASE, reads=[])),
        (suite.an_order_reads_alike_alone_and_among_others, mutant(orders=ForgetsRefundsAmongOthers())),
        (suite.the_token_comes_back_from_the_cart, mutant(webhooks=Changing(without_carriers))),
        (suite.the_token_comes_back_from_the_cart, mutant(checkout=AnyToken())),
        (suite.the_token_comes_back_from_the_cart, dataclasses.replace(CASE, bought=None)),
        (suite.the_subject_is_what_the_event_is_about, mutant(webhooks=RaisingSubject())),
        (suite.hosts_in_disguise_are_refused, mutant(authorize=AnyHost())),
        (suite.session_tokens_prove_one_visitor, mutant(embedded=BelievesThePayload())),
        (suite.session_tokens_prove_one_visitor, mutant(embedded=NeverEnds())),
        (suite.session_tokens_prove_one_visitor, mutant(embedded=None)),
        (suite.session_tokens_prove_one_visitor, dataclasses.replace(CASE, session_token=None)),
        (suite.the_frame_is_the_shops_own, mutant(embedded=FramedByAnybody())),
        (suite.the_frame_is_the_shops_own, mutant(embedded=FramedByOneShop())),
        (suite.secrets_are_in_no_text, mutant(authorize=TellsTheToken())),
    ],
    ids=lambda value: getattr(value, "__name__", "mutant"),
)
def test_a_mutant_is_found(check: Callable[[Case], None], case: Case) -> None:
    check(CASE)
    with pytest.raises(Nonconformity):
        check(case)


def test_a_payload_without_a_topic_is_named(tmp_path: Any) -> None:
    (tmp_path / "orders_imagined.x.json").write_text("{}")
    with pytest.raises(Nonconformity, match=r"orders_imagined\.x\.json"):
        dataclasses.replace(CASE, folder=tmp_path).payloads()


def test_every_check_is_listed() -> None:
    helpers = {suite.as_json, shop_checks.shops, shop_checks.one_shop, shop_checks.pages, shop_checks.walked,
               shop_checks.base, shop_checks.given_back, shop_checks.read, shop_checks.listed, sample_checks.Desk,
               sample_checks.Losing, sample_checks.desks, sample_checks.one_desk}  # fmt: skip
    public = {
        value
        for module in (suite, shop_checks, sample_checks)
        for name, value in vars(module).items()
        if callable(value) and not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    }
    assert public - helpers == set(CHECKS)
