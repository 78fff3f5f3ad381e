"""The bare application that ours is measured beside: Flask, an HMAC over the raw body, one durable INSERT, 200.

It keeps what a minimal receiver would: shop, topic, delivery id, body, time. One connection a thread, opened once.
With PEER_STORES=0 it keeps nothing: the ceiling of the server and of Flask.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import sqlite3
import threading
from typing import Any

import psycopg
from flask import Flask, Response, abort, request

TABLE = "CREATE TABLE IF NOT EXISTS inbox (id {key}, shop TEXT, topic TEXT, delivery TEXT, body TEXT, at {time})"
_local = threading.local()


def prepare(url: str) -> None:
    """Make the peer's one table."""
    connection = _connect(url)
    is_sqlite = url.startswith("sqlite")
    key = "INTEGER PRIMARY KEY" if is_sqlite else "BIGSERIAL PRIMARY KEY"
    connection.execute(
        TABLE.format(key=key, time="TEXT DEFAULT CURRENT_TIMESTAMP" if is_sqlite else "TIMESTAMPTZ DEFAULT now()")
    )
    connection.commit()
    connection.close()


def _connect(url: str) -> Any:
    if not url.startswith("sqlite"):
        return psycopg.connect(url)
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def create_app() -> Flask:
    app = Flask("bare")
    stores = os.environ.get("PEER_STORES", "1") == "1"
    url, secret = os.environ["PEER_DATABASE_URL"], os.environ["PEER_SECRET"].encode()
    marks = "?, ?, ?, ?" if url.startswith("sqlite") else "%s, %s, %s, %s"
    statement = f"INSERT INTO inbox (shop, topic, delivery, body) VALUES ({marks})"

    @app.post("/webhooks/shopify")
    def receive() -> Response:
        body = request.get_data()
        wanted = base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(wanted, request.headers.get("X-Shopify-Hmac-Sha256", "")):
            abort(401)
        if not stores:
            return Response("ok")  # the ceiling: what the same server answers when nothing is kept
        if not hasattr(_local, "connection"):
            _local.connection = _connect(url)
        header = request.headers
        row = (
            header["X-Shopify-Shop-Domain"],
            header["X-Shopify-Topic"],
            header["X-Shopify-Webhook-Id"],
            body.decode(),
        )
        _local.connection.execute(statement, row)
        _local.connection.commit()
        return Response("ok")

    return app
