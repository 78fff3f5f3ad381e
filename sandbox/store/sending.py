"""The outbox of every shop and its senders: deliveries are repeated on failure, lost or doubled when told to.

A delivery is written in the transaction of the change that it tells of, then sent by a small pool of threads. How it
looks, which answer is good and how often it is repeated its platform's face says; hours of repeats are compressed by a
factor.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import random
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests

from sandbox.store import wire
from sandbox.store.clock import Clock
from sandbox.store.face import Face
from sandbox.store.misbehaviour import Misbehaviour
from sandbox.store.state import Doc, State

log = logging.getLogger("sandbox.deliveries")

CONNECT_TIME = 1.0


@dataclass
class Held:
    """A delivery that waits to be overtaken: by `later` more of its shop, or until the time is up."""

    shop: str
    until: float  # monotonic
    later: int
    overtaken: bool = False


class Sending:
    """The outbox and its senders.

    A row's state: waiting, held (to be overtaken), sending, delivered, failed (the last try), dropped, void (its
    subscription went). `marks` tells what was done to it on purpose: dropped, duplicated, reordered.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        misbehaviour: Misbehaviour,
        face_of: Callable[[Doc], Face],
        *,
        compression: float,
        threads: int = 4,
    ) -> None:
        self.state = state
        self.clock = clock
        self.misbehaviour = misbehaviour
        self.face_of = face_of
        self.compression = compression
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

    def add(
        self, shop: Doc, topic: str, uri: str, headers: Doc, body: bytes, *, subscription: str, triggered_at: str,
        subject: str | None = None, after: float = 0.0,
    ) -> int:  # fmt: skip
        """Write a delivery, which goes out once the transaction at hand is committed, `after` seconds later.

        `subject` is what it is about, as `order/7`. Call inside `state.writing()`.
        """
        name = shop["name"]
        switches = self.misbehaviour.switches(name)
        marks = self._marks(name, subject)
        dropped, reorder = "dropped" in marks, "reorder" in marks
        state = "dropped" if dropped else ("held" if reorder else "waiting")
        number = self.state.next_id("delivery")
        self.state.con.execute(
            "INSERT INTO deliveries VALUES (?,?,?,?,?,?,?,?,?,0,?,NULL,?,NULL)",
            (
                number, name, topic, subscription, uri, subject, wire.dumps(headers), body, state, ",".join(marks),
                triggered_at,
            ),
        )  # fmt: skip
        draw = random.Random(f"{switches['seed']}/{number}")
        delay = draw.uniform(0, float(switches["delay_seconds"])) if switches["delay_seconds"] else 0.0
        if reorder:
            until = time.monotonic() + float(switches["hold_seconds"])
            later = draw.randrange(1, 4)
            self.state.after(lambda: self._hold(number, name, until, later))
        elif not dropped:
            self.state.after(lambda: self._schedule(number, delay + after))
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
        face = self.face_of(self.state.shop(shop))
        made = face.wrapped(self.state.shop(shop), topic, subscription, wire.loads(headers_text), body)
        if made is None:
            with self.state.writing() as con:
                con.execute("UPDATE deliveries SET state = 'void' WHERE id = ?", (number,))
            return
        headers, content = made
        again = attempts or what == "copy"
        if again and face.id_header and self.misbehaviour.switches(shop)["new_id_on_retry"]:
            headers[face.id_header] = str(uuid.uuid4())
        try:
            answer = self._session().post(
                uri, data=content, headers=headers, timeout=(CONNECT_TIME, face.answer_seconds), allow_redirects=False
            )
            status, good = str(answer.status_code), face.good(answer.status_code)
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
        face = self.face_of(self.state.shop(shop))
        last = attempts > len(face.gaps)
        state = "delivered" if good else ("failed" if last else "waiting")
        with self.state.writing() as con:
            con.execute(
                "UPDATE deliveries SET state = ?, attempts = ?, last_status = ?, sent_at = ? WHERE id = ?",
                (state, attempts, status, time.time(), number),
            )
        face.heard(subscription, good=good, last=last)
        if good:
            with self._wake:
                self._overtake(number, shop)
            if "duplicate" in marks.split(","):
                self._schedule(number, 0.05, "copy")
        elif last:
            log.warning("%s for %s failed %s times, by subscription %s", topic, shop, attempts, subscription)
        else:
            self._schedule(number, face.gaps[attempts - 1] / self.compression)

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
        faces: dict[str, Face] = {}
        for number, name, topic, subscription, uri, subject, headers, body, state, tries, marks, status, when in found:
            known = wire.loads(headers)
            face = faces.setdefault(name, self.face_of(self.state.shop(name)))
            row: dict[str, Any] = {
                "id": number,
                "shop": name,
                "topic": topic,
                "subscription": subscription,
                "uri": uri,
                "subject": subject,
                "webhook_id": known.get(face.id_header),
                "event_id": known.get(face.event_header),
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
