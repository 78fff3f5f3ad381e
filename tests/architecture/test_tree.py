"""What every file keeps to: it stands on any machine, brings nothing of others along unsaid, and the locks hold."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = (".ci", "bench", "connector", "docs", "requirements", "sandbox", "tests")
# Folders of recorded or made data that say where it comes from in a page of their own; else a file says it itself.
SAYING = ("PROVENANCE.md", "README.md")


@cache
def files() -> tuple[Path, ...]:
    inside = [path for place in PLACES for path in (ROOT / place).rglob("*")]
    left_out = {"__pycache__", "node_modules", ".env", ".git"}
    return tuple(
        path for path in [*ROOT.glob("*"), *inside]
        if path.is_file() and not left_out & set(path.parts) and path.suffix != ".pyc"
    )  # fmt: skip


@cache
def text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a path of one machine", r"(?<![\w.…}>])/(?:work|home|root|Users|opt)/[a-z][\w.-]*/"),
        ("a folder beside the repository", r"\.\./shared\b"),
        ("a host of a package registry", r"\b(?:pypi\.org|pythonhosted\.org|registry\.(?:npmjs\.org|yarnpkg\.com))\b"),
        ("an index of packages", r"^\s*--(?:extra-)?index-url|^registry=|\"resolved\":"),
    ],
)  # fmt: skip
def test_no_file_holds(what: str, pattern: str) -> None:
    sought = re.compile(pattern, re.M)
    here = Path(__file__).resolve()
    assert [name(path) for path in files() if path != here and sought.search(text(path))] == [], what


def test_nothing_of_others_is_brought_along_minified() -> None:
    """Bootstrap, Swagger UI and icons come from their packages; own scripts and styles are as they were written."""
    assets = [path for path in files() if path.suffix in (".js", ".mjs", ".css", ".svg")]
    assert len(assets) > 10
    assert [
        name(path) for path in assets
        if ".min." in path.name or max(map(len, text(path).splitlines()), default=0) > 1000
    ] == []  # fmt: skip


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.lock")), ids=lambda path: path.name)
def test_everything_locked_is_hashed(lock: Path) -> None:
    pinned = re.split(r"\n(?=\S)", text(lock).strip())
    kept = [one for one in pinned if not one.startswith("#")]
    assert len(kept) > 80
    assert [one.splitlines()[0] for one in kept if not re.search(r"--hash=sha256:[0-9a-f]{64}", one)] == []
    asked = re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", text(lock.with_suffix(".in")), re.M)
    locked = {one.split("==")[0].lower() for one in kept}
    assert [one for one in asked if one.lower() not in locked] == []


def test_data_says_where_it_comes_from() -> None:
    """Recorded bodies by a page in their folder or the one above (`golden`: our own output); tables in a word."""
    recorded = {
        path.parent for path in files()
        if path.suffix in (".json", ".jsonl", ".graphql") and "tests" in path.parts and path.parent.name != "golden"
    }  # fmt: skip
    assert len(recorded) > 10
    assert [
        name(folder) for folder in sorted(recorded)
        if not any((place / page).exists() for place in (folder, folder.parent) for page in SAYING)
    ] == []  # fmt: skip
    kept = [path for path in files() if path.name == "PROVENANCE.md" and "tests" in path.parts[: len(ROOT.parts) + 1]]
    assert [name(path) for path in kept if not re.search(r"^Licence: ", text(path), re.M)] == []
    assert [name(path) for path in kept if not re.search(r"20\d\d-\d\d", text(path))] == []
    shipped = [*(ROOT / "connector").rglob("data/*.json"), ROOT / "sandbox" / "shopify" / "schema.graphql"]
    assert len(shipped) > 6
    says = re.compile(r'"(?:about|source)": "[^"]*(?:read 20\d\d|Written for this project|written by hand)|licence')
    assert [name(path) for path in shipped if not says.search(text(path))] == []
