"""The claims of a JWT that a platform signed with our app's secret (RFC 7519, HS256)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import OctKey

from connector.errors import SignatureRejected


def signed(
    token: str, secrets: Sequence[bytes], registry: jwt.JWTClaimsRegistry, *, longest: int, what: str
) -> dict[str, Any]:
    """The claims, where a live secret signed them and `registry` finds nothing wrong with them.

    `longest`: characters that a token of this platform may have. `what`: what it is called in a refusal.
    Errors: SignatureRejected, with a reason that quotes nothing of the token.
    """
    if not 0 < len(token) <= longest or not token.isascii():
        raise SignatureRejected(f"that isn't a {what}")
    if not secrets:
        raise SignatureRejected(f"no secret is set that a {what} could be checked with")
    for secret in secrets:
        try:
            # The algorithm is pinned: `none`, or RS256 with our secret as its public key, are refused here.
            found = jwt.decode(token, OctKey.import_key(secret), algorithms=["HS256"])
            registry.validate(found.claims)
            return dict(found.claims)
        except BadSignatureError:
            continue
        except (JoseError, ValueError, TypeError, KeyError, OverflowError) as error:
            raise SignatureRejected(f"the {what} is refused ({type(error).__name__})") from None
    raise SignatureRejected(f"the {what}'s signature is wrong")
