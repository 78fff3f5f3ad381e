"""Every capability, way in and platform has its words, and a plug-in's archive holds what its steps speak of."""

from __future__ import annotations

import io
import zipfile
from typing import get_args

import pytest

from connector.errors import NotFound
from connector.oauth import join
from connector.platforms import roster
from connector.platforms.contract import Capability, Platform
from connector.web import archives, platform_words

ALL = list(roster.platforms().values())


def test_every_capability_and_way_has_its_words() -> None:
    assert set(platform_words.CAPABILITIES) == set(get_args(Capability))
    assert set(platform_words.WAYS) - {""} == set(get_args(join.Way))
    assert all(support for _, support in platform_words.CAPABILITIES.values())


@pytest.mark.parametrize("platform", ALL, ids=lambda each: str(each.slug))
def test_a_merchant_can_begin_on_every_platform(platform: Platform) -> None:
    assert platform_words.ways(platform).endswith(".")
    assert platform.needs.endswith(".")
    assert platform.can("joins_by_handover") == (platform.handover is not None)
    assert platform.can("joins_by_credentials") == (platform.pasted is not None)
    if platform.pasted is not None:
        names = [field.name for field in platform.pasted.fields]
        assert len(set(names)) == len(names)
        assert platform.pasted.steps
        assert not platform.pasted.fields[0].secret, "the first field is the store's address: its problems go there"
    assert platform.can("plugin") == bool(platform.plugin_steps)
    if platform.plugin_home:
        name, content = archives.plugin(platform.slug)
        inside = zipfile.ZipFile(io.BytesIO(content)).namelist()
        assert {f"{name}/package.json", f"{name}/README.md"} <= set(inside)
        assert any(each.endswith(".js") for each in inside)
        assert name in platform.plugin_steps[0]
    else:
        with pytest.raises(NotFound):
            archives.plugin(platform.slug)
