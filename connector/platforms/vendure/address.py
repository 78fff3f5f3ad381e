"""A store's names: the tenant key, and the address of its Admin API.

One server may hold many merchants, each a channel, so a tenant is a place and a channel: `shop.example.com/channel-1`.
Where the Admin API isn't at `/admin-api`, what stands before that (or the whole of another path) is part of the place.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from connector.errors import HostRefused

USUAL = "/admin-api"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{2,59}})"
_LOOPBACK = r"127\.0\.0\.1|localhost"
_PLACE = rf"(?P<host>{_HOST}|{_LOOPBACK})(?P<port>:[1-9][0-9]{{1,4}})?(?P<path>(?:/[A-Za-z0-9_-]{{1,64}}){{0,6}})"
_PLAIN = re.compile(_PLACE, re.ASCII | re.IGNORECASE)
_TENANT = re.compile(_PLACE + r"/channel-(?P<channel>[A-Za-z0-9_-]{1,64})", re.ASCII | re.IGNORECASE)
LONGEST = 250
WORDS = "Write the store's address as in its browser bar, for example https://shop.example.com/admin-api."


def canonical(typed: str, *, dev: bool) -> str:
    """A tenant key as it is kept. Errors: HostRefused for everything that isn't one, near misses included."""
    found = _TENANT.fullmatch(typed)
    if found is None or len(typed) > LONGEST or not _allowed(found["host"], dev):
        raise HostRefused("not a store and channel of Vendure", public=WORDS)
    return f"{found['host'].lower()}{_port(found['port'], found['host'])}{found['path']}/channel-{found['channel']}"


def tenant(api: str, channel_id: str, *, dev: bool) -> str:
    """The tenant key of the channel at this Admin API. Errors: HostRefused."""
    parts = urlsplit(api)
    path = parts.path.removesuffix(USUAL) if parts.path.endswith(USUAL) else parts.path
    return canonical(f"{parts.netloc}{path}/channel-{channel_id}", dev=dev)


def api_address(typed: str, *, dev: bool) -> str:
    """What a merchant pasted as the Admin API's address, canonical; a bare host means the usual path.

    https, but for a store on this machine in dev. Errors: HostRefused, nothing was sent.
    """
    scheme, parted, rest = typed.strip().partition("://")
    if not parted:
        scheme, rest = "https", scheme
    found = _PLAIN.fullmatch(rest.rstrip("/"))
    scheme = scheme.lower()
    if found is None or len(typed) > LONGEST or not _allowed(found["host"], dev):
        raise HostRefused("not an address of an Admin API", public=WORDS)
    if scheme != "https" and not (scheme == "http" and dev and _is_loopback(found["host"])):
        raise HostRefused("only https leaves", public="The address must begin with https://.")
    host = found["host"].lower()
    return f"{scheme}://{host}{_port(found['port'], host)}{found['path'] or USUAL}"


def usual_api(domain: str, *, dev: bool) -> str:
    """The Admin API of a tenant of whose grant the address got lost. Errors: HostRefused."""
    place = canonical(domain, dev=dev).rpartition("/channel-")[0]
    found = _PLAIN.fullmatch(place)
    scheme = "http" if found is not None and _is_loopback(found["host"]) else "https"
    return f"{scheme}://{place}{USUAL}"


def _allowed(host: str, dev: bool) -> bool:
    return dev or not _is_loopback(host)


def _is_loopback(host: str) -> bool:
    return host.lower() in ("127.0.0.1", "localhost")


def _port(port: str | None, host: str) -> str:
    """Without the port that https has anyway."""
    return "" if port is None or (port == ":443" and not _is_loopback(host)) else port
