"""Calls to Square's API for one seller: address, token, version, and Square's ways to say no in our closed tree.

    401 ACCESS_TOKEN_EXPIRED, …_REVOKED, UNAUTHORIZED     GrantLost: renew, then again; revoked ones are lost for good
    403 INSUFFICIENT_SCOPES                               PlatformRefused, naming the scope that is missing
    404 NOT_FOUND                                         nothing there
    429 RATE_LIMITED                                      waited out with a growing pause, then PlatformBusy

Source: Square's error codes (fact sheet, section 8). Limits aren't published; about ten calls a second are known to be
served, so a call takes a tenth of a second of a shop's budget where Square says nothing of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from connector.errors import GrantLost, PlatformBusy, PlatformError, PlatformRefused
from connector.platforms.contract import Client, HttpAnswer
from connector.platforms.rest import Rest
from connector.platforms.square.settings import SquareSettings

T = TypeVar("T")
_FATAL = frozenset({"ACCESS_TOKEN_REVOKED", "MERCHANT_SUBSCRIPTION_NOT_FOUND"})
_WORD = re.compile(r"[A-Z_]{2,60}")


class Refused(PlatformRefused):
    """400, with the field that Square's first error names ("": none). Its words are never quoted."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class _Error(msgspec.Struct):
    code: str = ""
    field: str | None = None


class _Errors(msgspec.Struct):
    errors: list[_Error] = []


def api(client: Client) -> Rest:
    """Square's API with this seller's token."""
    settings: SquareSettings = client.settings
    headers = {"Authorization": f"Bearer {client.grant.access_token}", "Square-Version": settings.api_version}
    return Rest.of(client, settings.origin, headers, judge=_judge(client.domain))


def code_of(content: bytes) -> str:
    """The first error's code; "" where the body has none. Nothing else of the body is ever quoted."""
    code = _first(content).code
    return code if _WORD.fullmatch(code) else ""


def _first(content: bytes) -> _Error:
    try:
        errors = msgspec.json.decode(content, type=_Errors).errors
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        errors = []
    return errors[0] if errors else _Error()


def _judge(domain: str) -> Callable[[HttpAnswer, bytes], PlatformError | None]:
    def judge(answer: HttpAnswer, content: bytes) -> PlatformError | None:
        code = code_of(content)
        match answer.status:
            case 401:
                return GrantLost(f"{domain}: Square doesn't take the token ({code or 401})", fatal=code in _FATAL)
            case 403:
                return PlatformRefused(f"{domain}: not permitted ({code or 403})")
            case 429:
                return PlatformBusy(f"{domain}: too many requests", retry_after=2.0)
            case 400:
                return Refused(f"{domain}: Square refused the call ({code or 400})", _first(content).field or "")
            case _:
                return None

    return judge
