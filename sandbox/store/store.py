"""The running stand-in behind every face: its parts, wired together once. Shared views find it as `here`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Response, current_app
from werkzeug.local import LocalProxy

from sandbox.store import wire
from sandbox.store.acts import Acts
from sandbox.store.clock import Clock
from sandbox.store.face import Face
from sandbox.store.misbehaviour import Misbehaviour
from sandbox.store.sending import Sending
from sandbox.store.state import Doc, State


@dataclass(frozen=True)
class StoreSettings:
    """How the stand-in was started, whatever platforms it plays."""

    state_dir: Path
    base_url: str  # http://127.0.0.1:P
    clock_file: Path | None = None
    retry_compression: float = 240.0  # four hours of retries take a minute
    delivery_threads: int = 4


class Store:
    """All shops of all platforms. A face adds itself to `faces` when it is made."""

    def __init__(self, settings: StoreSettings) -> None:
        self.settings = settings
        self.base_url = settings.base_url
        self.state = State(settings.state_dir)
        self.clock = Clock(settings.clock_file)
        self.misbehaviour = Misbehaviour(self.state)
        self.faces: dict[str, Face] = {}
        self.sending = Sending(
            self.state, self.clock, self.misbehaviour, self.face, compression=settings.retry_compression,
            threads=settings.delivery_threads,
        )  # fmt: skip
        self.acts = Acts(self.state, self.clock, self.faces)

    def face(self, shop: Doc) -> Face:
        return self.faces[shop["platform"]]

    def origin(self, shop: Doc) -> str:
        """The storefront's address."""
        return f"{self.base_url}{self.face(shop).root(shop)}"

    def start(self) -> None:
        self.sending.start()

    def stop(self) -> None:
        self.sending.stop()
        self.state.close()


def _of_this_app() -> Store:
    found: Store = current_app.config["STORE"]
    return found


# The store that the request at hand is for: what views of this process speak to.
here: Store = LocalProxy(_of_this_app)  # type: ignore[assignment]


def json_answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    answer = Response(wire.dumps(body), status, content_type="application/json; charset=utf-8")
    for name, value in (headers or {}).items():
        answer.headers[name] = value
    return answer
