"""Calls to one store: the Admin API with the secret key, and the Store API with the publishable one."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from connector.errors import GrantLost, PayloadUnreadable, PlatformError, PlatformRefused
from connector.platforms.contract import Client, HttpAnswer
from connector.platforms.medusa import address
from connector.platforms.medusa.payloads import ProblemBody
from connector.platforms.rest import Answered, Rest, payload_down, refusal

T = TypeVar("T")

# What Medusa calls a call that it doesn't take; the words behind it may repeat what was sent and are never quoted.
_TYPES = frozenset({"invalid_data", "not_allowed", "not_found", "unknown_error", "duplicate_error", "invalid_argument"})


class Refused(PlatformRefused):
    """400, with what of it a caller may tell apart; its words may repeat what was sent, and are never quoted.

    `kind` is Medusa's type of problem, `code` its own word for a cause, `about` the part of a call that it names.
    """

    def __init__(self, message: str, kind: str, code: str, about: str) -> None:
        super().__init__(message)
        self.kind, self.code, self.about = kind, code, about


def admin(client: Client) -> Rest:
    """Basic with the key as the user and no password: as Bearer a secret key is refused."""
    headers = authorization(client.grant.access_token)
    return Rest.of(client, address.base(client.domain, client.settings), headers, judge=judged(client.domain))


def storefront(client: Client, publishable: str) -> Rest:
    headers = {"x-publishable-api-key": publishable}
    return Rest.of(client, address.base(client.domain, client.settings), headers, judge=judged(client.domain))


def authorization(key: str) -> Mapping[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


class _Judge:
    """401 is final: keys don't run out, they are revoked. A plain 400 names Medusa's own type of problem."""

    def __init__(self, domain: str) -> None:
        self._domain = domain

    def __call__(self, answer: HttpAnswer, content: bytes) -> PlatformError | None:
        if answer.status == 401:
            return GrantLost(f"{self._domain}: the store doesn't know our key (401)", fatal=True)
        if answer.status == 400:
            try:
                body = msgspec.json.decode(content, type=ProblemBody)
            except (msgspec.DecodeError, UnicodeDecodeError):
                body = ProblemBody()
            word = body.type if body.type in _TYPES else "no reason given"
            about = next((name for name in ("variant", "email") if name in body.message.lower()), "")
            text = f"{self._domain}: the store takes this call for wrong (400, {word})"
            return Refused(text, body.type, body.code, about)
        if answer.status == 404:
            return None
        return refusal(answer.status, {name.lower(): value for name, value in answer.headers.items()}, self._domain)


def judged(domain: str) -> _Judge:
    return _Judge(domain)


def read(answered: Answered, kind: type[T]) -> T:
    """An answer of the API in our shape. Errors: PlatformDown with the path of what can't be read."""
    try:
        return answered.read(kind)
    except PayloadUnreadable as error:
        raise payload_down(error, answered.domain) from None


__all__ = ["Refused", "admin", "authorization", "judged", "read", "storefront"]
