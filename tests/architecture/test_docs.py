"""What docs and README name exists: commands, options, settings, files, routes, scopes, events, metrics, accounts.

And the other way round: every command stands in some page, and every room in README's map.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from connector import telemetry
from connector.access import tokens
from connector.cli import connector
from connector.earnings.ledger.entry import ACCOUNTS, KINDS
from connector.faces.console.measures import StateCollector
from connector.operations.settings import listed
from connector.operations.telling import catalogue
from tests.attribution.world import app_settings
from tests.conftest import wired

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
ROOMS = "access|checkout|commerce|conformance|earnings|faces|insight|operations|programme|sync"
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def spoken(page: Path) -> Iterator[list[str]]:
    """Commands as the page writes them, in code or on a line of their own."""
    for found in re.finditer(r"(?:`|^ {4,})connector ((?:[^`\n]|\n(?! {4}))*?)(?:`|  |&|$)", text(page), re.M):
        yield found[1].split()


@cache
def words_of_the_code() -> frozenset[str]:
    kinds = (".py", ".html", ".toml", ".json", ".js", ".md", ".graphql")
    found: set[str] = set()
    for place in ("connector", "sandbox", "bench"):
        for path in (ROOT / place).rglob("*"):
            if path.suffix in kinds:
                found.update(re.findall(r"[A-Za-z0-9_]+", path.read_text(encoding="utf-8")))
    return frozenset(found)


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


def test_every_command_stands_in_a_page() -> None:
    def all_of(group: click.Group, before: str) -> Iterator[str]:
        for word, command in group.commands.items():
            if isinstance(command, click.Group):
                yield from all_of(command, f"{before} {word}")
            else:
                yield f"{before} {word}"

    told = " ".join(" ".join(text(page) for page in PAGES).split())
    assert [name for name in all_of(connector, "connector") if not re.search(rf"{name}\b", told)] == []


@each_page
def test_every_setting_exists(page: Path) -> None:
    known = {setting.name for setting in listed()}
    prefixes = "|".join(sorted({name.split("_")[0] for name in known}))
    named = set(re.findall(rf"\b(?:{prefixes})_[A-Z_]+[A-Z]\b", text(page)))
    assert named - known == set()


@each_page
def test_every_file_exists(page: Path) -> None:
    made_later = {"var/demo-report.json"}
    named = set(re.findall(r"`((?:connector|docs|tests|sandbox|bench|requirements)/[\w./-]+\.\w+)`", text(page)))
    named |= {
        f"docs/{name}" for name in re.findall(r"`([\w-]+\.md)`", text(page)) if name not in ("NOTES.md", "CHANGELOG.md")
    }
    named |= set(re.findall(r"\]\((?!http)([\w./-]+)\)", text(page)))
    missing = {name for name in named - made_later if "<" not in name and not (ROOT / name).exists()}
    assert missing == set()


def test_every_path_that_notes_and_decisions_name_exists() -> None:
    pages = [
        *(ROOT / "connector").rglob("*.md"), *(ROOT / "tests").rglob("*.md"),
        *(ROOT / "sandbox").glob("*.md"), *(ROOT / "bench").glob("*.md"),
    ]  # fmt: skip
    pages = [
        page for page in pages if "bigcommerce/payloads" not in page.as_posix()
    ]  # names files of BigCommerce's own docs
    assert len(pages) > 70
    missing = []
    for page in pages:
        named = re.findall(r"`((?:connector|docs|tests|sandbox|bench|requirements)/[\w./-]+)`", text(page))
        named += [f"connector/{name}" for name in re.findall(rf"`((?:{ROOMS})/[\w./-]+\.py)`", text(page))]
        modules = re.findall(rf"`((?:{ROOMS})\.[a-z_]+(?:\.[a-z_]+)*)`", text(page))
        missing += [f"{page.name}: {name}" for name in named if not (ROOT / name).exists()]
        missing += [f"{page.name}: {name}" for name in modules if not stands(name)]
    assert missing == []


def stands(name: str) -> bool:
    """`earnings.ledger.entry`, or a name in a module: `operations.crediting.deciding.book`."""
    at, *rest = [ROOT / "connector", *name.split(".")]
    for place, part in enumerate(rest):
        if (at / part).is_dir():
            at /= part
            continue
        module = at / f"{part}.py"
        return module.exists() and all(re.search(rf"\b{one}\b", text(module)) for one in rest[place + 1 :])
    return True


def test_readme_s_map_has_every_room_and_names_none_that_is_not_there() -> None:
    table = text(ROOT / "README.md").split("## Where is")[1].split("\n## ")[0]
    named = {name.rstrip("/") for name in re.findall(r"`([\w./<>-]+)`", table)}
    paths = {name for name in named if re.match(r"(?:connector|docs|sandbox|bench|tests|requirements)(?:/|$)", name)}
    assert [name for name in paths if not list(ROOT.glob(re.sub(r"<[^>]+>", "*", name)))] == []
    rooms = {path.parent for path in (ROOT / "connector").rglob("__init__.py")} - {ROOT / "connector"}
    rooms |= {path for path in (ROOT / "connector").glob("*.py") if not path.name.startswith("__")}
    told = {path for name in paths for path in ROOT.glob(re.sub(r"<[^>]+>", "*", name))}
    # What has rooms inside is told by them; parts of a room by the room.
    houses = {
        ROOT / "connector" / name for name in ("faces", "operations", "insight", "earnings", "programme", "commerce")
    }
    missing = [
        room.relative_to(ROOT).as_posix() for room in sorted(rooms)
        if room not in told and not (told - houses) & set(room.parents) and not any(room in one.parents for one in told)
    ]  # fmt: skip
    assert missing == []


@each_page
def test_every_route_exists(page: Path) -> None:
    app = wired(app_settings())
    rules = [re.sub(r"<[^>]+>", "[^/]+", str(rule)) for rule in app.url_map.iter_rules()]
    places = (
        "api/v1|console|dashboard|studio|install|hooks|webhooks|oauth|connect|shopify|bigcommerce|go|products|reasons"
    )
    named = {name.rstrip(".") for name in re.findall(rf"(?<![\w.…>}}])(/(?:{places})/[\w/<>{{}}.-]+)", text(page))}
    named |= set(re.findall(r"`(/[a-z.]+)`", text(page)))
    unknown = [
        name for name in named if not any(re.fullmatch(rule, re.sub(r"<[^>]+>|{[^}]+}", "x", name)) for rule in rules)
    ]
    assert unknown == []


@pytest.mark.parametrize("face", ["console", "dashboard", "studio"])
def test_every_page_of_a_face_stands_in_its_own_page(face: str) -> None:
    """Itself, or the page that leads to it; a page about one thing stands with the list of such things."""
    told = text(ROOT / "docs" / f"{face}.md")
    rules = [str(rule) for rule in wired(app_settings()).url_map.iter_rules() if "GET" in (rule.methods or ())]
    pages = [rule for rule in rules if rule.startswith(f"/{face}/") and "<" not in rule and "sign-in" not in rule]
    assert len(pages) > 15
    left = [rule for rule in pages if f"`{rule}`" not in told and f"`{rule.rsplit('/', 1)[0]}`" not in told]
    assert [rule for rule in left if rule not in ("/console/find", "/dashboard/connect")] == []


@each_page
def test_every_method_of_an_operation_exists(page: Path) -> None:
    app = wired(app_settings())
    taken = [(re.sub(r"<[^>]+>", "[^/]+", str(rule)), rule.methods or set()) for rule in app.url_map.iter_rules()]
    unknown = [
        f"{method} {path}"
        for method, path in re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) (/api/v1/[\w/<>{}.-]+)", text(page))
        if not any(
            method in methods and re.fullmatch(rule, re.sub(r"<[^>]+>|{[^}]+}", "x", path.rstrip(".")))
            for rule, methods in taken
        )
    ]
    assert unknown == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if not page.name.startswith("connect-a-")], ids=lambda at: at.name
)
def test_every_scope_and_event_exists(page: Path) -> None:
    assert set(re.findall(r"`([a-z]+:(?:read|write))`", text(page))) - set(tokens.SCOPES) == set()
    families = "|".join(sorted({kind.split(".")[0] for kind in catalogue.KINDS}))
    named = set(re.findall(rf"`((?:{families})\.[a-z_]+)`", text(page)))
    assert named - set(catalogue.KINDS) - set(catalogue.RENAMED) == set()


@each_page
def test_every_name_in_the_code_s_own_spelling_stands_in_the_code(page: Path) -> None:
    """Reason codes, checks, fields, settings of shops, switches: `like_this`."""
    theirs = {"max_connections", "pg_dump"}  # PostgreSQL's
    named = set(re.findall(r"`([a-z]+(?:_[a-z0-9]+)+)`", text(page))) - theirs
    assert sorted(name for name in named if name not in words_of_the_code()) == []


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
