"""Where a store is: what a merchant types becomes `host[:port][/path]`, and a look at it says whether it is a store.

Source: the fact sheet, sections 1 and 2 (`/wp-json/`, prefixes, plain permalinks), seen on WordPress 6.7.1. Every way
in which the look fails ends in words that tell the merchant what to do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from connector.errors import HostRefused, InputRefused, PayloadUnreadable, PlatformDown
from connector.platforms.contract import Http, HttpAnswer, Place
from connector.platforms.reading import decode
from connector.platforms.woocommerce.payloads import INDEX_FIELDS, ErrorForm, IndexForm
from connector.platforms.woocommerce.settings import WooCommerceSettings
from connector.platforms.woocommerce.tolerant import json_within

API = "wc/v3"
TIMEOUT = 15.0  # a merchant looks at a form meanwhile
_LONGEST = 200
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?:[a-z][a-z0-9-]*[a-z0-9])", re.ASCII)
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_TYPED = re.compile(
    r"(?:https?://)?(?P<host>[A-Za-z0-9.-]+)(?::(?P<port>\d{1,5}))?(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?", re.ASCII
)
# What merchants copy from their browser while they look at the store's admin.
_ADMIN = re.compile(r"/(?:wp-admin(?:[/?#].*)?|wp-login\.php(?:[?#].*)?|wp-json(?:/.*)?)$", re.ASCII)
_API_LINK = re.compile(r'<([^<>]+)>\s*;\s*rel="?https://api\.w\.org/"?', re.ASCII)
_WRITE_IT = "Write the store's address as your browser shows it: your-store.com, or your-store.com/shop."


def canonical(typed: str, settings: WooCommerceSettings) -> str:
    """`https://Shop.Example/store/` to `shop.example/store`. Errors: HostRefused, nothing was sent."""
    text = _ADMIN.sub("", typed) if len(typed) <= 2_000 and typed.isascii() and "\n" not in typed else typed
    found = _TYPED.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise HostRefused("not the address of a store", public=_WRITE_IT)
    host, port, path = found["host"].lower(), found["port"] or "", found["path"]
    local = settings.dev and host in _LOOPBACK
    if not local and not _HOST.fullmatch(host):
        raise HostRefused("not a host that a public store may have", public=_WRITE_IT)
    if any(step in (".", "..") for step in path.split("/")):
        raise HostRefused("an address with dots for a folder", public=_WRITE_IT)
    if port and not 0 < int(port) < 65536:
        raise HostRefused("an address with a port that doesn't exist", public=_WRITE_IT)
    if port and not local and int(port) in (80, 443):
        port = ""
    return f"{host}{f':{int(port)}' if port else ''}{path}"


def origin(domain: str, settings: WooCommerceSettings) -> str:
    """Scheme, host and path. http for a stand-in on this machine in dev, and for nobody else."""
    host = domain.partition("/")[0].partition(":")[0]
    return f"{'http' if settings.dev and host in _LOOPBACK else 'https'}://{domain}"


def locate(typed: str, settings: WooCommerceSettings, http: Http) -> Place:
    """Find the store, follow one redirect (www, a folder), and ask it what it is.

    Errors: HostRefused; InputRefused("shop", …).
    """
    domain = _led_on(canonical(typed, settings), settings, http)
    here = origin(domain, settings)
    problem: InputRefused | None = None
    for root in (f"{here}/wp-json", f"{here}/index.php/wp-json"):
        found = _index(root, http)
        if isinstance(found, IndexForm):
            return _at_home(domain, root, found, settings, http)
        problem = problem or found
    other = _announced(here, settings, http)
    if other:
        found = _index(other, http)
        if isinstance(found, IndexForm):
            return _place(domain, other, found)
    if problem is None or problem.problem == NO_API:
        problem = _plain(here, http) or problem or _refused(NO_API)
    raise problem


_BY_QUERY = "rest_route"  # how the API is reached under plain permalinks
NO_API = "answers, but not as WordPress does."
_REMEDIES = {
    NO_API: f"{_WRITE_IT} If it is right, open your-store.com/wp-json/ in a browser: a page of text in braces has to "
    "come. A security plug-in or your host may close it.",
}


def _refused(problem: str, remedy: str = "") -> InputRefused:
    return InputRefused("shop", problem, remedy or _REMEDIES.get(problem, ""))


def _led_on(domain: str, settings: WooCommerceSettings, http: Http) -> str:
    """The address that the store itself leads to, one step far. HEAD, since that is never followed by the way out."""
    asked = f"{origin(domain, settings)}/wp-json/"
    answer = _sent(http, "HEAD", asked)
    status, target = answer.status, _header(answer.headers, "location")
    answer.close()
    if status not in (301, 302, 303, 307, 308) or not target:
        return domain
    parts = urlsplit(urljoin(asked, target))
    if parts.scheme != "https" and not settings.dev:
        raise _refused(
            "leads from https to http.", "Let the store be reached by https: under Settings > General both addresses "
            "begin with https://, and your host has a certificate for it.",
        )  # fmt: skip
    path, found, _ = parts.path.partition("/wp-json")
    own = domain.partition("/")[2]
    if not found:  # to a page: of a host that moved, the folder stays; else plain permalinks or a login wall
        path = f"/{own}" if own else ""
    return canonical(f"{parts.netloc}{path.removesuffix('/index.php')}", settings)


def _index(root: str, http: Http) -> IndexForm | InputRefused:
    """The API's index with WooCommerce in it, or why not."""
    try:
        answer = _sent(http, "GET", f"{root}/?_fields={INDEX_FIELDS}")
    except HostRefused as error:
        if "redirects" not in str(error):
            raise
        return _refused("leads on to another address, and that one to a third.", "Write the address where it ends.")
    try:
        headers, content, status = answer.headers, answer.content, answer.status
    finally:
        answer.close()
    body = json_within(content)
    if 200 <= status < 300 and body is not None:
        try:
            index = decode(body, IndexForm)
        except PayloadUnreadable:
            return _refused(NO_API)
        if API not in index.namespaces:
            return _refused(
                "is a WordPress site without WooCommerce's API.", "Switch WooCommerce on under Plugins, in version 5.8 "
                "or newer, and try again.",
            )  # fmt: skip
        return index
    return _why(status, headers, body)


def _why(status: int, headers: Mapping[str, str], body: bytes | None) -> InputRefused:
    if status == 401 and "basic" in _header(headers, "www-authenticate").lower():
        return _refused(
            "stands behind a password of its host (basic authentication).",
            "Switch it off, or let /wp-json/ and /wc-auth/ through without it: an API key and that password use the "
            "same place.",
        )
    if body is not None and status in (401, 403) and _code(body):
        return _refused(
            f"closes its API to visitors ({_code(body)}).",
            "A security plug-in does that: allow the REST API (/wp-json/) for everybody; keys still guard the data.",
        )
    if status == 503:
        return _refused("is in maintenance, or overloaded.", "Try again when the store can be visited.")
    if status in (403, 406, 429) or (status == 401 and body is None):
        return _refused(
            f"turns us away ({status}).",
            "A firewall of your host or a security plug-in does that: allow /wp-json/ and the agent `connector`.",
        )
    if status >= 500:
        return _refused(f"has a fault ({status}).", "Look into the store's error log, and try again.")
    return _refused(NO_API)


def _announced(here: str, settings: WooCommerceSettings, http: Http) -> str:
    """The API's root as the home page's Link header names it, where somebody changed the prefix; "" where none is."""
    try:
        answer = _sent(http, "HEAD", f"{here}/")
    except (HostRefused, InputRefused):
        return ""
    link = _API_LINK.search(_header(answer.headers, "link"))
    answer.close()
    if link is None:
        return ""
    root = urljoin(f"{here}/", link[1]).split("?")[0].rstrip("/")
    parts, own = urlsplit(root), urlsplit(here)
    same = (parts.scheme, parts.netloc.lower()) == (own.scheme, own.netloc)
    return root if same and _BY_QUERY not in link[1] and root not in (here, f"{here}/index.php") else ""


def _plain(here: str, http: Http) -> InputRefused | None:
    """Does the API answer at `?rest_route=` alone? There WooCommerce knows no keys (before 11.1)."""
    try:
        answer = _sent(http, "GET", f"{here}/?rest_route=/&_fields=namespaces")
    except (HostRefused, InputRefused):
        return None
    body = json_within(answer.content) if answer.status == 200 else None
    answer.close()
    if body is None or b'"namespaces"' not in body:
        return None
    return _refused(
        "uses plain permalinks, under which its API takes no keys.",
        "In WordPress open Settings > Permalinks, choose any other structure (Post name, say) and save.",
    )


def _at_home(domain: str, root: str, index: IndexForm, settings: WooCommerceSettings, http: Http) -> Place:
    """Under the address that the store calls its own, where that one answers too: a store with a second name is one
    store. (Its home may say http, where it doesn't see https; it is asked by https all the same.)"""
    try:
        own = canonical(index.home, settings)
    except HostRefused:
        return _place(domain, root, index)
    if own != domain:
        there = f"{origin(own, settings)}{root.removeprefix(origin(domain, settings))}"
        try:
            found = _index(there, http)
        except (HostRefused, InputRefused):
            return _place(domain, root, index)
        if isinstance(found, IndexForm) and found.home == index.home:
            return _place(own, there, found)
    return _place(domain, root, index)


def _place(domain: str, root: str, index: IndexForm) -> Place:
    details = {"api": root}
    if index.home.startswith(("http://", "https://")):
        details["home"] = index.home.rstrip("/")
    return Place(domain, details)


def _sent(http: Http, method: str, url: str) -> HttpAnswer:
    try:
        return http.send(method, url, headers={"Accept": "application/json"}, timeout=TIMEOUT)
    except PlatformDown as error:
        raise _refused(
            f"can't be reached by https: {error.public.rpartition(': ')[2]}.",
            "Open https:// and the address in a browser. Stores that have only http can't be joined: keys and orders "
            "would travel for everybody to read.",
        ) from None


def _code(body: bytes) -> str:
    try:
        code = decode(body, ErrorForm).code
    except PayloadUnreadable:
        return ""
    return code if re.fullmatch(r"[a-z0-9_]{1,60}", code) else ""


def _header(headers: Mapping[str, str], name: str) -> str:
    """Whatever the case of its name."""
    return next((value for key, value in headers.items() if key.lower() == name), "")
