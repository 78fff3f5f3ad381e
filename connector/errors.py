"""Every error that crosses a room, and what its catcher does.

    ConnectorError
    ├── ConfigurationWrong      a setting is missing or wrong: named at start, with the remedy
    ├── InputRefused            a person or a program sent something we can't take: 422, names the field
    │   └── MoneyRefused        an amount or a currency that can't be read exactly
    ├── NotFound                404
    ├── NotSignedIn             401, shows where to sign in
    ├── NotAllowed              403, names the role or the scope that is missing
    ├── Conflict                409: facts moved since, or the act was already done
    │   └── TermsOwed           … or a version of the terms of use isn't accepted: names the field and where to
    ├── TooOften                429: one writer sends more than a reader can bear; again after `retry_after` seconds
    ├── SignatureRejected       401 and a count, the body isn't kept
    ├── PayloadUnreadable       park the delivery with the field's path
    │   └── BodyOfAnotherShop   quarantine the delivery: a person looks
    ├── PlatformError           a store platform did not do what we asked
    │   ├── GrantLost           renew and retry; where that fails, tell the merchant
    │   ├── PlatformBusy        wait `retry_after` seconds, then again
    │   ├── PlatformDown        wait with growing delay, then again
    │   └── PlatformRefused     our call is wrong or not permitted: park, a person looks
    ├── HostRefused             no request leaves
    ├── RunRefused              a sync run stops and says why; nothing is tombstoned
    └── LedgerRefused           alarm: an entry that doesn't sum to zero; the whole transaction is undone

An error carries the objects it is about, and never a token, a body, an e-mail address or an address.
"""

from __future__ import annotations


class ConnectorError(Exception):
    """Root of the tree. `public` may be shown to whoever asked; `str(error)` is for the log."""

    status = 500
    title = "The request could not be finished"
    code = ""  # of a refusal that has one: pages and API word it
    field = ""  # what of the request it is about, where it is about a part of it

    def __init__(self, message: str, *, public: str | None = None) -> None:
        super().__init__(message)
        self.public = public if public is not None else message


class ConfigurationWrong(ConnectorError):
    """A setting is missing or wrong; `remedy` says what to put there."""

    title = "A setting is missing or wrong"

    def __init__(self, setting: str, problem: str, remedy: str) -> None:
        super().__init__(f"{setting}: {problem}. {remedy}")
        self.setting = setting
        self.problem = problem
        self.remedy = remedy


class InputRefused(ConnectorError):
    """One field of what was sent can't be taken; nothing was changed."""

    status = 422
    title = "The request has a field that can't be taken"

    def __init__(self, field: str, problem: str, remedy: str = "") -> None:
        super().__init__(f"{field}: {problem}" + (f" {remedy}" if remedy else ""))
        self.field = field
        self.problem = problem
        self.remedy = remedy


class MoneyRefused(InputRefused):
    """An amount that isn't exact in its currency, or a currency that isn't in ISO 4217."""


class NotFound(ConnectorError):
    status = 404
    title = "Not found"


class NotSignedIn(ConnectorError):
    status = 401
    title = "Sign in first"


class NotAllowed(ConnectorError):
    status = 403
    title = "Not allowed"


class Conflict(ConnectorError):
    status = 409
    title = "Something changed"


class TermsOwed(Conflict):
    """Somebody would do something new, and has a version of the terms of use to accept first: nothing was changed."""

    title = "The terms of use have to be accepted first"
    field = "use_terms"

    def __init__(self, message: str, problem: str, where: str, remedy: str) -> None:
        """`where`: for who reads it on a page; `remedy`: for a program."""
        super().__init__(message, public=f"{problem} {where}")
        self.remedy = remedy


class TooOften(ConnectorError):
    """The same act was done more often than anybody may; `retry_after` seconds later it may be done again."""

    status = 429
    title = "That is too often"

    def __init__(self, message: str, *, retry_after: float, public: str | None = None) -> None:
        super().__init__(message, public=public)
        self.retry_after = retry_after


class SignatureRejected(ConnectorError):
    status = 401
    title = "The signature is wrong"


class PayloadUnreadable(ConnectorError):
    """A body whose signature is right but which can't be read; `path` is the field, as `$.line_items[0].price`."""

    status = 422
    title = "The body can't be read"

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class BodyOfAnotherShop(PayloadUnreadable):
    """A signed body that names another shop than its header does: the signature proves the platform, not the shop."""


class PlatformError(ConnectorError):
    status = 502
    title = "The store platform did not answer as expected"


class GrantLost(PlatformError):
    """The shop's permission is gone or refused. `fatal` when renewing can't help and the merchant must reconnect."""

    def __init__(self, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal


class PlatformBusy(PlatformError):
    """The platform's limit is reached; ask again after `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PlatformDown(PlatformError):
    """Time-out, connection refused, 5xx: nothing wrong with the call."""


class PlatformRefused(PlatformError):
    """The platform says that the call itself is wrong or not permitted."""


class HostRefused(ConnectorError):
    """A host that isn't the platform's, or an address that isn't public. Raised before any request leaves."""

    status = 422
    title = "That address isn't a store of this platform"


class RunRefused(ConnectorError):
    """A sync run can't be trusted (counts differ, file cut, sweep too large): it fails and nothing is tombstoned."""


class LedgerRefused(ConnectorError):
    """An entry that breaks a rule of the ledger. Everything done in its transaction is undone."""
