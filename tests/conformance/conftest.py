"""Nobody waits for a store that says it is busy."""

from __future__ import annotations

import pytest

from connector.platforms import rest


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "pause", lambda seconds: None)
