"""Every setting with its default, read off the settings classes themselves; `docs/settings.md` is made from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from connector.config import Settings
from connector.platforms import roster

_INTRODUCTION = """# Settings

Read once at start from the environment and from a file `.env` in the working directory; the environment wins. A setting
that is missing or wrong stops the start with its name and the remedy. `connector settings` prints this list.

This page is made by `connector settings --markdown > docs/settings.md`; a test keeps it true.
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable of the environment. `default` is as one would write it; "" with `required` False is empty."""

    group: str  # connector, or a platform's title
    name: str  # CONNECTOR_PORT
    default: str
    required: bool
    secret: bool
    choices: tuple[str, ...]
    description: str


def listed() -> list[Setting]:
    """All settings: the product's own, then each platform's in the roster's order."""
    found = list(_of(Settings, "connector"))
    for platform in roster.platforms().values():
        found.extend(_of(platform.settings, platform.title))
    return found


def as_text(settings: list[Setting]) -> str:
    """For the terminal: a block a setting."""
    blocks = []
    for setting in settings:
        blocks.append(f"{setting.name}  ({_default(setting)})\n    {setting.description}")
    return "\n".join(blocks)


def as_markdown(settings: list[Setting]) -> str:
    """For docs/settings.md: a table a group."""
    parts = [_INTRODUCTION]
    for group in dict.fromkeys(setting.group for setting in settings):
        parts.append(f"## {group}\n\n| Setting | Default | What it does |\n|---|---|---|")
        for setting in settings:
            if setting.group == group:
                words = setting.description.replace("|", "\\|")
                parts[-1] += f"\n| `{setting.name}` | {_default(setting)} | {words} |"
        parts[-1] += "\n"
    return "\n".join(parts)


def _default(setting: Setting) -> str:
    if setting.required:
        return "required"
    if not setting.default:
        return "empty"
    return f"`{setting.default}`" + (f" of {', '.join(setting.choices)}" if setting.choices else "")


def _of(kind: type[BaseSettings], group: str) -> Iterator[Setting]:
    prefix = str(kind.model_config.get("env_prefix", ""))
    for name, info in kind.model_fields.items():
        # A field that reads another class's variable (a platform that must know of dev) is listed there.
        if isinstance(info.validation_alias, str) and not info.validation_alias.upper().startswith(prefix.upper()):
            continue
        yield Setting(
            group=group,
            name=(prefix + name).upper(),
            default=_written(info),
            required=info.is_required(),
            secret=_mentions(info.annotation, SecretStr),
            choices=_choices(info.annotation),
            description=(info.description or "").strip(),
        )


def _written(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined or value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple | list):
        return ",".join(str(part) for part in value)
    return str(value)


def _choices(annotation: Any) -> tuple[str, ...]:
    return tuple(str(part) for part in get_args(annotation)) if get_origin(annotation) is Literal else ()


def _mentions(annotation: Any, wanted: type) -> bool:
    return annotation is wanted or any(_mentions(part, wanted) for part in get_args(annotation))
