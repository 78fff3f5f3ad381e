"""The colours of app.css hold the contrast that the guide asks for, recomputed from the file itself (WCAG 2)."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

CSS = (files("connector.web") / "static/app.css").read_text()
KINDS = ("good", "info", "warn", "bad", "hold", "idle")
GROUNDS = ("page", "surface", "raised", "selected")


def _tokens(theme: str) -> dict[str, str]:
    block = re.search(rf'\[data-bs-theme="{theme}"\] \{{(.*?)\}}', CSS, re.DOTALL)
    assert block is not None
    return dict(re.findall(r"--c-([a-z-]+): (#[0-9a-f]{6})", block.group(1)))


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_controls_and_focus(theme: str) -> None:
    tokens = _tokens(theme)
    fills = [f"{kind}-fill" for kind in KINDS]
    for role, grounds, least in (
        ("ink", [*GROUNDS, *fills], 4.5), ("muted", [*GROUNDS, *fills], 4.5), ("link", GROUNDS, 4.5),
        ("focus", [*GROUNDS, *fills], 3), ("control", GROUNDS, 3),
    ):  # fmt: skip
        for ground in grounds:
            assert _contrast(tokens[role], tokens[ground]) >= least, (role, ground)
    for kind in KINDS:
        for ground in (f"{kind}-fill", *GROUNDS):
            assert _contrast(tokens[kind], tokens[ground]) >= 4.5, (kind, ground)
    for ground in ("brand", "brand-hover"):
        assert _contrast(tokens["on-brand"], tokens[ground]) >= 4.5


def test_both_themes_name_the_same_tokens() -> None:
    assert _tokens("light").keys() == _tokens("dark").keys()


def test_no_other_colours() -> None:
    """Outside the tokens only print's black and white: a page can't fall out of a theme."""
    rest = CSS[CSS.index("html { scroll") :]
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b", rest)) == {"#fff", "#000"}
    assert "rgb(" not in rest
    assert "url(" not in rest
    assert "@import" not in CSS
