"""The dashboard's blueprint: what a merchant sees of their own shop, and of no other."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("dashboard", __name__, url_prefix="/dashboard", template_folder="templates")
