"""Calls to one store's API."""

from __future__ import annotations

from connector.conformance.template.platform.settings import ExampleSettings
from connector.platforms.contract import Client
from connector.platforms.rest import Rest


def api(client: Client) -> Rest:
    """The usual meaning of statuses is `rest`'s; a platform that answers otherwise hands in a `judge`."""
    settings: ExampleSettings = client.settings
    headers = {"Authorization": f"Bearer {client.grant.access_token}"}
    return Rest.of(client, f"{settings.origin(client.domain)}/api", headers)
