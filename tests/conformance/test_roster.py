"""Every platform of the roster passes every check of the shipped suite."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import pytest

from connector.conformance import CHECKS, Case
from connector.platforms import roster


@pytest.mark.parametrize("slug", [platform.slug for platform in roster.OURS])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_platform_conforms(slug: str, check: Callable[[Case], None]) -> None:
    case: Case = import_module(f"tests.platforms.{slug}.case").CASE
    assert case.platform is roster.platform(slug)
    check(case)
