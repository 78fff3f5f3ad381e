"""Sending what is due: signed by Standard Webhooks, one worker an endpoint, several requests at once.

A send is `waiting` until the transaction after its request: a worker that is killed in between sends again once its
lease is over, and nothing is lost. The receiver tells a repeat by `webhook-id`. No answer's body is read or kept.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session
from standardwebhooks.webhooks import Webhook

from connector import clock, db, notices, outbound, telemetry, vault
from connector.db import Scope, new_id
from connector.errors import HostRefused, PlatformDown
from connector.operations.telling import retrying
from connector.operations.telling.tables import Attempt, Endpoint, Send, Told

BATCH = 32
AT_ONCE = 8
TIMEOUT = 5.0  # seconds of each read; three times of it the whole of an answer
LEASE = timedelta(seconds=150)  # longer than a batch whose every request takes its whole time
_WHY = "events of all shops are told to the app's back end"
_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class Letter:
    """One request, ready."""

    seq: int
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one request."""

    seq: int
    at: datetime
    status: int | None
    problem: str
    milliseconds: int
    asked: timedelta | None = None  # Retry-After

    @property
    def well(self) -> bool:
        return not self.problem


def send_due(owner: str) -> int:
    """Send what is due, a batch an endpoint; how many requests left."""
    now = clock.wall()
    free = sa.or_(Endpoint.leased_until.is_(None), Endpoint.leased_until < now, Endpoint.leased_by == owner)
    rested = sa.or_(Endpoint.paused_until.is_(None), Endpoint.paused_until <= now)
    waits = sa.exists().where(Send.endpoint_id == Endpoint.id, Send.status == "waiting", Send.due_at <= now)
    with db.read(Scope.system(_WHY)) as session:
        ids = session.scalars(sa.select(Endpoint.id).where(Endpoint.status == "on", free, rested, waits)).all()
    return sum(_send_batch(endpoint_id, owner) for endpoint_id in ids)


def _send_batch(endpoint_id: str, owner: str) -> int:
    with db.write(Scope.system(_WHY)) as session:
        letters = _take(session, endpoint_id, owner, clock.wall())
    if not letters:
        return 0
    with ThreadPoolExecutor(min(AT_ONCE, len(letters))) as pool:
        answers = list(pool.map(_post, letters))
    with db.write(Scope.system(_WHY)) as session:
        settle(session, endpoint_id, answers, clock.wall())
    return len(answers)


def _take(session: Session, endpoint_id: str, owner: str, now: datetime) -> list[Letter]:
    """Lease the endpoint and write its letters; none where another worker was quicker.

    An endpoint that failed last is asked with one letter: all of them would fail again.
    """
    leased = session.execute(
        sa.update(Endpoint)
        .where(Endpoint.id == endpoint_id, Endpoint.status == "on")
        .where(sa.or_(Endpoint.leased_until.is_(None), Endpoint.leased_until < now, Endpoint.leased_by == owner))
        .values(leased_by=owner, leased_until=now + LEASE)
    )
    if not leased.rowcount:  # type: ignore[attr-defined]
        return []
    endpoint = session.get_one(Endpoint, endpoint_id)
    rows = session.scalars(
        sa.select(Told)
        .join(Send, Send.seq == Told.seq)
        .where(Send.endpoint_id == endpoint_id, Send.status == "waiting", Send.due_at <= now)
        .order_by(Send.due_at, Send.seq)
        .limit(1 if endpoint.failures else BATCH)
    ).all()
    secrets = live_secrets(endpoint, now)
    return [letter(row, endpoint.url, secrets, now) for row in rows]


def live_secrets(endpoint: Endpoint, now: datetime) -> list[str]:
    """The newest first; while a rotation lasts, the one before it too."""
    sealed = [endpoint.secret_sealed]
    if endpoint.previous_sealed and endpoint.previous_until and endpoint.previous_until > now:
        sealed.append(endpoint.previous_sealed)
    return [vault.current().open(each).decode() for each in sealed]


def body(row: Told) -> bytes:
    """The body as it leaves: byte by byte the same whenever it is sent again. It holds no secret."""
    whole: dict[str, Any] = {
        "type": row.kind, "id": row.id, "sequence": row.seq, "timestamp": row.at.isoformat(),
        "notice_id": row.notice_id, "data": row.data,
    }  # fmt: skip
    return msgspec.json.encode(whole)


def letter(row: Told, url: str, secrets: Sequence[str], now: datetime) -> Letter:
    """Signed for `now`, by each live secret."""
    content = body(row)
    signed = " ".join(Webhook(secret).sign(row.id, now, content.decode()) for secret in secrets)
    headers = {
        "content-type": "application/json", "webhook-id": row.id, "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signed,
    }  # fmt: skip
    return Letter(row.seq, url, headers, content)


def _post(one: Letter) -> Answered:
    began, at = time.monotonic(), clock.wall()
    status, problem, asked = None, "", None
    try:
        answer = outbound.current().send(
            "POST", one.url, headers=one.headers, body=one.body, timeout=TIMEOUT, stream=True
        )
        status = answer.status
        asked = retrying.asked_wait(answer.headers.get("retry-after"))
        answer.close()
        problem = "" if 200 <= status < 300 else "redirected" if 300 <= status < 400 else "answered"
    except HostRefused:
        problem = "host_refused"
    except PlatformDown:
        problem = "no_answer"
    return Answered(one.seq, at, status, problem, int((time.monotonic() - began) * 1000), asked)


def settle(session: Session, endpoint_id: str, answers: Sequence[Answered], now: datetime) -> None:
    """Write down what came of each request, and what follows for the endpoint."""
    endpoint = session.scalars(sa.select(Endpoint).where(Endpoint.id == endpoint_id).with_for_update()).one()
    for answer in answers:
        send = session.get(Send, (endpoint_id, answer.seq))
        if send is None:
            continue  # its event was erased meanwhile
        session.add(
            Attempt(
                id=new_id("tat"), endpoint_id=endpoint_id, seq=answer.seq, at=answer.at, status=answer.status,
                problem=answer.problem, milliseconds=answer.milliseconds,
            )
        )  # fmt: skip
        send.attempts += 1
        send.first_at = send.first_at or answer.at
        if answer.well:
            send.status, send.delivered_at = "delivered", answer.at
            continue
        again = retrying.due_again(send.attempts, send.first_at, now, answer.asked)
        if again is None:
            send.status = "given_up"
        else:
            send.due_at = again
    _follow(endpoint, answers, now)
    session.flush()


def _follow(endpoint: Endpoint, answers: Sequence[Answered], now: datetime) -> None:
    endpoint.leased_by, endpoint.leased_until = "", None
    bad = [answer for answer in answers if not answer.well]
    if len(bad) < len(answers):
        endpoint.delivered_at, endpoint.failing_since, endpoint.failures, endpoint.paused_until = now, None, 0, None
    if not bad:
        return
    if any(answer.status == 410 for answer in bad):
        endpoint.status, endpoint.off_why = "off", "gone"
    if len(bad) < len(answers):
        return  # it takes others: these have their own next attempt
    endpoint.failing_since = endpoint.failing_since or bad[0].at
    endpoint.failures += 1
    asked = max((answer.asked for answer in bad if answer.asked is not None), default=None)
    endpoint.paused_until = now + retrying.pause(endpoint.failures, asked)
    if endpoint.status == "on" and retrying.is_lost(endpoint.failing_since, now):
        endpoint.status, endpoint.off_why = "off", "failing"
        _log.error("telling.switched_off", endpoint_id=endpoint.id, since=endpoint.failing_since.isoformat())


def forget(before: datetime) -> int:
    """Drop events made before a moment, with their sends and attempts, in portions; how many."""
    count = 0
    while True:
        with db.write(Scope.system("events whose time is over")) as session:
            seqs = session.scalars(
                sa.select(Told.seq).where(Told.made_at < before).order_by(Told.seq).limit(1000)
            ).all()
            _drop(session, seqs)
        count += len(seqs)
        if len(seqs) < 1000:
            return count


def forget_old() -> int:
    """As long as notices are kept."""
    return forget(clock.wall() - notices.KEPT)


def forget_about(session: Session, creator_id: str) -> int:
    """Drop a creator's events, sent or not: the creator is erased."""
    seqs = session.scalars(sa.select(Told.seq).where(Told.creator_id == creator_id)).all()
    for start in range(0, len(seqs), 1000):
        _drop(session, seqs[start : start + 1000])
    return len(seqs)


def _drop(session: Session, seqs: Sequence[int]) -> None:
    for table in (Attempt, Send, Told):
        session.execute(sa.delete(table).where(table.seq.in_(seqs)))
