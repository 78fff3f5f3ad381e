"""What docs and README name exists: commands and their options, settings, files, routes, metrics, accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from connector import app as application
from connector import telemetry
from connector.cli import connector
from connector.earnings.ledger.entry import ACCOUNTS, KINDS
from connector.faces.console.measures import StateCollector
from connector.operations.settings import listed
from tests.attribution.world import app_settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def spoken(page: Path) -> Iterator[list[str]]:
    """Commands as the page writes them, in code or on a line of their own."""
    for found in re.finditer(r"(?:`|^ {4,})connector ((?:[^`\n]|\n(?! {4}))*?)(?:`|  |&|$)", text(page), re.M):
        yield found[1].split()


@each_page
def test_every_command_and_option_exists(page: Path) -> None:
    wrong = []
    for words in spoken(page):
        command: click.Command = connector
        for word in words:
            if isinstance(command, click.Group):
                found = command.commands.get(word)
                if found is None:
                    wrong.append(" ".join(words))
                    break
                command = found
            elif word.startswith("--"):
                names = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
                if word not in names:
                    wrong.append(" ".join(words))
    assert wrong == []


def test_the_walk_finds_commands() -> None:
    assert ["doctor"] in list(spoken(ROOT / "docs" / "operations.md"))
    assert any(words[:2] == ["payout", "prepare"] for words in spoken(ROOT / "docs" / "operations.md"))


@each_page
def test_every_setting_exists(page: Path) -> None:
    known = {setting.name for setting in listed()}
    named = set(re.findall(r"\b(?:CONNECTOR|SHOPIFY)_[A-Z_]+[A-Z]\b", text(page)))
    assert named - known == set()


@each_page
def test_every_file_exists(page: Path) -> None:
    made_later = {"var/demo-report.json"}
    named = set(re.findall(r"`((?:connector|docs|tests|sandbox|bench|requirements)/[\w./-]+\.\w+)`", text(page)))
    named |= {f"docs/{name}" for name in re.findall(r"`([\w-]+\.md)`", text(page)) if name != "NOTES.md"}
    named |= set(re.findall(r"\]\((?!http)([\w./-]+)\)", text(page)))
    missing = {name for name in named - made_later if "<" not in name and not (ROOT / name).exists()}
    assert {name for name in missing if not name.endswith((".png", "PROVENANCE.md"))} == set()


@each_page
def test_every_route_exists(page: Path) -> None:
    app = application.create_app(app_settings())
    rules = [re.sub(r"<[^>]+>", "[^/]+", str(rule)) for rule in app.url_map.iter_rules()]
    named = set(
        re.findall(r"(?<![\w.])(/(?:api/v1|console|dashboard|webhooks|oauth|connect|shopify|go)/[\w/<>-]+)", text(page))
    )
    named |= set(re.findall(r"`(/[a-z.]+)`", text(page)))
    unknown = [name for name in named if not any(re.fullmatch(rule, re.sub(r"<[^>]+>", "x", name)) for rule in rules)]
    assert unknown == []


def test_every_metric_and_account_exists() -> None:
    production, ledger = text(ROOT / "docs" / "going-to-production.md"), text(ROOT / "docs" / "ledger.md")
    source = Path(StateCollector.collect.__code__.co_filename).read_text()
    kept = {metric.name for metric in telemetry.REGISTRY.collect()}
    for name in set(re.findall(r"`(connector_[a-z_]+)", production)):
        assert f'"{name}"' in source or name in kept or name.removesuffix("_total") in kept, name
    assert set(re.findall(r"`([a-z]+_[a-z]+(?:_[a-z]+)?)` (?:\d|either)", ledger)) <= ACCOUNTS
    assert {account for account in ACCOUNTS if account not in ledger} == set()
    assert {kind for kind in KINDS if f"`{kind}`" not in ledger} <= {"receipt"}


def test_decisions_have_one_number_each_and_stand_in_the_list() -> None:
    folder = ROOT / "connector" / "decisions"
    pages = sorted(page.name for page in folder.glob("0*.md"))
    numbers = [name[:4] for name in pages]
    assert len(set(numbers)) == len(numbers) > 50
    assert re.findall(r"^\| (\d{4}) \| \[[^\]]+\]\((\d{4}-[a-z0-9-]+\.md)\)", text(folder / "README.md"), re.M) == [
        (name[:4], name) for name in pages
    ]
    for name in pages:
        assert text(folder / name).startswith(f"# {name[:4]} "), name
