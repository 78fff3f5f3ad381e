"""The studio's first page."""

from __future__ import annotations

from connector.faces.studio.face import blueprint
from connector.web.guards import creator
from connector.web.layout import page


@blueprint.get("")
@creator
def home() -> str:
    return page("studio/home.html")
