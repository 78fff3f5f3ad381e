"""Secrets at rest and keyed facts: sealing with rotating keys, hashes that can't be guessed from outside, signatures.

Sealing is Fernet (AES-128-CBC with HMAC-SHA256) under several keys: the first seals, all of them open, so a key is
rotated by putting a new one in front and later dropping the old one. A keyed hash lets us compare personal data
(is this buyer the same as that one?) without keeping it.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from connector.errors import ConfigurationWrong

_REMEDY = "Run `connector init` for a new .env, or put a key made by `connector keys new` there."


class Vault:
    """Seals and opens small secrets; hashes and signs with keys derived from the same material."""

    def __init__(self, sealing_keys: Sequence[str], hash_key: str) -> None:
        if not sealing_keys:
            raise ConfigurationWrong("CONNECTOR_SEALING_KEYS", "is empty", _REMEDY)
        try:
            keys = [Fernet(key) for key in sealing_keys]
        except ValueError:
            raise ConfigurationWrong("CONNECTOR_SEALING_KEYS", "holds something that isn't a key", _REMEDY) from None
        self._newest, self._fernet = keys[0], MultiFernet(keys)
        if len(hash_key) < 32:
            raise ConfigurationWrong("CONNECTOR_HASH_KEY", "is shorter than 32 characters", _REMEDY)
        self._hash_key = hash_key.encode()
        self._derived: dict[str, bytes] = {}  # there are a dozen purposes, and every order asks for five

    def seal(self, secret: bytes | str) -> str:
        data = secret.encode() if isinstance(secret, str) else secret
        return self._fernet.encrypt(data).decode()

    def open(self, sealed: str) -> bytes:
        """Errors: ConfigurationWrong when no live key opens it (a key was dropped too early)."""
        try:
            return self._fernet.decrypt(sealed.encode())
        except InvalidToken:
            raise ConfigurationWrong(
                "CONNECTOR_SEALING_KEYS",
                "no key opens what is stored",
                "Put the earlier key back, after the newest one.",
            ) from None

    def is_newest(self, sealed: str) -> bool:
        """Did the newest key seal it?"""
        try:
            self._newest.decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True

    def reseal(self, sealed: str) -> str:
        """The same secret under the newest key. Errors: as `open`."""
        return self.seal(self.open(sealed))

    def keyed_hash(self, purpose: str, value: str) -> str:
        """32 hex digits; equal values under one purpose give equal hashes, across purposes they don't."""
        return hmac.digest(self._derive(purpose), value.encode(), "sha256").hex()[:32]

    def sign(self, purpose: str, value: str) -> str:
        """A short unpadded base64url tag (96 bits) over `value`."""
        digest = hmac.digest(self._derive(purpose), value.encode(), "sha256")[:12]
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def signed_by_us(self, purpose: str, value: str, tag: str) -> bool:
        return hmac.compare_digest(self.sign(purpose, value).encode(), tag.encode())

    def _derive(self, purpose: str) -> bytes:
        derived = self._derived.get(purpose)
        if derived is None:
            derived = self._derived[purpose] = hmac.digest(self._hash_key, purpose.encode(), "sha256")
        return derived


_current: Vault | None = None


def use(vault: Vault) -> Vault:
    global _current
    _current = vault
    return vault


def current() -> Vault:
    if _current is None:
        raise RuntimeError("no vault in this process: call vault.use(Vault(…)) first")
    return _current
