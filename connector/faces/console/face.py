"""The console's blueprint: what support staff see. Each page stands in a module of its own, by the thing it shows."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("console", __name__, url_prefix="/console", template_folder="templates")
# APIFlask asks this of every blueprint that has a `before_request`, as imports have one; Flask's own doesn't know it.
blueprint.enable_openapi = False  # type: ignore[attr-defined]

# Why its pages read with no shop in mind.
WHY = "the console shows all shops to staff"
