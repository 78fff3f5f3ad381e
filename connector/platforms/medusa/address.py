"""Where a store's server is. Anybody may own any host here, so what counts is that a string means one place only.

The tenant key is `host[:port][/path]`: the host in lower case, a port only where it isn't https' own. Calls go to
https, but in dev to http on loopback. A name that leads to a private address is refused on the way out (`outbound`).
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from connector.errors import HostRefused
from connector.platforms.medusa.settings import MedusaSettings

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{2,59}})", re.ASCII)
_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,99}){0,6}", re.ASCII)
_TYPED = re.compile(r"(?:(https?)://)?([^/:?#@\\]+)(?::(\d{1,5}))?(/[^?#@\\]*)?", re.ASCII | re.IGNORECASE)
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})


def canonical(typed: str, settings: MedusaSettings) -> str:
    """`https://API.Shop.example/` to `api.shop.example`. Errors: HostRefused; nothing was sent."""
    if not typed.isascii():
        raise _refused("has letters that aren't plain ASCII", "Write an international name in its xn-- form.")
    found = _TYPED.fullmatch(typed)
    if found is None:
        raise _refused("isn't an address", "Write it like https://api.your-store.example.")
    scheme, host, port, path = (found[1] or "").lower(), found[2].lower(), found[3], (found[4] or "").rstrip("/")
    local = settings.dev and host in _LOOPBACK
    if not local and _HOST.fullmatch(host) is None:
        raise _refused("names no public host", "Write the name under which Medusa's server is reached from outside.")
    if not local and scheme == "http":
        raise _refused("begins with http://", "Keys travel by https only: give the server a certificate first.")
    if _PATH.fullmatch(path) is None:
        raise _refused("has a path that can't be one", "Copy the address of the server, without anything behind it.")
    if port is not None and not 1 <= int(port) <= 65535:
        raise _refused("has a port that is none", "Leave the port out where it is the usual one.")
    return host + (f":{int(port)}" if port and int(port) != 443 else "") + path


def base(domain: str, settings: MedusaSettings) -> str:
    """The address that calls begin with, of a canonical domain."""
    host = urlsplit(f"//{domain}").hostname
    return f"{'http' if settings.dev and host in _LOOPBACK else 'https'}://{domain}"


def _refused(problem: str, remedy: str) -> HostRefused:
    return HostRefused(f"the address {problem}", public=f"The address {problem}. {remedy}")
