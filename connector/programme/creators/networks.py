"""Networks on which creators show things, by the word that the API uses. An unknown one is refused, not guessed."""

from __future__ import annotations

from connector.errors import InputRefused

APP = "app"  # the app itself
# word → (its name, where a handle's page is; "" where the handle isn't in the address)
NETWORKS: dict[str, tuple[str, str]] = {
    APP: ("The app", ""),
    "bilibili": ("Bilibili", ""),
    "douyin": ("Douyin", ""),
    "facebook": ("Facebook", "https://www.facebook.com/{}"),
    "instagram": ("Instagram", "https://www.instagram.com/{}/"),
    "kuaishou": ("Kuaishou", ""),
    "line": ("LINE", ""),
    "pinterest": ("Pinterest", "https://www.pinterest.com/{}/"),
    "snapchat": ("Snapchat", "https://www.snapchat.com/add/{}"),
    "telegram": ("Telegram", "https://t.me/{}"),
    "threads": ("Threads", "https://www.threads.net/@{}"),
    "tiktok": ("TikTok", "https://www.tiktok.com/@{}"),
    "twitch": ("Twitch", "https://www.twitch.tv/{}"),
    "vk": ("VK", "https://vk.com/{}"),
    "x": ("X", "https://x.com/{}"),
    "xiaohongshu": ("Xiaohongshu", ""),
    "youtube": ("YouTube", "https://www.youtube.com/@{}"),
}


def checked(typed: str) -> str:
    """The network's word. Errors: InputRefused for one that isn't known."""
    word = typed.strip().casefold()
    if word not in NETWORKS:
        raise InputRefused("network", f"{typed[:40]!r} is no network we know.", f"Use {', '.join(NETWORKS)}.")
    return word


def title(network: str) -> str:
    return NETWORKS[network][0] if network in NETWORKS else network


def address(network: str, handle: str) -> str:
    """Where the handle's page is; "" where that isn't known."""
    return NETWORKS[network][1].format(handle) if network in NETWORKS else ""
