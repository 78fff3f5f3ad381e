"""Logs and metrics, and the scrubbing that everything logged passes through.

Logs are structlog's: one JSON object a line (or a readable line for a terminal), with the request's and the shop's id
bound by `bind`. The standard library's loggers go the same way, so a library's message is scrubbed too. Scrubbing works
by key (`token`, `email` …) and by shape (an address, a phone number, a bearer token, a signature), since a secret that
hides in a message has no key.

Metrics live in a registry of our own.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()
HTTP_SECONDS = Histogram(
    "connector_http_seconds",
    "Seconds to answer a request, by method, route and status class.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
FAILURES = Counter(
    "connector_failures_total", "Requests that ended in an error we did not expect.", ["route"], registry=REGISTRY
)

GONE = "[removed]"

# Keys whose value is never shown, wherever they stand. Compared in lower case, as a whole word of the key.
SECRET_KEYS = frozenset(
    {
        "token", "access_token", "refresh_token", "id_token", "secret", "client_secret", "password", "passwd",
        "authorization", "cookie", "set_cookie", "api_key", "apikey", "key", "sealed", "sealing_keys", "session_key",
        "hash_key", "hmac", "signature", "code_verifier", "assertion",
    }
)  # fmt: skip
PERSONAL_KEYS = frozenset(
    {
        "email", "contact_email", "phone", "mobile", "first_name", "last_name", "full_name", "address", "address1",
        "address2", "street", "zip", "postal_code", "ip", "client_ip", "browser_ip", "remote_addr", "customer_name",
        "latitude", "longitude",
    }
)  # fmt: skip

EMAIL = re.compile(r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9.\-]{1,253}\.[A-Za-z]{2,24}")
# A phone number has an international prefix, or is grouped by spaces or dashes; bare digit runs are ids.
PHONE = re.compile(r"(?<![\w.#])(?:\+\d[\d ().\-]{6,18}\d|\(?0\d{2,4}\)?[ \-]\d{2,4}[ \-]?\d{2,6})(?![\w])")
# Whole account numbers: country, check digits, 11 to 30 signs, as people group them or in one piece.
IBAN = re.compile(r"(?<![A-Za-z0-9_])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9_])")
TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:shpat|shpca|shppa|shpss|shprt|ctk|sk|pk|rk|whsec|xox[abp])[_\-][A-Za-z0-9_\-]{8,}"  # prefixed secrets
    r"|eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)?"  # JSON web tokens
    r"|gAAAA[A-Za-z0-9_\-=]{40,}"  # Fernet
    r")"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=\-]{8,}")
_IN_URL = re.compile(r"(?i)([?&](?:code|hmac|id_token|access_token|token|signature|state|session)=)[^&\s\"']+")
_PASSWORD_IN_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.\-]*://[^\s:/@]+:)[^\s@/]+@")
# PostgreSQL quotes the values of the row that it refused, over several lines when they have some.
_REFUSED_ROW = re.compile(
    r"^([ |]*DETAIL:).*?(?=^[ |]*(?:\[SQL|HINT:|CONTEXT:|\(Background|The above|During|Traceback)|\Z)", re.M | re.S
)


def scrub_text(text: str) -> str:
    """The text without secrets and personal data of a known shape."""
    text = _PASSWORD_IN_URL.sub(rf"\1{GONE}@", text)
    if "DETAIL:" in text:
        text = _REFUSED_ROW.sub(rf"\1 {GONE}\n", text)
    text = _BEARER.sub(rf"\1 {GONE}", text)
    text = _IN_URL.sub(rf"\1{GONE}", text)
    text = TOKEN.sub(GONE, text)
    text = EMAIL.sub(GONE, text)
    text = IBAN.sub(GONE, text)
    return PHONE.sub(GONE, text)


def secret_key(name: str) -> bool:
    """Does such a key hold a secret or a personal fact? `shopToken` and `refresh-token` do, `token_id` doesn't."""
    flat = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_")
    if flat in SECRET_KEYS or flat in PERSONAL_KEYS:
        return True
    return flat.endswith(("_token", "_secret", "_password", "_sealed", "_email", "_phone", "_hmac"))


def scrub(value: Any, *, depth: int = 0) -> Any:
    """The same structure with secrets removed by key and by shape."""
    if depth > 8:
        return GONE
    if isinstance(value, Mapping):
        return {
            key: GONE if secret_key(str(key)) and item not in (None, "", 0, False) else scrub(item, depth=depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [scrub(item, depth=depth + 1) for item in value]
    if isinstance(value, str):
        return scrub_text(value)
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    if value is None or isinstance(value, bool | int | float):
        return value
    return scrub_text(str(value))


def _scrubbing(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    kept = {key: event.pop(key) for key in ("_record", "_from_structlog") if key in event}
    clean: MutableMapping[str, Any] = scrub(event)
    clean.update(kept)
    return clean


_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    # Stacks as plain text, without the values of local variables: those are where secrets are.
    structlog.processors.format_exc_info,
    _scrubbing,
]


def _route() -> None:
    """Send structlog's events through the standard library's loggers, scrubbed. Adds no handler."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


# At import, since structlog's own default prints local variables with every stack.
_route()


def configure(level: str = "info", style: str = "json", stream: TextIO | None = None) -> None:
    """Set up this process's log on stderr (or `stream`). `style` is json or console. Safe to call again."""
    _route()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if style == "console"
        else structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=False)
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These write a line a request or a connection, with addresses: our own line says what is needed.
    for noisy in ("werkzeug", "urllib3", "alembic", "_granian"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()]))


def bind(**ids: str | None) -> None:
    """Put ids (`shop_id`, `run_id` …) on every line that this thread logs until `unbind`."""
    structlog.contextvars.bind_contextvars(**{key: value for key, value in ids.items() if value})


def unbind() -> None:
    structlog.contextvars.clear_contextvars()


@contextmanager
def bound(**ids: str | None) -> Iterator[None]:
    """`bind` for a block."""
    with structlog.contextvars.bound_contextvars(**{key: value for key, value in ids.items() if value}):
        yield


def logger(name: str) -> Any:
    """A structlog logger: `telemetry.logger(__name__).info("delivery.done", delivery_id=…)`."""
    return structlog.get_logger(name)
