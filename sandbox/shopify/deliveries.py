"""Webhook subscriptions and their deliveries: signed, repeated on failure, lost or doubled when told to.

A delivery is written in the transaction of the change that it tells of, then sent by a small pool of threads.
Shopify's rule: 5 seconds for an answer, any 2xx counts, 8 tries over 4 hours, then the subscription is deleted. The
four hours are compressed by a factor.
Source: shopify.dev/changelog/updates-to-webhook-retry-mechanism and /docs/apps/build/webhooks, read 2026-11.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import hmac
import itertools
import logging
import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import requests

from sandbox.shopify import wire
from sandbox.shopify.clock import Clock
from sandbox.shopify.fields import API_VERSION, Call
from sandbox.shopify.misbehaviour import Misbehaviour
from sandbox.shopify.state import Doc, State

log = logging.getLogger("sandbox.deliveries")

TRIES = 8
RETRY_SPAN = 4 * 3600.0  # seconds from the first try to the eighth
FIRST_GAP = RETRY_SPAN / (2 ** (TRIES - 1) - 1)  # gaps double: 1 + 2 + … + 64 = 127 parts
ANSWER_TIME = 5.0

# resources whose events may have more than one word: app/scopes_update, orders/partially_fulfilled
WHOLE_RESOURCES = ("APP", "ORDERS", "CUSTOMERS", "RETURNS", "PRODUCTS")

# a topic's beginning -> the scope that a subscription to it needs
TOPIC_SCOPES = {
    "ORDERS_": "read_orders",
    "REFUNDS_": "read_orders",
    "ORDER_TRANSACTIONS_": "read_orders",
    "FULFILLMENTS_": "read_fulfillments",
    "PRODUCTS_": "read_products",
    "INVENTORY_": "read_inventory",
    "DISPUTES_": "read_shopify_payments_disputes",
}
CONNECT_TIME = 1.0


def topic_name(enum: str) -> str:
    """ORDERS_CREATE -> orders/create, ORDER_TRANSACTIONS_CREATE -> order_transactions/create."""
    for resource in WHOLE_RESOURCES:
        if enum.startswith(f"{resource}_"):
            return f"{resource}/{enum[len(resource) + 1 :]}".lower()
    left, _, right = enum.rpartition("_")
    return f"{left.lower()}/{right.lower()}"


def signature(secret: str, body: bytes) -> str:
    """X-Shopify-Hmac-Sha256: base64 of HMAC-SHA256 over the raw body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


class Subscriptions:
    """webhookSubscriptionCreate, Update, Delete and the list, per shop."""

    def __init__(self, state: State, clock: Clock) -> None:
        self.state = state
        self.clock = clock

    def of_shop(self, shop: str) -> list[Doc]:
        return self.state.documents("subscription", shop)

    def find(self, shop: str, number: int | None) -> Doc | None:
        found = None if number is None else self.state.document("subscription", str(number))
        return found if found is not None and found["shop"] == shop else None

    def create(self, call: Call, topic: str, wanted: Doc) -> tuple[Doc | None, list[Doc]]:
        errors = self._errors(call, topic, wanted)
        uri = wanted.get("uri") or wanted.get("callbackUrl") or ""
        if any(s["topic"] == topic and s["uri"] == uri for s in self.of_shop(call.shop["name"])):
            errors.append(
                {
                    "field": ["webhookSubscription", "callbackUrl"],
                    "message": "Address for this topic has already been taken",
                }
            )
        if errors:
            return None, errors
        now = self.clock.stamp()
        with self.state.writing():
            number = self.state.next_id("subscription")
            made = {
                "id": number,
                "shop": call.shop["name"],
                "topic": topic,
                "uri": uri,
                "name": wanted.get("name"),
                "format": wanted.get("format") or "JSON",
                "filter": None,
                "include_fields": wanted.get("includeFields") or [],
                "metafield_namespaces": wanted.get("metafieldNamespaces") or [],
                "created_at": now,
                "updated_at": now,
            }
            self.state.put_document("subscription", str(number), call.shop["name"], made)
        return made, []

    def _errors(self, call: Call, topic: str, wanted: Doc) -> list[Doc]:
        where = ["webhookSubscription"]
        errors: list[Doc] = []
        uri = urlsplit(wanted.get("uri") or wanted.get("callbackUrl") or "")
        if uri.scheme not in ("http", "https") or not uri.hostname:
            errors.append({"field": [*where, "uri"], "message": "Address is invalid"})
        elif uri.scheme == "http" and uri.hostname not in ("127.0.0.1", "localhost", "::1"):
            errors.append({"field": [*where, "uri"], "message": "Address protocol http:// is not supported"})
        if wanted.get("filter"):
            errors.append({"field": [*where, "filter"], "message": "Filters are not supported by the sandbox"})
        needed = next((scope for start, scope in TOPIC_SCOPES.items() if topic.startswith(start)), None)
        if needed is not None and not call.has(needed):
            errors.append(
                {"field": ["topic"], "message": "You cannot create a webhook subscription with the specified topic"}
            )
        if len(wanted.get("name") or "") > 50:
            errors.append({"field": [*where, "name"], "message": "Name is too long (maximum is 50 characters)"})
        return errors

    def update(self, call: Call, number: int | None, wanted: Doc) -> tuple[Doc | None, list[Doc]]:
        found = self.find(call.shop["name"], number)
        if found is None:
            return None, [{"field": ["id"], "message": "Webhook subscription does not exist"}]
        uri = wanted.get("uri") or wanted.get("callbackUrl") or found["uri"]
        errors = self._errors(call, found["topic"], {**wanted, "uri": uri})
        if errors:
            return None, errors
        found["uri"] = uri
        if "includeFields" in wanted:
            found["include_fields"] = wanted["includeFields"] or []
        if "name" in wanted:
            found["name"] = wanted["name"]
        found["updated_at"] = self.clock.stamp()
        self.state.put_document("subscription", str(found["id"]), found["shop"], found)
        return found, []

    def delete(self, shop: str, number: int) -> bool:
        return self.find(shop, number) is not None and self.state.drop_document("subscription", str(number))

    def delete_all(self, shop: str) -> None:
        for found in self.of_shop(shop):
            self.state.drop_document("subscription", str(found["id"]))


def trimmed(body: Doc, include: list[str]) -> Doc:
    """A body cut to include_fields; 'variants.id' keeps that key of each row."""
    if not include:
        return body
    wanted: dict[str, list[str]] = {}
    for path in include:
        head, _, tail = path.partition(".")
        wanted.setdefault(head, [])
        if tail:
            wanted[head].append(tail)
    made: Doc = {}
    for head, rest in wanted.items():
        if head not in body:
            continue
        value = body[head]
        if rest and isinstance(value, list):
            made[head] = [trimmed(row, rest) for row in value]
        elif rest and isinstance(value, dict):
            made[head] = trimmed(value, rest)
        else:
            made[head] = value
    return made


@dataclass
class Held:
    """A delivery that waits to be overtaken: by `later` more of its shop, or until the time is up."""

    shop: str
    until: float  # monotonic
    later: int
    overtaken: bool = False


class Deliveries:
    """The outbox and its senders.

    A row's state: waiting, held (to be overtaken), sending, delivered, failed (8 tries), dropped, void (its
    subscription went). `marks` tells what was done to it on purpose: dropped, duplicated, reordered.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        misbehaviour: Misbehaviour,
        secret: str,
        *,
        compression: float,
        threads: int = 4,
        compliance_uri: str | None = None,
    ) -> None:
        self.state = state
        self.clock = clock
        self.misbehaviour = misbehaviour
        self.secret = secret
        self.compression = compression
        self.compliance_uri = compliance_uri
        self._heap: list[tuple[float, int, int, str]] = []  # due (monotonic), tie, delivery id, 'try' | 'copy'
        self._order = itertools.count()
        self._wake = threading.Condition()
        self._held: dict[int, Held] = {}  # by delivery id
        self._busy = 0
        self._stopping = False
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="delivery")
        self._local = threading.local()
        self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)

    def start(self) -> None:
        """Begin sending; what an earlier run left unsent goes out first."""
        with self.state.lock:
            left = self.state.con.execute(
                "SELECT id FROM deliveries WHERE state IN ('waiting', 'held', 'sending') ORDER BY id"
            ).fetchall()
            self.state.con.execute("UPDATE deliveries SET state = 'waiting' WHERE state IN ('held', 'sending')")
        for (number,) in left:
            self._schedule(number, 0.0)
        self._thread.start()

    def stop(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        self._thread.join(timeout=10)
        self._pool.shutdown(wait=True, cancel_futures=True)

    # --- taking in ---

    def emit(self, shop: Doc, events: list[tuple[str, Doc]], subject: str | None = None) -> None:
        """Write one delivery per topic and subscription; all share one event id. Call inside `state.writing()`."""
        event_id = str(uuid.uuid4())
        for topic, body in events:
            for subscription in self.state.documents("subscription", shop["name"]):
                if topic_name(subscription["topic"]) == topic:
                    self._add(
                        shop, topic, trimmed(body, subscription["include_fields"]), subscription, subject, event_id
                    )

    def emit_compliance(self, shop: Doc, topic: str, body: Doc, *, after: float = 0.0) -> int | None:
        """A compliance topic goes to the address in the app's configuration, subscribed or not; `after` seconds."""
        if self.compliance_uri is None:
            return None
        with self.state.writing():
            pseudo = {"id": "app-configuration", "uri": self.compliance_uri, "name": None}
            return self._add(shop, topic, body, pseudo, None, str(uuid.uuid4()), after=after)

    def _add(
        self, shop: Doc, topic: str, body: Doc, subscription: Doc, subject: str | None, event_id: str,
        *, after: float = 0.0,
    ) -> int:  # fmt: skip
        name = shop["name"]
        now = self.clock.now() + timedelta(seconds=after)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": topic,
            "X-Shopify-Shop-Domain": name,
            "X-Shopify-API-Version": API_VERSION,
            "X-Shopify-Webhook-Id": str(uuid.uuid4()),
            "X-Shopify-Event-Id": event_id,
            "X-Shopify-Triggered-At": now.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z",
        }
        if subscription["name"]:
            headers["X-Shopify-Name"] = subscription["name"]
        switches = self.misbehaviour.switches(name)
        marks = self._marks(name, subject)
        dropped, reorder = "dropped" in marks, "reorder" in marks
        state = "dropped" if dropped else ("held" if reorder else "waiting")
        number = self.state.next_id("delivery")
        self.state.con.execute(
            "INSERT INTO deliveries VALUES (?,?,?,?,?,?,?,?,?,0,?,NULL,?,NULL)",
            (
                number,
                name,
                topic,
                str(subscription["id"]),
                subscription["uri"],
                subject,
                wire.dumps(headers),
                wire.dumps(body),
                state,
                ",".join(marks),
                headers["X-Shopify-Triggered-At"],
            ),
        )
        draw = random.Random(f"{switches['seed']}/{number}")
        delay = draw.uniform(0, float(switches["delay_seconds"])) if switches["delay_seconds"] else 0.0
        if reorder:
            until = time.monotonic() + float(switches["hold_seconds"])
            later = draw.randrange(1, 4)
            self.state.after(lambda: self._hold(number, name, until, later))
        elif not dropped:
            wait = delay + after / self.compression
            self.state.after(lambda: self._schedule(number, wait))
        return number

    def _marks(self, name: str, subject: str | None) -> list[str]:
        """What is done wrong to the next delivery: dropped, duplicate, reorder."""
        is_order = subject is not None and subject.startswith("order/")
        marks: list[str] = []
        dropped = self.misbehaviour.picks("drop", name)
        if is_order and subject is not None and self.misbehaviour.whole_order_dropped(name, subject):
            if not dropped:
                self.misbehaviour.share("drop", name).taken += 1
            dropped = True
        # every draw is made for every delivery, so that one switch does not shift another's choices
        duplicate = self.misbehaviour.picks("duplicate", name)
        reorder = self.misbehaviour.picks("reorder", name)
        if dropped:
            marks.append("dropped")
            if duplicate:
                self.misbehaviour.share("duplicate", name).undo()
            if reorder:
                self.misbehaviour.share("reorder", name).undo()
            duplicate = reorder = False
        if duplicate:
            marks.append("duplicate")
        if reorder:
            marks.append("reorder")
        return marks

    def _hold(self, number: int, shop: str, until: float, later: int) -> None:
        with self._wake:
            self._held[number] = Held(shop, until, later)
            self._wake.notify_all()

    def _schedule(self, number: int, delay: float, what: str = "try") -> None:
        with self._wake:
            heapq.heappush(self._heap, (time.monotonic() + delay, next(self._order), number, what))
            self._wake.notify_all()

    # --- sending ---

    def _run(self) -> None:
        while True:
            with self._wake:
                if self._stopping:
                    return
                now = time.monotonic()
                for number, held in list(self._held.items()):
                    if held.until <= now:
                        self._release(number)
                if not self._heap or self._heap[0][0] > now:
                    due = [self._heap[0][0]] if self._heap else []
                    due += [held.until for held in self._held.values()]
                    self._wake.wait(timeout=max(0.0, min(due) - now) if due else None)
                    continue
                _, _, number, what = heapq.heappop(self._heap)
                self._busy += 1
            self._pool.submit(self._send, number, what)

    def _release(self, number: int) -> None:
        """Let a held delivery go. One that nothing overtook is no reordered one, and the share makes up for it."""
        held = self._held.pop(number)
        if not held.overtaken:
            self.misbehaviour.share("reorder", held.shop).undo()
        with self.state.writing() as con:
            row = con.execute("SELECT marks FROM deliveries WHERE id = ?", (number,)).fetchone()
            marks = [mark for mark in row[0].split(",") if mark and mark != "reorder"]
            if held.overtaken:
                marks.append("reordered")
            con.execute("UPDATE deliveries SET state = 'waiting', marks = ? WHERE id = ?", (",".join(marks), number))
        heapq.heappush(self._heap, (time.monotonic(), next(self._order), number, "try"))
        self._wake.notify_all()

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            session = requests.Session()
            session.trust_env = False
            self._local.session = session
        found: requests.Session = self._local.session
        return found

    def _send(self, number: int, what: str) -> None:
        try:
            self._attempt(number, what)
        except Exception:
            log.exception("delivery %s could not be worked on", number)
        finally:
            with self._wake:
                self._busy -= 1
                self._wake.notify_all()

    def _attempt(self, number: int, what: str) -> None:
        with self.state.lock:
            row = self.state.con.execute(
                "SELECT shop, topic, subscription, uri, headers, body, state, attempts, marks FROM deliveries"
                " WHERE id = ?",
                (number,),
            ).fetchone()
        if row is None:
            return
        shop, topic, subscription, uri, headers_text, body, state, attempts, marks = row
        if what == "try" and state not in ("waiting", "sending"):
            return
        headers = wire.loads(headers_text)
        headers["X-Shopify-Hmac-Sha256"] = signature(self.secret, body)
        if (attempts or what == "copy") and self.misbehaviour.switches(shop)["new_id_on_retry"]:
            headers["X-Shopify-Webhook-Id"] = str(uuid.uuid4())
        try:
            answer = self._session().post(
                uri, data=body, headers=headers, timeout=(CONNECT_TIME, ANSWER_TIME), allow_redirects=False
            )
            status, good = str(answer.status_code), 200 <= answer.status_code < 300
        except requests.RequestException as error:
            status, good = type(error).__name__, False
        if what == "copy":
            with self.state.writing() as con:
                kept = [mark for mark in marks.split(",") if mark and mark != "duplicate"]
                con.execute(
                    "UPDATE deliveries SET marks = ?, attempts = attempts + 1 WHERE id = ?",
                    (",".join([*kept, "duplicated"]), number),
                )
            return
        self._record(number, shop, topic, subscription, attempts + 1, marks, status, good)

    def _record(
        self, number: int, shop: str, topic: str, subscription: str, attempts: int, marks: str, status: str, good: bool
    ) -> None:
        state = "delivered" if good else ("failed" if attempts >= TRIES else "waiting")
        with self.state.writing() as con:
            con.execute(
                "UPDATE deliveries SET state = ?, attempts = ?, last_status = ?, sent_at = ? WHERE id = ?",
                (state, attempts, status, time.time(), number),
            )
        if good:
            with self._wake:
                self._overtake(number, shop)
            if "duplicate" in marks.split(","):
                self._schedule(number, 0.05, "copy")
        elif state == "failed":
            log.warning("%s for %s failed %s times: subscription %s deleted", topic, shop, TRIES, subscription)
            if subscription.isdigit():
                self.state.drop_document("subscription", subscription)
        else:
            self._schedule(number, FIRST_GAP * 2 ** (attempts - 1) / self.compression)

    def _overtake(self, number: int, shop: str) -> None:
        """A delivery has arrived: earlier ones of the shop that are held have been overtaken by one more."""
        for earlier, held in list(self._held.items()):
            if held.shop != shop or earlier > number:
                continue
            held.overtaken = True
            held.later -= 1
            if held.later <= 0:
                self._release(earlier)

    # --- waiting and counting ---

    def quiesce(self, timeout: float) -> bool:
        """Wait until nothing is on its way. False when time ran out first.

        What is held goes out when nothing else moves any more: let go of sooner, it would miss being overtaken.
        """
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            with self._wake:
                if not self._heap and not self._busy:
                    for number in list(self._held):
                        self._release(number)
                if self._held or self._heap or self._busy:
                    self._wake.notify_all()
                    self._wake.wait(timeout=min(0.1, max(0.0, end - time.monotonic())))
                    continue
            with self.state.lock:
                row = self.state.con.execute(
                    "SELECT count(*) FROM deliveries WHERE state IN ('waiting', 'held')"
                ).fetchone()
            if row[0] == 0:
                return True
            time.sleep(0.02)
        return False

    def counts(self, shop: str | None = None) -> dict[str, int]:
        """Deliveries by fate. `sent` counts requests made, copies and repeats too."""
        condition, parameters = ("1", []) if shop is None else ("shop = ?", [shop])
        with self.state.lock:
            rows = self.state.con.execute(
                f"SELECT state, marks, attempts FROM deliveries WHERE {condition}", parameters
            ).fetchall()
        marked = [set(marks.split(",")) for _, marks, _ in rows]
        return {
            "deliveries": len(rows),
            "sent": sum(attempts for _, _, attempts in rows),
            "delivered": sum(state == "delivered" for state, _, _ in rows),
            "waiting": sum(state in ("waiting", "held") for state, _, _ in rows),
            "failed": sum(state == "failed" for state, _, _ in rows),
            "dropped": sum("dropped" in marks for marks in marked),
            "duplicated": sum("duplicated" in marks for marks in marked),
            "reordered": sum("reordered" in marks for marks in marked),
        }

    def rows(self, shop: str | None = None, *, bodies: bool = False) -> list[dict[str, Any]]:
        """Every delivery with its fate, oldest first."""
        condition, parameters = ("1", []) if shop is None else ("shop = ?", [shop])
        with self.state.lock:
            found = self.state.con.execute(
                "SELECT id, shop, topic, subscription, uri, subject, headers, body, state, attempts, marks,"
                f" last_status, triggered_at FROM deliveries WHERE {condition} ORDER BY id",
                parameters,
            ).fetchall()
        made = []
        for number, name, topic, subscription, uri, subject, headers, body, state, tries, marks, status, when in found:
            known = wire.loads(headers)
            row: dict[str, Any] = {
                "id": number,
                "shop": name,
                "topic": topic,
                "subscription": subscription,
                "uri": uri,
                "subject": subject,
                "webhook_id": known["X-Shopify-Webhook-Id"],
                "event_id": known["X-Shopify-Event-Id"],
                "triggered_at": when,
                "state": state,
                "attempts": tries,
                "marks": [mark for mark in marks.split(",") if mark],
                "last_status": status,
            }
            if bodies:
                row["headers"] = known
                row["body"] = body.decode()
            made.append(row)
        return made
