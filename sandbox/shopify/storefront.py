from __future__ import annotations
from flask import Blueprint
def blueprint(store):
    return Blueprint("storefront", __name__)
