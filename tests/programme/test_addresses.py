"""Where a content can be seen: which addresses are taken, and what is said of those that aren't."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import InputRefused
from connector.programme.content.addresses import HOSTS, LONGEST, checked, host_of
from connector.programme.creators.networks import NETWORKS, address


@pytest.mark.parametrize(
    ("typed", "network", "kept"),
    [
        ("https://app.example/video/v1", "app", "https://app.example/video/v1"),
        (" HTTPS://WWW.YouTube.com/watch?v=aB-_9&t=3s ", "youtube", "https://www.youtube.com/watch?v=aB-_9&t=3s"),
        ("https://youtu.be/aBc", "youtube", "https://youtu.be/aBc"),
        ("https://vm.tiktok.com/ZM1/", "tiktok", "https://vm.tiktok.com/ZM1/"),
        ("https://clips.example", "vimeo", "https://clips.example/"),
        ("https://app.example:443/ü b".replace(" ", "%20"), "app", "https://app.example/%C3%BC%20b"),
        ("https://app.example/<script>?q=\"x'", "app", "https://app.example/%3Cscript%3E?q=%22x'"),
        ("https://xn--bcher-kva.example/1#at", "app", "https://xn--bcher-kva.example/1#at"),
        ("", "app", ""),
        ("   ", "youtube", ""),
    ],
)
def test_an_address_is_kept_in_one_form(typed: str, network: str, kept: str) -> None:
    assert checked(typed, network) == kept
    assert checked(kept, network) == kept


@pytest.mark.parametrize(
    ("typed", "network", "said"),
    [
        ("http://app.example/v", "app", "https://"),
        ("javascript:alert(1)", "app", "https://"),
        ("//app.example/v", "app", "https://"),
        ("app.example/v", "app", "https://"),
        ("https://mira:secret@app.example/v", "app", "user or a password"),
        ("https://app.example@evil.example/v", "app", "user or a password"),
        ("https://app.example:8443/v", "app", "port"),
        ("https://app.example:x/v", "app", "isn't an address"),
        ("https://[::1/v", "app", "isn't an address"),
        ("https:///v", "app", "no public host"),
        ("https://intranet/v", "app", "no public host"),
        ("https://a_b.example/v", "app", "no public host"),
        ("https://videos.corp/v", "app", "network of its own"),
        ("https://app.local./v", "app", "network of its own"),
        ("https://10.0.0.1/v", "app", "by a number"),
        ("https://[fe80::1]/v", "app", "by a number"),
        ("https://2130706433/v", "app", "no public host"),
        ("https://\u0430pp.example/v", "app", "other letters"),  # a Cyrillic a
        ("https://app.example/v one", "app", "a space"),
        ("https://app.example\\@evil.example/v", "app", "backslash"),
        ("https://app.example/\u202ev", "app", "can't be seen"),
        ("https://app.example/v?Access_Token=1", "app", "Access_Token"),
        ("https://app.example/v#id_token=1", "app", "id_token"),
        ("https://b.example/v?X-Amz-Signature=1", "app", "X-Amz-Signature"),
        ("https://youtube.com.evil.example/v", "youtube", "youtube.com, youtu.be"),
        ("https://notyoutube.com/v", "youtube", "the network is youtube"),
        ("https://app.example/" + "v" * LONGEST, "app", "longer than 2000"),
        ("https://app.example/" + "ü" * 1000, "app", "once it is encoded"),
    ],
)
def test_what_is_no_public_address_is_refused(typed: str, network: str, said: str) -> None:
    with pytest.raises(InputRefused) as refused:
        checked(typed, network)
    assert refused.value.field == "url"
    assert said in str(refused.value)


@given(st.text(max_size=60), st.sampled_from(["app", "youtube"]), st.booleans())
def test_whatever_is_typed_gives_an_address_of_the_network_or_a_refusal(typed: str, network: str, whole: bool) -> None:
    try:
        kept = checked(f"https://youtu.be/{typed}" if whole else typed, network)
    except InputRefused:
        return
    if kept:
        parts = urlsplit(kept)
        assert (parts.scheme, parts.username, parts.port, kept.isascii()) == ("https", None, None, True)
        assert not set(kept) & set("<>\"' \\")
        assert network == "app" or host_of(kept) == "youtu.be"


def test_every_network_whose_pages_we_link_to_names_its_hosts() -> None:
    for network in NETWORKS:
        page = address(network, "mira")
        if page:
            assert checked(page, network)
    assert set(HOSTS) == set(NETWORKS) - {"app"}
