"""What each reason code means: a page a code, for whoever met it in a studio, a dashboard, the console or the API."""

from __future__ import annotations

from flask import Response, url_for

from connector.faces.showcase.face import blueprint, missing, public_url, shown
from connector.web import reasons as reasons_of
from connector.web import words
from connector.web.guards import public
from connector.web.words import Audience

_WHY = "what a reason code means is no secret: whoever meets one may read it"
READERS: dict[Audience, str] = {
    "creator": "A creator reads",
    "merchant": "A merchant reads",
    "support": "Support reads",
}


@blueprint.get("/reasons")
@public(_WHY)
def reasons() -> Response:
    groups = [(reasons_of.GROUPS[group], codes) for group, codes in reasons_of.grouped().items()]
    return shown("showcase/reasons.html", groups=groups, canonical=public_url(url_for(".reasons")))


@blueprint.get("/reasons/<code>")
@public(_WHY)
def reason_page(code: str) -> Response:
    if not reasons_of.known(code):
        return missing(404, "There is no such reason", "No code here is written like this. The list has them all.")
    told = reasons_of.explain(code)
    return shown(
        "showcase/reason.html", code=code, told=told, who=reasons_of.WHO[told.who], group=reasons_of.GROUPS[told.group],
        wordings=[(reader, words.reason(code, audience)) for audience, reader in READERS.items()],
        beside=[each for each in reasons_of.grouped()[told.group] if each != code],
        canonical=public_url(url_for(".reason_page", code=code)),
    )  # fmt: skip
