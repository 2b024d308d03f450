"""What Discord demands of a message's components, and the form in which it gives them back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playground.world.errors import FormErrors
from playground.world.values import Json, as_dict, as_dicts, as_id, without_none

ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT = 5, 6, 7, 8
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER = 9, 10, 11, 12, 13, 14, 17

SELECTS = (STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT)
IN_CONTAINER = (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR)
AT_TOP = (*IN_CONTAINER, CONTAINER)

MOST_COMPONENTS = 40
MOST_CHARACTERS = 4000  # over all text displays of a message
LINK_STYLE, PREMIUM_STYLE = 5, 6


@dataclass(slots=True, eq=False)
class ComponentReader:
    """Reads the components of one message. `shown` are the ids of its attachments that they refer to."""

    errors: FormErrors
    attachments: list[Json]
    is_v2: bool
    shown: set[str] = field(default_factory=set[str])
    custom_ids: set[str] = field(default_factory=set[str])
    count: int = 0
    characters: int = 0

    def read(self, components: list[Json], path: str = "components") -> list[Json]:
        if not self.is_v2:
            self.errors.count(path, len(components), 0, 5)
        taken = {as_id(each.get("id")) for each in components}
        allowed = AT_TOP if self.is_v2 else (ROW,)
        result = [self._read(each, f"{path}.{i}", allowed) for i, each in enumerate(components)]
        if self.is_v2 and self.count > MOST_COMPONENTS:
            self.errors.add(
                path,
                "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
                f"The total number of components cannot exceed {MOST_COMPONENTS}",
            )
        if self.characters > MOST_CHARACTERS:
            self.errors.add(
                path,
                "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
                f"The total displayable text size exceeds {MOST_CHARACTERS} characters",
            )
        number(result, taken)
        return result

    def _read(self, component: Json, path: str, allowed: tuple[int, ...]) -> Json:
        self.count += 1
        kind = component.get("type")
        if kind not in allowed:
            self.errors.one_of(f"{path}.type", allowed)
            return {"type": kind, "id": 0}
        shaped: Json = {"type": kind, "id": as_id(component.get("id"))}
        if kind == ROW:
            return shaped | {"components": self._row(component, path)}
        if kind == BUTTON:
            return shaped | self._button(component, path)
        if kind in SELECTS:
            return shaped | self._select(component, path)
        if kind == SECTION:
            return shaped | self._section(component, path)
        if kind == TEXT:
            content = component.get("content")
            self.errors.length(f"{path}.content", content, 1, MOST_CHARACTERS)
            self.characters += len(str(content or ""))
            return shaped | {"content": content}
        if kind == GALLERY:
            items = as_dicts(component.get("items"))
            self.errors.count(f"{path}.items", len(items), 1, 10)
            return shaped | {
                "items": [self._media_item(item, f"{path}.items.{i}") for i, item in enumerate(items)]
            }
        if kind == THUMBNAIL:
            return shaped | self._media_item(component, path)
        if kind == FILE:
            return shaped | self._file(component, path)
        if kind == SEPARATOR:
            divider, spacing = component.get("divider"), component.get("spacing")
            if spacing not in (None, 1, 2):
                self.errors.one_of(f"{path}.spacing", (1, 2))
            return shaped | {"divider": divider is not False, "spacing": spacing or 1}
        inner = as_dicts(component.get("components"))
        self.errors.count(f"{path}.components", len(inner), 1, MOST_COMPONENTS)
        return shaped | {
            "accent_color": component.get("accent_color"),
            "spoiler": bool(component.get("spoiler")),
            "components": [
                self._read(each, f"{path}.components.{i}", IN_CONTAINER) for i, each in enumerate(inner)
            ],
        }

    def _row(self, row: Json, path: str) -> list[Json]:
        inner = as_dicts(row.get("components"))
        has_select = any(each.get("type") in SELECTS for each in inner)
        self.errors.count(f"{path}.components", len(inner), 1, 1 if has_select else 5)
        allowed = (BUTTON, *SELECTS)
        return [self._read(each, f"{path}.components.{i}", allowed) for i, each in enumerate(inner)]

    def _custom_id(self, component: Json, path: str) -> str:
        custom_id = component.get("custom_id")
        self.errors.length(f"{path}.custom_id", custom_id, 1, 100)
        if custom_id in self.custom_ids:
            self.errors.add(
                f"{path}.custom_id",
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            )
        self.custom_ids.add(str(custom_id))
        return str(custom_id)

    def _button(self, button: Json, path: str) -> Json:
        style = button.get("style")
        if not isinstance(style, int) or not 1 <= style <= PREMIUM_STYLE:
            self.errors.one_of(f"{path}.style", (1, 2, 3, 4, 5, 6))
        self.errors.length(f"{path}.label", button.get("label"), 0, 80)
        shaped = without_none((key, button.get(key)) for key in ("label", "url", "sku_id"))
        shaped |= {"style": style, "disabled": bool(button.get("disabled"))}
        if as_dict(button.get("emoji")):
            shaped["emoji"] = read_emoji(button["emoji"])
        if style == LINK_STYLE:
            self.errors.length(f"{path}.url", button.get("url"), 1, 512)
        if style in (LINK_STYLE, PREMIUM_STYLE):
            if button.get("custom_id"):
                self.errors.add(
                    f"{path}.custom_id",
                    "COMPONENT_CUSTOM_ID_AND_URL",
                    "A custom id and url cannot both be specified",
                )
            return shaped
        shaped["custom_id"] = self._custom_id(button, path)
        if not button.get("label") and "emoji" not in shaped:
            self.errors.add(
                f"{path}.label", "BUTTON_COMPONENT_LABEL_REQUIRED", "A label or an emoji is required"
            )
        return shaped

    def _select(self, select: Json, path: str) -> Json:
        low, high = select.get("min_values"), select.get("max_values")
        low, high = 1 if low is None else int(low), 1 if high is None else int(high)
        shaped: Json = {
            "custom_id": self._custom_id(select, path),
            "min_values": low,
            "max_values": high,
            "disabled": bool(select.get("disabled")),
        }
        self.errors.length(f"{path}.placeholder", select.get("placeholder"), 0, 150)
        if not (0 <= low <= 25 and max(low, 1) <= high <= 25):
            self.errors.add(
                f"{path}.max_values", "NUMBER_TYPE_MAX", "int value should be between min_values and 25"
            )
        shaped |= without_none((key, select.get(key)) for key in ("placeholder", "channel_types"))
        if select.get("default_values"):
            shaped["default_values"] = [
                {"id": str(each.get("id")), "type": each.get("type")}
                for each in as_dicts(select["default_values"])
            ]
        if select["type"] == STRING_SELECT:
            options = as_dicts(select.get("options"))
            self.errors.count(f"{path}.options", len(options), 1, 25)
            shaped["options"] = [self._choice(each, f"{path}.options.{i}") for i, each in enumerate(options)]
            values = [each.get("value") for each in options]
            for i, value in enumerate(values):
                if value in values[:i]:
                    self.errors.add(
                        f"{path}.options.{i}.value",
                        "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                        "The specified option value is already used",
                    )
        return shaped

    def _choice(self, choice: Json, path: str) -> Json:
        self.errors.length(f"{path}.label", choice.get("label"), 1, 100)
        self.errors.length(f"{path}.value", choice.get("value"), 1, 100)
        self.errors.length(f"{path}.description", choice.get("description"), 0, 100)
        shaped = without_none((key, choice.get(key)) for key in ("label", "value", "description"))
        if as_dict(choice.get("emoji")):
            shaped["emoji"] = read_emoji(choice["emoji"])
        return shaped | ({"default": True} if choice.get("default") else {})

    def _section(self, section: Json, path: str) -> Json:
        inner = as_dicts(section.get("components"))
        self.errors.count(f"{path}.components", len(inner), 1, 3)
        if not as_dict(section.get("accessory")):
            self.errors.required(f"{path}.accessory")
        return {
            "components": [
                self._read(each, f"{path}.components.{i}", (TEXT,)) for i, each in enumerate(inner)
            ],
            "accessory": self._read(
                as_dict(section.get("accessory")), f"{path}.accessory", (BUTTON, THUMBNAIL)
            ),
        }

    def _media_item(self, item: Json, path: str) -> Json:
        self.errors.length(f"{path}.description", item.get("description"), 0, 1024)
        return {
            "media": self._media(as_dict(item.get("media")).get("url"), f"{path}.media.url"),
            "description": item.get("description"),
            "spoiler": bool(item.get("spoiler")),
        }

    def _file(self, component: Json, path: str) -> Json:
        media = self._media(as_dict(component.get("file")).get("url"), f"{path}.file.url", only_own=True)
        own = next((each for each in self.attachments if each["id"] == media.get("attachment_id")), {})
        return {
            "file": media,
            "name": own.get("filename"),
            "size": own.get("size"),
            "spoiler": bool(component.get("spoiler")),
        }

    def _media(self, url: Any, path: str, *, only_own: bool = False) -> Json:
        own = self.refer(url, path, only_own=only_own)
        if own is None:
            address = str(url or "")
            return {
                "id": "0",
                "url": address,
                "proxy_url": address,
                "width": None,
                "height": None,
                "content_type": None,
            }
        return {
            "id": own["id"],
            "attachment_id": own["id"],
            "url": own["url"],
            "proxy_url": own["proxy_url"],
            "width": own.get("width"),
            "height": own.get("height"),
            "content_type": own.get("content_type"),
            "flags": 0,
            "loading_state": 2,
        }

    def refer(self, url: Any, path: str, *, only_own: bool = False) -> Json | None:
        """The attachment that an address means, or None. Wrong addresses go into the errors."""
        if not isinstance(url, str) or not url:
            self.errors.required(path)
            return None
        for attachment in self.attachments:
            if url in (f"attachment://{attachment['filename']}", attachment["url"], attachment["proxy_url"]):
                self.shown.add(attachment["id"])
                return attachment
        if url.startswith("attachment://"):
            self.errors.add(
                path,
                "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
                f"The referenced attachment {url.removeprefix('attachment://')!r} was not found",
            )
        elif only_own or not url.startswith(("https://", "http://")):
            schemes = "('attachment',)" if only_own else "('http', 'https', 'attachment')"
            self.errors.add(
                path,
                "URL_TYPE_INVALID_SCHEME",
                f'Scheme "{url.split(":", 1)[0]}" is not supported. Scheme must be one of {schemes}.',
            )
        return None


def read_emoji(emoji: Json) -> Json:
    shaped: Json = {"name": emoji.get("name") or "emoji"}
    if emoji.get("id"):
        shaped |= {"id": str(emoji["id"]), "animated": bool(emoji.get("animated"))}
    return shaped


def number(components: list[Json], taken: set[int]) -> None:
    """Gives every component without an id the next free one, in reading order."""
    free = 0

    def visit(component: Json) -> None:
        nonlocal free
        if not component["id"]:
            free += 1
            while free in taken:
                free += 1
            component["id"] = free
        inner = [*as_dicts(component.get("components"))]
        if isinstance(component.get("accessory"), dict):
            inner.append(component["accessory"])
        for each in inner:
            visit(each)

    for component in components:
        visit(component)
