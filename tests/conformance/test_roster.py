"""Every platform of the roster passes every check of the shipped suite."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from connector.conformance import CHECKS, Case
from connector.platforms import roster

PLATFORMS = Path(__file__).parents[1] / "platforms"


@cache
def case_of(slug: str) -> Case:
    spec = importlib.util.spec_from_file_location(f"case_{slug}", PLATFORMS / slug / "case.py")
    assert spec is not None, f"tests/platforms/{slug}/case.py is missing"
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    case: Case = module.CASE
    return case


@pytest.mark.parametrize("slug", [platform.slug for platform in roster.OURS])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_platform_conforms(slug: str, check: Callable[[Case], None]) -> None:
    case = case_of(slug)
    assert case.platform is roster.platform(slug)
    check(case)
