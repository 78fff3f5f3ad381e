"""Creators' own pages: the app's back end asks for a link, and shuts a creator out again."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import current_app

from connector import db
from connector.access import studio
from connector.db import Scope
from connector.faces.api import shapes
from connector.faces.api.face import blueprint
from connector.programme.creators import queries as creators
from connector.web.guards import actor, app_scope


@blueprint.post("/creators/<creator_id>/studio-link")
@app_scope("studio:write")
@blueprint.input(shapes.StudioLinkAsked)
@blueprint.output(shapes.StudioLinkShown, status_code=201)
def make_studio_link(creator_id: str, json_data: shapes.StudioLinkAsked) -> shapes.StudioLinkShown:
    """Make a link that opens a creator's own pages, once, for ten minutes

    Open it at once in the app's web view, for the creator who is signed in there. Links made before stop working.
    """
    with db.write(Scope.app()) as session:
        creators.living(session, creator_id)
        token, until = studio.link(session, creator_id, by=actor())
    url = f"{current_app.config['CONNECTOR'].public_url}/studio/sign-in/link/{token}"
    return shapes.StudioLinkShown(
        url=f"{url}?{urlencode({'to': json_data.to})}" if json_data.to else url, expires_at=until
    )


@blueprint.delete("/creators/<creator_id>/studio-sessions")
@app_scope("studio:write")
@blueprint.output({}, status_code=204)
def end_studio_sessions(creator_id: str) -> str:
    """Sign a creator out everywhere, and end links that were not used yet

    For an account that was taken over. The creator comes back with a new link.
    """
    with db.write(Scope.app()) as session:
        creators.get(session, creator_id)
        studio.sign_out_everywhere(session, creator_id, by=actor())
    return ""
