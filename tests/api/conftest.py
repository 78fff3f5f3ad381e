from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from connector import clock
from connector.access import tokens
from connector.access.tokens import SCOPES
from connector.db import Database, Scope
from connector.web import guards
from tests.attribution.world import PLACED, World, app_settings, put_on_roster
from tests.conftest import wired


class Api:
    """The API as the app's back end calls it, with a token of the scopes given."""

    def __init__(self, app: Flask, database: Database) -> None:
        self.app = app
        self.database = database
        self.client = app.test_client()
        self.secret = self.token(*SCOPES)

    def token(self, *scopes: str) -> str:
        with self.database.write(Scope.app()) as session:
            return tokens.issue(session, "test", scopes, by="test")[1]

    def send(
        self, method: str, path: str, body: Any = None, *, secret: str | None = None, **headers: str
    ) -> TestResponse:
        bearer = self.secret if secret is None else secret
        sent = {"Authorization": f"Bearer {bearer}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.client.open(f"/api/v1{path}", method=method, json=body, headers=sent)

    def get(self, path: str, **headers: str) -> Any:
        answer = self.send("GET", path, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json

    def post(self, path: str, body: Any, **headers: str) -> Any:
        answer = self.send("POST", path, body, **headers)
        assert answer.status_code == 201, answer.text
        return answer.json


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    put_on_roster(monkeypatch)
    monkeypatch.setattr(clock, "now", lambda: PLACED)
    return World(database).begin()


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    guards._rates.storage.reset()
    yield Api(wired(app_settings(touches_per_minute=3)), world.database)
    guards._rates.storage.reset()
