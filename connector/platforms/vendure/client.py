"""Calls to one store's Admin API: address, key, channel, and Vendure's ways to say no in our closed tree.

    200 with data                                  the answer
    200 FORBIDDEN, `vendure-auth-token` empty      GrantLost: the key is unknown, mistyped or revoked
    200 CHANNEL_NOT_FOUND                          GrantLost: the channel's token was changed, or the channel is gone
    200 FORBIDDEN otherwise                        PlatformRefused: the role is too small (or the key isn't looked at)
    200 USER_INPUT_ERROR "Cannot take more than"   TooMany: the store's own limit of a list
    400 GRAPHQL_VALIDATION_FAILED                  UnknownField: another version, or a custom field that isn't there
    200 INTERNAL_SERVER_ERROR                      PlatformDown
    other statuses, HTML                           as `rest` has it

An unknown channel token is answered by the default channel, as long as the store has no other one: every question asks
`activeChannel.id` along, and another one than the store was joined with refuses the answer. Seen on 3.7.3 (NOTES.md).
No limit of calls is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from connector.errors import GrantLost, PayloadUnreadable, PlatformDown, PlatformError, PlatformRefused
from connector.platforms.contract import Client, HttpAnswer
from connector.platforms.reading import decode
from connector.platforms.rest import Answered, Rest
from connector.platforms.vendure import address
from connector.platforms.vendure.amounts import USUAL_PRECISION

T = TypeVar("T")
KEY_HEADER = "vendure-api-key"
CHANNEL_HEADER = "vendure-token"
SESSION_HEADER = "vendure-auth-token"
_TAKE = re.compile(r"Cannot take more than (\d{1,6}) results")
_FIELD = re.compile(r'Cannot query field "(\w{1,60})" on type "(\w{1,60})"')


class TooMany(PlatformRefused):
    """A list may not be asked for that many; `most` is what the store gives, 0 where it didn't say."""

    def __init__(self, message: str, most: int) -> None:
        super().__init__(message)
        self.most = most


class UnknownField(PlatformRefused):
    """The store's schema lacks a field that was asked for."""


class _Extensions(msgspec.Struct):
    code: str = ""


class Problem(msgspec.Struct):
    """One entry of `errors`."""

    message: str = ""
    path: list[str | int] | None = None
    extensions: _Extensions | None = None

    @property
    def code(self) -> str:
        return self.extensions.code if self.extensions is not None else ""

    @property
    def where(self) -> str:
        return ".".join(str(step) for step in self.path or () if isinstance(step, str))[:80]


class Reply(msgspec.Struct):
    """A GraphQL answer, its data not read yet."""

    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[Problem] | None = None


class _Here(Protocol):
    id: str


def ask(client: Client, document: str, variables: Mapping[str, Any], kind: type[T]) -> T:
    """Send one document and read its data. One error anywhere refuses the whole: half an answer about money is none.

    Errors: those of the table; PlatformDown where the answer can't be read.
    """
    reply, answered = send(client, document, variables)
    if reply.errors:
        raise refusal(reply.errors, answered.headers, client.domain)
    if bytes(reply.data) == b"null":
        raise PlatformDown(f"{client.domain}: an answer without data and without errors")
    found = decode(reply.data, kind)
    here: _Here | None = getattr(found, "active_channel", None)
    if here is not None:
        check_channel(client, here.id)
    return found


def send(client: Client, document: str, variables: Mapping[str, Any]) -> tuple[Reply, Answered]:
    """The answer with whatever errors are in it. Errors: those of a status that isn't 200; PlatformDown for HTML."""
    api = Rest.of(client, endpoint(client), headers(client), judge=_judge(client.domain))
    answered = api.post("", {"query": document, "variables": dict(variables)}, _query(client))
    try:
        return answered.read(Reply), answered
    except PayloadUnreadable:
        raise PlatformDown(f"{client.domain}: the answer isn't a GraphQL answer") from None


def endpoint(client: Client) -> str:
    return client.grant.details.get("api") or address.usual_api(client.domain, dev=client.settings.dev)


def headers(client: Client) -> dict[str, str]:
    token = client.grant.details.get("channel_token", "")
    return {KEY_HEADER: client.grant.access_token, **({CHANNEL_HEADER: token} if token else {})}


def precision(client: Client) -> int:
    """Decimals of the store's numbers, as they were when it joined."""
    return int(client.grant.details.get("precision") or USUAL_PRECISION)


def check_channel(client: Client, answered: str) -> None:
    """Errors: GrantLost(fatal) where another channel answers than the one that joined."""
    joined = client.grant.details.get("channel_id")
    if joined and joined != answered:
        raise GrantLost(
            f"{client.domain}: channel {answered[:40]} answers instead of {joined}: the channel's token was changed in "
            "the store. Join again with the new one", fatal=True,
        )  # fmt: skip


def _query(client: Client) -> dict[str, str | int]:
    """Texts in the channel's language, prices in the shop's currency, whatever the store's defaults become."""
    language = client.grant.details.get("language", "")
    return {
        **({"languageCode": language} if language else {}),
        **({"currencyCode": client.currency} if client.currency else {}),
    }


def refusal(errors: list[Problem], headers: Mapping[str, str], domain: str) -> PlatformError:
    """What the first error means. `headers` in lower case. Of an error's text only known words are repeated."""
    first = errors[0]
    at = first.where or "the question"
    match first.code:
        case "FORBIDDEN" if headers.get(SESSION_HEADER) == "":
            return GrantLost(f"{domain}: the store doesn't know the key: it was revoked, or another one was made")
        case "FORBIDDEN":
            return PlatformRefused(f"{domain}: not permitted at {at}: the key's role is too small")
        case "CHANNEL_NOT_FOUND":
            return GrantLost(
                f"{domain}: the store has no channel with our token: it was changed or removed. Join again", fatal=True
            )
        case "GRAPHQL_VALIDATION_FAILED":
            field = _FIELD.search(first.message)
            named = f"{field[2]}.{field[1]}" if field else at
            return UnknownField(f"{domain}: the store's schema doesn't know {named}")
        case "USER_INPUT_ERROR" if "Cannot take more" in first.message:
            most = _TAKE.search(first.message)
            return TooMany(f"{domain}: a list of the store is shorter than was asked for", int(most[1]) if most else 0)
        case "INTERNAL_SERVER_ERROR":
            return PlatformDown(f"{domain}: an error inside the store at {at}")
        case code:
            word = code if re.fullmatch(r"[A-Z_]{1,60}", code) else "an error"
            return PlatformRefused(f"{domain}: {word} at {at}")


def _judge(domain: str) -> Callable[[HttpAnswer, bytes], PlatformError | None]:
    def judge(answer: HttpAnswer, content: bytes) -> PlatformError | None:
        """Of a status that isn't good: one that Vendure itself gave."""
        if answer.status != 400:
            return None
        try:
            errors = msgspec.json.decode(content, type=Reply).errors
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        return refusal(errors, {}, domain) if errors else None

    return judge
