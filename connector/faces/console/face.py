"""The console's blueprint: what support staff see. Each page stands in a module of its own, by the thing it shows."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("console", __name__, url_prefix="/console", template_folder="templates")

# Why its pages read with no shop in mind.
WHY = "the console shows all shops to staff"
