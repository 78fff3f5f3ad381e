"""The checks. Each is a function of a `Case`; together they are what the rest of the product relies on."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import msgspec

from connector import events
from connector.conformance.case import Case, Nonconformity, expect
from connector.errors import (
    ConnectorError,
    GrantLost,
    HostRefused,
    InputRefused,
    PayloadUnreadable,
    PlatformDown,
    SignatureRejected,
)
from connector.events import (
    Ignored,
    OrderSeen,
    OrderSnapshot,
    OrderStub,
    PrivacyAsked,
    ProductGone,
    ProductStub,
    Unrecognised,
)
from connector.platforms.contract import CartLine, Client, Delivery, Grant, Visit
from connector.platforms.rest import NoBudget

UNKNOWN_TOPIC = "sandwiches/toasted"
TOUCH = "t1abcdefghij012345ABCDEFGHIJ-_6789"
_EVENT_NAMES = frozenset(kind.__name__ for kind in events.Event.__args__)


# --- signatures -------------------------------------------------------------------------------------------------------


def signature_vectors_hold(case: Case) -> None:
    """Known signatures are taken, known forgeries aren't."""
    expect(any(v.accepted for v in case.vectors), "there is no vector that must be accepted")
    expect(any(not v.accepted for v in case.vectors), "there is no vector that must be refused")
    for vector in case.vectors:
        taken = _verified(case, case.received(vector.headers, vector.body), case.secret)
        expect(taken == vector.accepted, f"vector {vector.name}: {'taken' if taken else 'refused'}")


def bent_signatures_are_refused(case: Case) -> None:
    """One thing at a time is changed in a right delivery."""
    for name, (topic, body) in case.payloads().items():
        right = case.delivery(topic, body)
        expect(_verified(case, right, case.secret), f"{name}: the right signature is refused")
        for what, headers, bent in _bent(case, right):
            expect(not _verified(case, case.received(headers, bent), case.secret), f"{name}: taken with {what}")


def _bent(case: Case, right: Delivery) -> Iterator[tuple[str, Mapping[str, str], bytes]]:
    key = case.signature_header.lower()
    signature = right.headers[key]
    without = {name: value for name, value in right.headers.items() if name != key}
    middle = len(right.body) // 2
    flipped = right.body[:middle] + bytes([right.body[middle] ^ 1]) + right.body[middle + 1 :]
    yield "a changed byte", right.headers, flipped
    yield "a byte less", right.headers, right.body[:-1]
    yield "a line feed more", right.headers, right.body + b"\n"
    yield "an empty body", right.headers, b""
    yield "no signature", without, right.body
    yield "an empty signature", {**without, key: ""}, right.body
    yield "the signature twice", {**without, key: f"{signature}, {signature}"}, right.body
    yield "a space before the signature", {**without, key: f" {signature}"}, right.body
    yield "the signature in capitals", {**without, key: signature.swapcase()}, right.body
    yield "a signature that isn't ASCII", {**without, key: "\u0661" * len(signature)}, right.body
    yield "a signature with a lone surrogate", {**without, key: "\udcff"}, right.body
    yield "another secret", case.delivery("", right.body, secret=f"{case.secret}x").headers, right.body
    try:
        again = json.dumps(json.loads(right.body)).encode()
    except ValueError:
        return
    if again != right.body:
        yield "the JSON written anew", right.headers, again


def two_secrets_are_taken_while_they_rotate(case: Case) -> None:
    topic, body = next(iter(case.payloads().values()))
    old = case.delivery(topic, body)
    new = case.delivery(topic, body, secret="rotated")  # noqa: S106 - made up
    expect(_verified(case, old, "rotated", case.secret), "the previous secret isn't taken")
    expect(_verified(case, new, "rotated", case.secret), "the current secret isn't taken beside a previous one")
    expect(not _verified(case, old, "rotated"), "a secret that was taken out is still taken")


def an_empty_secret_closes(case: Case) -> None:
    topic, body = next(iter(case.payloads().values()))
    expect(not _verified(case, case.delivery(topic, body), ""), "a delivery is taken without any secret set")
    by_nobody = case.received({k.lower(): v for k, v in case.sign(topic, body, "").items()}, body)
    expect(not _verified(case, by_nobody, ""), "a delivery signed with an empty secret is taken")


def the_envelope_says_what_the_headers_say(case: Case) -> None:
    for name, (topic, body) in case.payloads().items():
        envelope = case.verify(case.delivery(topic, body), case.secret)
        expect((envelope.topic, envelope.domain) == (topic, case.domain), f"{name}: the envelope says {envelope}")


def bytes_that_are_not_text_are_verified_and_parked(case: Case) -> None:
    """Signatures are of bytes: one over a body that isn't UTF-8 can be right, and translating it is no accident."""
    body = b'{"id": 1, "title": "caf\xe9"}\xff'
    for topic in case.platform.webhooks.topics:
        envelope = case.verify(case.delivery(topic, body), case.secret)
        _parked(case, envelope.topic, body, f"{topic} with bytes that aren't UTF-8")


def _verified(case: Case, delivery: Delivery, secret: str, previous: str = "") -> bool:
    try:
        case.verify(delivery, secret, previous)
    except SignatureRejected:
        return False
    return True


# --- topics and translation -------------------------------------------------------------------------------------------


def every_topic_has_its_place(case: Case) -> None:
    """Mapped to an event, or ignored with a reason; never both; and a payload for each that is mapped."""
    hooks = case.platform.webhooks
    both = set(hooks.topics) & set(hooks.ignored)
    expect(not both, f"mapped and ignored: {sorted(both)}")
    wrong = {topic: name for topic, name in hooks.topics.items() if name not in _EVENT_NAMES}
    expect(not wrong, f"mapped to something that is no event: {wrong}")
    silent = [topic for topic, reason in hooks.ignored.items() if len(reason) < 10]
    expect(not silent, f"ignored without a reason: {silent}")
    unseen = set(hooks.topics) - {topic for topic, _ in case.payloads().values()}
    expect(not unseen, f"no payload is recorded for {sorted(unseen)}")


def each_payload_becomes_what_the_table_says(case: Case) -> None:
    hooks = case.platform.webhooks
    for name, (topic, body) in case.payloads().items():
        made = [type(event).__name__ for event in _translate(case, topic, body)]
        expect(bool(made), f"{name}: no event at all")
        wanted = hooks.topics.get(topic, "Ignored")
        expect(all(kind in (wanted, "Ignored") for kind in made), f"{name}: {made}, the table says {wanted}")


def payloads_become_the_expected_events(case: Case) -> None:
    """Field by field, money in exact integers: the events written down beside the payloads."""
    expected = case.expected()
    payloads = case.payloads()
    expect(
        set(expected) == set(payloads), f"expected.json and payloads differ: {sorted(set(expected) ^ set(payloads))}"
    )
    for name, (topic, body) in payloads.items():
        made = as_json(_translate(case, topic, body))
        expect(made == expected[name], f"{name}: {_first_difference(made, expected[name])}")


def as_json(translated: list[events.Event]) -> list[Any]:
    """Events as they stand in expected.json."""
    return [json.loads(msgspec.json.encode(event, order="deterministic")) for event in translated]


def _first_difference(made: Any, wanted: Any, path: str = "$") -> str:
    if isinstance(made, dict) and isinstance(wanted, dict):
        for key in sorted(set(made) | set(wanted)):
            if made.get(key) != wanted.get(key):
                return _first_difference(made.get(key), wanted.get(key), f"{path}.{key}")
    if isinstance(made, list) and isinstance(wanted, list) and len(made) == len(wanted):
        for number, (one, other) in enumerate(zip(made, wanted, strict=True)):
            if one != other:
                return _first_difference(one, other, f"{path}[{number}]")
    return f"{path} is {made!r}, expected {wanted!r}"


def translation_is_pure(case: Case) -> None:
    """Equal bytes give equal events, and what is stored of them is read back equal."""
    for name, (topic, body) in case.payloads().items():
        first, second = _translate(case, topic, body), _translate(case, topic, bytes(bytearray(body)))
        expect(first == second, f"{name}: two translations differ")
        for event in first:
            back = msgspec.json.decode(events.encode(event), type=type(event))
            expect(back == event, f"{name}: {type(event).__name__} isn't read back as it was written")


def money_is_whole_numbers(case: Case) -> None:
    """No float anywhere in an event; a fraction only as an exact Decimal (a tax rate)."""
    for name, (topic, body) in case.payloads().items():
        for event in _translate(case, topic, body):
            for path, value in _leaves(msgspec.to_builtins(event, builtin_types=(Decimal,)), type(event).__name__):
                expect(not isinstance(value, float), f"{name}: {path} is a float")


def unknown_topics_are_visible(case: Case) -> None:
    for body in (b"{}", b"", b"\xff", b"[1]"):
        made = _translate(case, UNKNOWN_TOPIC, body)
        expect(made == [Unrecognised(UNKNOWN_TOPIC)], f"an unknown topic became {made}")


def ignored_topics_read_nothing(case: Case) -> None:
    for topic in case.platform.webhooks.ignored:
        made = _translate(case, topic, b"\xff not JSON")
        expect(made == [Ignored(topic)], f"{topic} became {made}")


def broken_bodies_are_parked_with_a_path(case: Case) -> None:
    """Cut, empty, of another shape, nested without end: PayloadUnreadable with a path, never another error."""
    for topic in case.platform.webhooks.topics:
        for body in (b"", b"{", b"[]", b"null", b'"x"', b"1", b"{}", b"[" * 100_000, b'{"id": 1e400}'):
            _parked(case, topic, body, f"{topic} with {body[:20]!r}")
    for name, (topic, body) in case.payloads().items():
        if topic in case.platform.webhooks.topics:
            _parked(case, topic, body[: len(body) // 2], f"{name} cut in the middle")


def any_field_may_be_wrong(case: Case) -> None:
    """Each value of each payload in turn becomes something else: read, or parked with a path; never an accident."""
    shapes: dict[tuple[str, ...], tuple[str, str, Any]] = {}
    for name, (topic, body) in sorted(case.payloads().items(), key=lambda item: len(item[1][1])):
        whole = json.loads(body)
        shapes[tuple(sorted(whole))] = name, topic, whole  # of equal shapes the largest
    others: tuple[Any, ...] = (None, {"x": 1}, "\u0000", -1, 1.5, [], 2**70)
    for name, topic, whole in shapes.values():
        for path in list(_places(whole)):
            for other in others:
                bent = _with(whole, path, other)
                try:
                    _translate(case, topic, json.dumps(bent).encode())
                except PayloadUnreadable as error:
                    expect(error.path.startswith("$"), f"{name}: parked without a path: {error}")
                except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
                    expect(
                        False, f"{name}: {'.'.join(map(str, path))} = {other!r} ends in {type(error).__name__}: {error}"
                    )


def the_subject_is_what_the_event_is_about(case: Case) -> None:
    """Read at receipt, before the answer: right where it says something, and never an error."""
    hooks = case.platform.webhooks
    for name, (topic, body) in case.payloads().items():
        order_ref, product_ref = _subject(case, topic, body)
        for event in _translate(case, topic, body):
            if isinstance(event, OrderSeen | OrderStub):
                about = event.snapshot.order_ref if isinstance(event, OrderSeen) else event.order_ref
                expect(order_ref == about, f"{name}: about order {about}, indexed as {order_ref}")
            if isinstance(event, ProductStub | ProductGone):
                expect(product_ref == event.product_ref, f"{name}: indexed as product {product_ref}")
    for topic in (*hooks.topics, *hooks.ignored, UNKNOWN_TOPIC):
        for body in (b"", b"\xff", b"[]", b"{", b'{"id": {}}', b"[" * 100_000, b'{"id": "x", "order_id": []}'):
            found = _subject(case, topic, body)
            expect(found == (None, None), f"{topic}: {body[:20]!r} is about {found}")


def _subject(case: Case, topic: str, body: bytes) -> tuple[str | None, str | None]:
    try:
        return case.platform.webhooks.subject(case.envelope(topic), body)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        raise Nonconformity(f"{topic}: the subject of {body[:20]!r} ends in {type(error).__name__}") from error


def snapshots_hold_no_person(case: Case) -> None:
    """What the payloads say of people is in the buyer, on its way to a hash, or nowhere.

    A privacy request names the person it is about: that is what it is for, and it lives no longer than its body.
    """
    expect(bool(case.personal), "the case names no personal words to look for")
    found_in_payloads = set()
    for name, (topic, body) in case.payloads().items():
        text = body.decode()
        found_in_payloads |= {word for word in case.personal if word in text}
        for event in _translate(case, topic, body):
            if isinstance(event, PrivacyAsked):
                continue
            kept: msgspec.Struct = event.snapshot if isinstance(event, OrderSeen) else event
            for word in case.personal:
                expect(word not in events.encode(kept).decode(), f"{name}: {word!r} is kept in {type(event).__name__}")
    for read in case.reads:  # where bodies are thin, people are in what is read
        found = case.platform.orders.one(_client(case, read.http()), read.order_ref)
        if found is not None:
            found_in_payloads |= {word for word in case.personal if word in events.encode(found.buyer).decode()}
            for word in case.personal:
                expect(word not in events.encode(found.snapshot).decode(), f"{read.payload}: {word!r} is kept, as read")
    missing = set(case.personal) - found_in_payloads
    expect(not missing, f"no payload holds {sorted(missing)}: the check above proves nothing for them")


def _translate(case: Case, topic: str, body: bytes) -> list[events.Event]:
    return case.platform.webhooks.translate(case.envelope(topic), bytes(body), case.currency)


def _parked(case: Case, topic: str, body: bytes, what: str) -> None:
    try:
        made = _translate(case, topic, body)
    except PayloadUnreadable as error:
        expect(error.path.startswith("$"), f"{what}: parked without a path")
        return
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        expect(False, f"{what}: {type(error).__name__}: {error}")
        return
    expect(False, f"{what}: became {made}")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}[{number}]")
    else:
        yield path, value


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to every value, containers too; of long lists only the first two entries."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*path, key))


def _with(whole: Any, path: tuple[Any, ...], other: Any) -> Any:
    """A copy of `whole` in which one place holds something else; only the way to it is copied."""
    made = copy.copy(whole)
    place = made
    for step in path[:-1]:
        place[step] = copy.copy(place[step])
        place = place[step]
    place[path[-1]] = other
    return made


# --- reading and buying -----------------------------------------------------------------------------------------------


def a_body_and_a_read_of_one_version_are_equal(case: Case) -> None:
    if not case.platform.can("fat_orders"):
        return
    expect(bool(case.reads), "the platform has fat orders, and no read is recorded beside a body")
    payloads = case.payloads()
    for read in case.reads:
        topic, body = payloads[read.payload]
        told = _snapshot(case, topic, body, read.payload)
        found = case.platform.orders.one(_client(case, read.http()), read.order_ref)
        if found is None:
            expect(False, f"{read.payload}: the order can't be read")
            return
        difference = _first_difference(msgspec.to_builtins(found.snapshot), msgspec.to_builtins(told))
        expect(found.snapshot == told, f"{read.payload}: the read says {difference}")
        expect(events.content_hash(found.snapshot) == events.content_hash(told), f"{read.payload}: hashes differ")


def an_order_reads_alike_alone_and_among_others(case: Case) -> None:
    """`some` is `one` for several: what clears is read that way."""
    for read in case.reads:
        alone = case.platform.orders.one(_client(case, read.http()), read.order_ref)
        together = case.platform.orders.some(_client(case, read.http()), [read.order_ref, read.order_ref])
        expect(set(together) == {read.order_ref}, f"{read.payload}: asked for one order, {sorted(together)} came")
        among = together[read.order_ref]
        if alone is None or among is None:
            expect(alone is among, f"{read.payload}: there alone or among others, and not there the other way")
            continue
        difference = _first_difference(msgspec.to_builtins(among.snapshot), msgspec.to_builtins(alone.snapshot))
        expect(among.snapshot == alone.snapshot, f"{read.payload}: among others it says {difference}")
        expect(among.buyer == alone.buyer, f"{read.payload}: another buyer among others")


def hosts_in_disguise_are_refused(case: Case) -> None:
    """Before anything is sent: this string becomes the place that tokens go to."""
    settings = case.settings(case.secret, "")
    for typed, canonical in {case.domain: case.domain, **case.hosts}.items():
        expect(case.platform.authorize.domain(typed, settings) == canonical, f"{typed!r} isn't {canonical}")
    honest = {case.domain, *(_addresses(case.domain) if case.any_host else ())}  # a key may have nothing to bend
    disguises = [typed for typed in _disguises(case.domain) if typed not in honest]
    for typed in (*case.not_hosts, *disguises):
        try:
            made = case.platform.authorize.domain(typed, settings)
        except HostRefused:
            continue
        expect(False, f"{typed!r} is taken for {made}")


def _addresses(domain: str) -> set[str]:
    """What is a disguise where platforms have hosts, and an honest address where every store has its own."""
    return {f"{domain}:443", f"{domain}:8080", f"evil.example/{domain}", f"{domain}.evil.example"}


def _disguises(domain: str) -> list[str]:
    label, _, rest = domain.partition(".")
    return [
        "", " ", ".", f"{domain}\n", f"\n{domain}", f"{domain} ", f" {domain}", f"{domain}\x00", f"{domain}\t",
        f"{domain}:443", f"{domain}:8080", f"user@{domain}", f"user:secret@{domain}", f"{domain}@evil.example",
        f"evil.example/{domain}", f"evil.example?{domain}", f"evil.example#{domain}", f"evil.example\\{domain}",
        f"{domain}.evil.example", f"{domain}/../x", f"{domain}?x=1", f"{domain}#x", f"{domain}.",
        f"{label}\u3002{rest}", f"{label}\uff0e{rest}", f"{label}\u2024{rest}", domain.replace(".", "\uff61"),
        f"-{domain}", f".{domain}", f"a..{rest}", f"a_b.{rest}", f"\u0430bc.{rest}", f"x%2e{rest}",
        f"{label}%00.{rest}",
        f"\u212a{domain}", f"{label}\u017f.{rest}", domain.replace("s", "\u017f", 1), domain.replace("i", "\u0130", 1),
        "127.0.0.1", "[::1]", "0x7f000001", "2130706433", "0177.0.0.1", "localhost", "169.254.169.254",
        "[::ffff:7f00:1]",
        f"javascript:alert(1)//{domain}", f"//{domain}", f"http://{domain}:80@evil.example", "a" * 300 + f".{rest}",
    ]  # fmt: skip


def the_token_comes_back_from_the_cart(case: Case) -> None:
    """A followed link becomes an order whose snapshot gives the token back, from more than one carrier."""
    if not case.platform.can("cart_links"):
        return
    if case.bought is None:
        expect(False, "the platform has cart links, and the case can't follow one")
        return
    settings = case.settings(case.secret, "")
    lines = [CartLine("45000000000001", 2), CartLine("45000000000002")]
    link = case.platform.checkout.cart_link(case.domain, lines, TOUCH, settings)
    expect(case.domain in link, f"the link leads to {link}")
    envelope, body = case.bought(link)
    snapshot = _snapshot(case, envelope.topic, body, "the order that was bought")
    found = [carrier for token, carrier in case.platform.checkout.tokens(snapshot) if token == TOUCH]
    expect(len(set(found)) >= 2, f"the token came back from {found}")
    listed = {each.name for each in case.platform.checkout.carriers}
    expect(set(found) <= listed, f"the token came back from {found}, and the platform lists {sorted(listed)}")
    for token in ("", "x" * 41, "a b", "a&b", "a\n", "\u00e9", 'a"b'):
        try:
            case.platform.checkout.cart_link(case.domain, lines, token, settings)
        except InputRefused:
            continue
        expect(False, f"a link is made with the token {token!r}")


def _snapshot(case: Case, topic: str, body: bytes, name: str) -> OrderSnapshot:
    for event in _translate(case, topic, body):
        if isinstance(event, OrderSeen):
            return event.snapshot
    expect(False, f"{name}: {topic} gives no OrderSeen")
    raise AssertionError


def _client(case: Case, http: Any) -> Client:
    grant = Grant(access_token="access-secret-word", refresh_token="refresh-secret-word")  # noqa: S106 - made up
    return Client(case.domain, case.currency, grant, http, NoBudget(), case.settings(case.secret, ""))


# --- the platform's frame ---------------------------------------------------------------------------------------------

_NOW = datetime(2026, 11, 20, 15, 0, 30, tzinfo=UTC)


def session_tokens_prove_one_visitor(case: Case) -> None:
    """Taken for exactly the shop that it was made for, by every live secret, for minutes; nothing else is one."""
    expect(
        case.platform.can("embedded") == (case.platform.embedded is not None), "`embedded` and the capability differ"
    )
    if case.platform.embedded is None:
        return
    if case.session_token is None:
        expect(False, "the platform shows us in a frame, and the case can't make a session token")
        return
    right = case.session_token(case.domain, _NOW, case.secret)
    visit = _visited(case, right)
    if visit is None:
        expect(False, "the right session token is refused")
        return
    expect(visit.domain == case.domain, f"a token for {case.domain} opens {visit.domain}")
    expect(bool(visit.person_ref), "a visit without a person")
    expect(visit.issued_at.tzinfo is not None and abs(visit.issued_at - _NOW) < timedelta(minutes=2), "issued elsewhen")
    expect(right not in repr(visit), "the token is in the visit's text")
    for what, bent in _bent_tokens(case, right, case.session_token):
        expect(_visited(case, bent) is None, f"a session token is taken with {what}")
    for hours in (-1, 1):
        expect(
            _visited(case, right, at=_NOW + timedelta(hours=hours)) is None, f"a token holds {hours} h from its time"
        )
    other = case.session_token(case.domain, _NOW, "rotated")
    for current, previous, token, taken in (
        ("rotated", case.secret, right, True), ("rotated", case.secret, other, True), ("rotated", "", right, False),
        ("", "", right, False),
    ):  # fmt: skip
        found = _visited(case, token, settings=case.settings(current, previous)) is not None
        expect(
            found == taken,
            f"with secrets {bool(current)}/{bool(previous)} a token is {'taken' if found else 'refused'}",
        )


def _visited(case: Case, token: str, *, at: datetime = _NOW, settings: Any = None) -> Visit | None:
    assert case.platform.embedded is not None  # noqa: S101 - for the type checker: the caller looked
    try:
        return case.platform.embedded.visited(token, settings or case.settings(case.secret, ""), at)
    except SignatureRejected as refused:
        expect(not token or token not in str(refused), "a refusal quotes the token")
        return None


def _bent_tokens(case: Case, right: str, made: Callable[[str, datetime, str], str]) -> Iterator[tuple[str, str]]:
    yield "nothing in it", ""
    yield "a word instead", "none"
    yield "a character more", right + "A"
    yield "three characters less", right[:-3]
    yield "a letter that isn't ASCII", right + "\u00e9"
    for place in (len(right) // 4, len(right) // 2):
        yield f"character {place} changed", right[:place] + ("A" if right[place] != "A" else "B") + right[place + 1 :]
    yield "64 KB in it", "a" * 65_536
    yield "no signature", right.rpartition(".")[0] + "."
    yield "another app's secret", made(case.domain, _NOW, f"{case.secret}x")
    for disguise in _disguises(case.domain):
        yield f"the host {disguise!r}", made(disguise, _NOW, case.secret)


def the_frame_is_the_shops_own(case: Case) -> None:
    """Exact origins that may frame a page, none of them another shop's; a refused exchange is a lost grant."""
    inside = case.platform.embedded
    if inside is None or case.session_token is None:
        return
    settings = case.settings(case.secret, "")
    unknown, own = inside.frame(None, settings), inside.frame(case.domain, settings)
    other = inside.frame(f"x{case.domain}", settings)
    for frame in (unknown, own, other):
        for origin in frame.ancestors:
            parts = urlsplit(origin)
            exact = origin == f"https://{parts.netloc}" and re.fullmatch(r"[a-z0-9.-]+", parts.netloc) is not None
            expect(exact, f"{origin!r} may frame a page and is no exact origin")
        expect(frame.script.startswith(frame.script_source), f"the policy for {frame.script} is {frame.script_source}")
        expect(frame.script.startswith("https://"), f"the platform's script comes from {frame.script}")
        expect(case.secret not in repr(frame), "the secret is in what a page is given")
    expect(bool(own.ancestors), "nobody may frame the shop's own pages")
    expect(
        not any(case.domain in urlsplit(each).netloc for each in unknown.ancestors),
        "an unknown visitor's page has a shop",
    )
    expect(f"https://{case.domain}" not in other.ancestors, "one shop may frame another's page")
    expect(inside.admin_url(case.domain, settings).startswith("https://"), "the address in the admin isn't https")
    visit = inside.visited(case.session_token(case.domain, _NOW, case.secret), settings, _NOW)
    for status, wanted in ((400, GrantLost), (401, GrantLost), (500, PlatformDown), (503, PlatformDown)):
        try:
            inside.exchange(visit, settings, _Failing(status), _NOW)
        except ConnectorError as error:
            expect(isinstance(error, wanted), f"an exchange answered {status} ends in {type(error).__name__}")
            for secret in (case.secret, visit.token, _Failing.ECHO):
                expect(
                    secret not in f"{error} {error!r} {error.public} {error.__cause__!r}", "a secret is in the error"
                )
        else:
            expect(False, f"an exchange answered {status} is a grant")


# --- secrets ----------------------------------------------------------------------------------------------------------


def secrets_are_in_no_text(case: Case) -> None:
    """Not in the settings' text, a client's, a grant's, nor in an error of a call that fails in any way."""
    settings = case.settings(case.secret, f"{case.secret}-before")
    client = _client(case, _Failing(500))
    texts = [repr(settings), str(settings), repr(client), repr(client.grant)]
    for status in (200, 301, 400, 401, 402, 403, 404, 410, 418, 423, 429, 430, 500, 503):
        failing = _client(case, _Failing(status))
        for call in (
            lambda c=failing: case.platform.orders.one(c, "1"),
            lambda c=failing: case.platform.catalog.products(c, ["1"]),
            lambda c=failing: case.platform.authorize.profile(c),
        ):
            try:
                call()
            except ConnectorError as error:
                texts += [str(error), repr(error), error.public, repr(error.__cause__), repr(error.__dict__)]
            else:
                expect(status in (200, 404), f"status {status} is no error")  # 404: there is none
    for text in texts:
        for secret in (case.secret, "access-secret-word", "refresh-secret-word", _Failing.ECHO):
            expect(secret not in text, f"a secret is in {text[:200]!r}")


class _Failing:
    """Answers everything with one status and a body that repeats what was sent, as careless servers do."""

    ECHO = "echo-of-a-secret"

    def __init__(self, status: int) -> None:
        self.status = status
        self.headers = {"content-type": "text/html", "retry-after": "0", "location": f"https://x.example/?{self.ECHO}"}
        self.content = f"<p>{self.ECHO}</p>".encode()

    def send(self, method: str, url: str, **given: Any) -> Any:
        return self

    def lines(self) -> Iterator[bytes]:
        yield self.content

    def close(self) -> None: ...


def every_setting_is_described(case: Case) -> None:
    for name, info in case.platform.settings.model_fields.items():
        expect(bool(info.description), f"the setting {name} has no description")


# --- what is promised -------------------------------------------------------------------------------------------------

_PARTS = {
    "embedded": "embedded",
    "joins_by_handover": "handover",
    "joins_by_credentials": "pasted",
}
_WAYS_IN = frozenset({"joins_by_code", "joins_from_platform", "embedded", "joins_by_handover", "joins_by_credentials"})


def capabilities_have_their_parts(case: Case) -> None:
    """What a platform says that it can, it has a part for; and a merchant can get in, told what to have at hand."""
    platform = case.platform
    for capability, name in _PARTS.items():
        part = getattr(platform, name)
        expect((part is not None) == (capability in platform.capabilities), f"{capability} and the part {name} differ")
    expect(bool(_WAYS_IN & platform.capabilities), "there is no way for a merchant to join")
    expect(len(platform.needs) > 20, "`needs` doesn't say what a merchant should have at hand")
    if platform.pasted is not None:
        names = [each.name for each in platform.pasted.fields]
        expect(len(set(names)) == len(names), f"two pasted fields have one name: {names}")
        for each in platform.pasted.fields:
            expect(bool(re.fullmatch(r"[a-z_]{1,40}", each.name)), f"{each.name!r} is no name of a field")
            expect(bool(each.title and each.help), f"the field {each.name} has no title or no help")
        expect(bool(platform.pasted.steps), "nobody says where in the store the pasted keys are made")
    ways = {way for carrier in platform.checkout.carriers for way in carrier.ways}
    expect(bool(ways), "no carrier is listed: no tap can credit anybody")
    can = {"cart_links": "permalink", "storefront_carts": "storefront_cart", "landing_links": "landing"}
    led = {way for capability, way in can.items() if capability in platform.capabilities}
    expect(bool(ways & led), f"tokens ride on {sorted(ways)}, and taps go by {sorted(led)}")


def what_is_ready_is_stated(case: Case) -> None:
    """Each promise with what it rests on, each exemption with its reason."""
    stated = case.platform.readiness
    expect(bool(stated), "the readiness list is empty")
    for each in stated:
        expect(len(each.how) >= 20, f"{each.what}: {each.state}, and nobody says how")
    names = [each.what for each in stated]
    expect(len(set(names)) == len(names), "a promise stands twice in the readiness list")
    known = {check.__name__ for check in CHECKS} | {"shop_checks"}
    for name, reason in case.platform.exemptions.items():
        expect(name in known, f"exempt from {name!r}, which is no check")
        expect(len(reason) >= 10, f"exempt from {name} without a reason")


CHECKS: tuple[Callable[[Case], None], ...] = (
    capabilities_have_their_parts,
    what_is_ready_is_stated,
    signature_vectors_hold,
    bent_signatures_are_refused,
    two_secrets_are_taken_while_they_rotate,
    an_empty_secret_closes,
    the_envelope_says_what_the_headers_say,
    bytes_that_are_not_text_are_verified_and_parked,
    every_topic_has_its_place,
    each_payload_becomes_what_the_table_says,
    payloads_become_the_expected_events,
    translation_is_pure,
    money_is_whole_numbers,
    unknown_topics_are_visible,
    ignored_topics_read_nothing,
    broken_bodies_are_parked_with_a_path,
    any_field_may_be_wrong,
    the_subject_is_what_the_event_is_about,
    snapshots_hold_no_person,
    a_body_and_a_read_of_one_version_are_equal,
    an_order_reads_alike_alone_and_among_others,
    hosts_in_disguise_are_refused,
    the_token_comes_back_from_the_cart,
    session_tokens_prove_one_visitor,
    the_frame_is_the_shops_own,
    secrets_are_in_no_text,
    every_setting_is_described,
)
