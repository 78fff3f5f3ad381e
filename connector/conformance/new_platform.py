"""`connector new-platform`: a package with a platform that works, to be changed into the one that is wanted.

What is laid down is the suite's own small example with another name, so it passes from the first minute, and each
check that begins to fail afterwards is about the platform that is being written.
"""

from __future__ import annotations

import re
from pathlib import Path

from connector.errors import Conflict, InputRefused

TEMPLATE = Path(__file__).parent / "template"
SLUG = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
# `example` as a word of its own, not the end of a made-up host.
_WORD = re.compile(r"(?<![.@])example(?!\.com)")


def lay_down(slug: str, into: Path) -> list[Path]:
    """Write the package into the folder `into`, which must not hold anything yet; the files, in their order.

    Errors: InputRefused for a slug that can be no part of an address; Conflict where something is there already.
    """
    if SLUG.fullmatch(slug) is None or len(slug) > 30:
        raise InputRefused(
            "slug", f"{slug[:40]!r} can't be a platform's name.", "Use 1 to 30 of a to z, digits and single hyphens."
        )
    if into.exists() and any(into.iterdir()):
        raise Conflict(f"{into} is not empty: nothing was written.")
    package = f"connector_{slug.replace('-', '_')}"
    made: dict[Path, str] = {
        into / "pyproject.toml": _PYPROJECT.format(slug=slug, package=package),
        into / "README.md": _README.format(slug=slug, package=package, title=_title(slug)),
        into / "tests" / "__init__.py": f'"""Tests of {_title(slug)}."""\n',
    }
    for path in sorted((TEMPLATE / "platform").iterdir()):
        if path.is_file():
            made[into / package / path.name] = _named(path.read_text(), slug, package)
    for path in sorted((TEMPLATE / "tests").rglob("*")):
        if path.is_file() and path.suffix in (".py", ".json", ".md") and path.name != "__init__.py":
            name = path.name.replace("test_example", f"test_{slug.replace('-', '_')}")
            place = into / "tests" / path.relative_to(TEMPLATE / "tests").with_name(name)
            made[place] = _named(path.read_text(), slug, package)
    for place, text in made.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return list(made)


def _named(text: str, slug: str, package: str) -> str:
    text = text.replace("connector.conformance.template.platform", package)
    text = text.replace("connector.conformance.template.tests", "tests")
    text = text.replace("EXAMPLE_", f"{slug.replace('-', '_').upper()}_")
    text = re.sub(r"(?<![.@])Example", _title(slug), text)
    return _WORD.sub(slug, text)


def _title(slug: str) -> str:
    return "".join(part.capitalize() for part in slug.split("-"))


_PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "connector-{slug}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["connector"]

[project.entry-points."connector.platforms"]
{slug} = "{package}:PLATFORM"

[tool.setuptools]
packages = ["{package}"]

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]
"""

_README = """\
# {title} for connector

A platform in a package of its own: installed beside `connector` (`pip install -e .`) it is on the roster by its entry
point. `pytest` runs the shipped suite over it.

1. `{package}/NOTES.md`: facts first, each with its source.
2. `{package}/payloads.py`, `authorize.py`, `catalog.py`, `orders.py`, `webhooks.py`, `checkout.py`: one at a time, as
   the suite complains.
3. `tests/payloads`: what a real store posted, and `expected.json` with what it must become.
4. `{package}/readiness.py`: say `proven` only of what was seen.

The walk through all of it is connector's `docs/adding-a-platform.md`.
"""
