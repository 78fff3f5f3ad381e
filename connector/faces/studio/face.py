"""The studio's blueprint: what a creator sees of their own earnings, and of nobody else's."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("studio", __name__, url_prefix="/studio", template_folder="templates")
