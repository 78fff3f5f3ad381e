"""Charts as SVG files for `<img>`, drawn at the two widths of a page, since text scales with the picture.

A chart's file carries its colours in itself, so its address says which theme it is for. The same numbers stand in a
table beside it, and the `alt` says the finding: nobody needs the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal
from xml.etree.ElementTree import Element  # noqa: S405  what the library builds; nothing is parsed

import pygal
from pygal.style import Style

WIDTHS = {"wide": 720, "narrow": 358}
Theme = Literal["light", "dark"]
# The tokens of app.css: surface, ink, muted, line, then brand, hold, warn, idle.
_COLOURS: dict[Theme, tuple[str, ...]] = {
    "light": ("#ffffff", "#16202e", "#566375", "#dfe4ea", "#0b5a63", "#5b3a9e", "#7a4a00", "#4b5768"),
    "dark": ("#171f2a", "#e7ecf2", "#a1aebd", "#2c3847", "#3fb6c2", "#c7b1f5", "#f2c063", "#b6c1ce"),
}
MOST_SERIES = 4
_FACE = '-apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'


def bars(
    labels: Sequence[str],
    series: Sequence[tuple[str, Sequence[float]]],
    *,
    width: str,
    theme: Theme,
    said: Callable[[float], str],
) -> bytes:
    """Stacked bars, one a label, of at most four series; `said` words a number of the axis.

    Errors: KeyError for a width that isn't one of `WIDTHS`.
    """
    surface, ink, muted, line, *colours = _COLOURS[theme]
    narrow = width == "narrow"
    style = Style(
        background=surface, plot_background=surface, foreground=muted, foreground_strong=ink, foreground_subtle=line,
        colors=tuple(colours), opacity="1", opacity_hover="1", transition="0s", font_family=_FACE,
        label_font_size=11, major_label_font_size=11, legend_font_size=12, guide_stroke_color=line,
        major_guide_stroke_color=line, guide_stroke_dasharray="0",
    )  # fmt: skip
    chart = pygal.StackedBar(
        style=style, js=[], width=WIDTHS[width], height=240 if not narrow else 220, explicit_size=True, spacing=4,
        margin=8, margin_right=24, legend_at_bottom=True,
        legend_at_bottom_columns=1 if narrow else min(MOST_SERIES, len(series)),
        legend_box_size=10, truncate_legend=40, truncate_label=-1, show_minor_x_labels=False,
        x_labels_major_count=3 if narrow else 6, x_label_rotation=0, min_scale=2, max_scale=5, value_formatter=said,
        show_legend=len(series) > 1, no_prefix=True, print_values=False, tooltip_border_radius=0,
    )  # fmt: skip
    chart.add_xml_filter(_picture_only)
    chart.x_labels = list(labels)
    for name, values in series[:MOST_SERIES]:
        chart.add(name, list(values))
    return bytes(chart.render())


def _picture_only(root: Element) -> Element:
    """Without the script and the comments that the library puts in: an `<img>` runs none, and a file needs none."""
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag.rpartition("}")[2] == "script":
                parent.remove(child)
    return root
