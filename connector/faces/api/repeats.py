"""Every write takes an `Idempotency-Key`. Operations that keep what a key made by themselves (taps, carts, lists of
invitations, messages, samples) say so in their own input; all others are answered from `access.answers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, abort, current_app, g, request

from connector import clock, db
from connector.access import answers
from connector.access.answers import Kept
from connector.db import Scope
from connector.faces.api.face import blueprint

HEADER = "Idempotency-Key"
ABOUT = (
    "A key of your own, up to 200 characters, for this one request: sent again with it within a day, it is answered as "
    "the first time and does nothing more. The same key with another request is refused; while the first is under way "
    "the answer is 429."
)


def by_itself(view: Callable[..., Any]) -> bool:
    """Does the operation look after the key itself?"""
    return any(location == "headers" for _, location in getattr(view, "_spec", {}).get("args") or ())


def answer_again() -> None:
    """Asked when it is known whose token it is. Answers at once where the key has an answer.

    Errors: as `answers.begin`.
    """
    key = request.headers.get(HEADER)
    if key is None or request.method in ("GET", "HEAD", "OPTIONS") or request.blueprint != blueprint.name:
        return
    if by_itself(current_app.view_functions[str(request.endpoint)]):
        return
    asked = answers.request_hash(request.method, request.full_path, request.get_data())
    with db.write(Scope.app()) as session:
        found = answers.begin(session, g.app_token.id, key, asked, clock.wall())
    if found is not None:
        given = Response(found.body, found.status, mimetype=found.mimetype)
        given.headers["Idempotent-Replayed"] = "true"
        abort(given)
    g.answers_key = key


@blueprint.after_request
def keep_answer(response: Response) -> Response:
    key = g.pop("answers_key", None)
    if key is None:
        return response
    with db.write(Scope.app()) as session:
        if 200 <= response.status_code < 300 and not response.is_streamed:
            answers.keep(
                session, g.app_token.id, key, Kept(response.status_code, response.mimetype or "", response.get_data())
            )
        else:
            answers.drop(session, g.app_token.id, key)
    return response
