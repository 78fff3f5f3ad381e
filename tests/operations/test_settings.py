"""The list of settings is read off the classes, whole, and docs/settings.md is made from it."""

from __future__ import annotations

from pathlib import Path

from connector.config import Settings
from connector.operations.settings import as_markdown, as_text, listed

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_every_setting_is_listed_with_what_it_does() -> None:
    found = {setting.name: setting for setting in listed()}
    assert {f"CONNECTOR_{name.upper()}" for name in Settings.model_fields} <= found.keys()
    assert "SHOPIFY_CLIENT_ID" in found
    assert all(setting.description for setting in found.values())
    assert found["CONNECTOR_PUBLIC_URL"].required
    assert (found["CONNECTOR_PORT"].default, found["CONNECTOR_PORT"].required) == ("8080", False)
    assert found["CONNECTOR_ENV"].choices == ("production", "dev")
    assert found["SHOPIFY_CLIENT_SECRET"].secret


def test_the_text_names_each_of_them() -> None:
    text = as_text(listed())
    assert all(setting.name in text for setting in listed())


def test_the_page_in_docs_is_true() -> None:
    assert PAGE.read_text(encoding="utf-8") == as_markdown(listed()), (
        "run: connector settings --markdown > docs/settings.md"
    )
