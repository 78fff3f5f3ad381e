"""The address at which a content can be seen: what may be one, and what people are told of it. Pure.

It is public and comes from the app; we never fetch it. It becomes a link that merchants and support follow, so it is
https, names a public host, carries nothing secret, and belongs to the network that the page says it opens.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import parse_qsl, quote, urlsplit

from connector.errors import InputRefused

LONGEST = 2000
# Network → the hosts that are its own, each with all beneath it: where its app shares from, and its short links. A
# network that isn't here (the app itself, one that we don't know) may name any public host.
HOSTS: dict[str, tuple[str, ...]] = {
    "bilibili": ("bilibili.com", "bilibili.tv", "b23.tv"),
    "douyin": ("douyin.com", "iesdouyin.com"),
    "facebook": ("facebook.com", "fb.com", "fb.watch"),
    "instagram": ("instagram.com", "instagr.am"),
    "kuaishou": ("kuaishou.com", "kwai.com", "gifshow.com", "chenzhongtech.com"),
    "line": ("line.me", "lin.ee"),
    "pinterest": (
        "pinterest.com", "pin.it", "pinterest.at", "pinterest.ca", "pinterest.ch", "pinterest.cl", "pinterest.co.kr",
        "pinterest.co.uk", "pinterest.com.au", "pinterest.com.mx", "pinterest.de", "pinterest.dk", "pinterest.es",
        "pinterest.fr", "pinterest.ie", "pinterest.it", "pinterest.jp", "pinterest.nz", "pinterest.ph", "pinterest.pt",
        "pinterest.se",
    ),
    "snapchat": ("snapchat.com",),
    "telegram": ("t.me", "telegram.me"),
    "threads": ("threads.net", "threads.com"),
    "tiktok": ("tiktok.com",),
    "twitch": ("twitch.tv",),
    "vk": ("vk.com", "vk.ru", "vkvideo.ru"),
    "x": ("x.com", "twitter.com"),
    "xiaohongshu": ("xiaohongshu.com", "xhslink.com", "rednote.com"),
    "youtube": ("youtube.com", "youtu.be"),
}  # fmt: skip
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])")
# Of a machine, a network or a test's own, never of a public host (RFC 2606 and 6762, RFC 8375). `example` stays: the
# demo's app lives there.
_OWN = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "test", "invalid", "onion",
        "home.arpa")  # fmt: skip
# What opens a door for whoever has the link, or only for a while.
_SECRETS = frozenset({
    "access_token", "accesstoken", "api_key", "apikey", "auth_token", "client_secret", "id_token", "jwt", "passwd",
    "password", "refresh_token", "secret", "session_id", "sessionid", "x-amz-credential", "x-amz-security-token",
    "x-amz-signature", "x-goog-credential", "x-goog-signature",
})  # fmt: skip
_KEPT = "/%:@!$&'()*+,;=~-._"


def checked(typed: str, network: str) -> str:
    """The address as it is kept: its host in small letters, other than ASCII encoded. "" for none.

    Errors: InputRefused("url") for what is too long, isn't https, names no public host or one of another network, has
    a port of its own, or carries a user, a password or a token.
    """
    text = typed.strip()
    if not text:
        return ""
    if len(text) > LONGEST:
        raise _refused(f"is longer than {LONGEST} characters.", "Send the short address that people share.")
    if any(character.isspace() or not character.isprintable() for character in text) or "\\" in text:
        raise _refused("holds a space, a backslash or a character that can't be seen.")
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise _refused("isn't an address.") from None
    if parts.scheme.lower() != "https":
        raise _refused("doesn't begin with https://.")
    if "@" in parts.netloc:
        raise _refused("has a user or a password in it.", "Send the address that anybody may open.")
    if port not in (None, 443):
        raise _refused("names a port.", "Send the address that people open in a browser.")
    _public(host)
    _of_network(host, network)
    for part in (parts.query, parts.fragment):
        named = next((name for name, _ in parse_qsl(part, True) if name.casefold() in _SECRETS), None)
        if named is not None:
            raise _refused(f"carries {named[:40]!r}.", "Send the address that anybody may open, and for good.")
    path = quote(parts.path, safe=_KEPT) or "/"
    query = f"?{quote(parts.query, safe=_KEPT + '?')}" if parts.query else ""
    fragment = f"#{quote(parts.fragment, safe=_KEPT + '?')}" if parts.fragment else ""
    kept = f"https://{host}{path}{query}{fragment}"
    if len(kept) > LONGEST:
        raise _refused(f"is longer than {LONGEST} characters once it is encoded.")
    return kept


def host_of(url: str) -> str:
    """The host of a kept address, as people read it."""
    return (urlsplit(url).hostname or "").removeprefix("www.")


def _public(host: str) -> None:
    try:
        ip_address(host)
    except ValueError:
        pass
    else:
        raise _refused("names its host by a number.", "Send the one with the host's name.")
    if not host.isascii():
        raise _refused("has a host in other letters than a to z.", "Send the host as xn--….")
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise _refused("names no public host.")
    if any(host == own or host.endswith(f".{own}") for own in _OWN):
        raise _refused(f"names {host!r}, which only a network of its own knows.", "Send the public address.")


def _of_network(host: str, network: str) -> None:
    own = HOSTS.get(network, ())
    if own and not any(host == each or host.endswith(f".{each}") for each in own):
        raise _refused(f"is at {host}, and the network is {network}.", f"There it is at {', '.join(own[:4])}.")


def _refused(problem: str, remedy: str = "Send it like https://www.example.com/video/1.") -> InputRefused:
    return InputRefused("url", problem, remedy)
