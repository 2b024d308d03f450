"""Checks the components of messages and modals against Discord's rules and returns them in Discord's form."""

import itertools
from dataclasses import dataclass, field
from typing import Any

from playground.world.errors import FormErrors
from playground.world.messages import walk
from playground.world.values import Json, as_dict, as_dicts, as_id, without_none

ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT = 5, 6, 7, 8
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER = 9, 10, 11, 12, 13, 14, 17
LABEL, UPLOAD, RADIO, CHECKBOXES, CHECKBOX = 18, 19, 21, 22, 23

SELECTS = (STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT)
INPUTS = (TEXT_INPUT, *SELECTS, UPLOAD, RADIO, CHECKBOXES, CHECKBOX)
IN_CONTAINER = (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR)
AT_TOP = (*IN_CONTAINER, CONTAINER)
IN_MODAL = (ROW, TEXT, LABEL)

MOST_COMPONENTS = 40
MOST_CHARACTERS = 4000  # total of all text displays of a message
LINK_STYLE, PREMIUM_STYLE = 5, 6
LIMITS = ("min_length", "max_length", "min_values", "max_values")
KEPT_OF_INPUTS = (*LIMITS, "label", "placeholder", "style", "value", "default", "required")


@dataclass(slots=True, eq=False)
class ComponentReader:
    """A reader of the components of one message or modal. `shown` holds the ids of the attachments that the components refer
    to."""

    errors: FormErrors
    attachments: list[Json] = field(default_factory=list[Json])
    is_v2: bool = False
    is_modal: bool = False
    shown: set[str] = field(default_factory=set[str])
    custom_ids: set[str] = field(default_factory=set[str])
    count: int = 0
    characters: int = 0

    def read(self, components: list[Json], path: str = "components") -> list[Json]:
        if not self.is_v2:
            self.errors.count(path, len(components), int(self.is_modal), 5)
        allowed = IN_MODAL if self.is_modal else AT_TOP if self.is_v2 else (ROW,)
        result = [self._read(each, f"{path}.{i}", allowed) for i, each in enumerate(components)]
        if self.is_v2 and self.count > MOST_COMPONENTS:
            self.errors.add(path, "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", most=MOST_COMPONENTS)
        if self.characters > MOST_CHARACTERS:
            self.errors.add(path, "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", most=MOST_CHARACTERS)
        number(result)
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
        if kind in INPUTS:
            return shaped | self._input(component, path)
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
        if kind == LABEL:
            self.errors.length(f"{path}.label", component.get("label"), 1, 45)
            self.errors.length(f"{path}.description", component.get("description"), 0, 100)
            labelled = self._read(as_dict(component.get("component")), f"{path}.component", INPUTS)
            texts: Json = {key: component.get(key) for key in ("label", "description")}
            return shaped | texts | {"component": labelled}
        return shaped | {
            "accent_color": component.get("accent_color"),
            "spoiler": bool(component.get("spoiler")),
            "components": self._inner(component, path, IN_CONTAINER, MOST_COMPONENTS),
        }

    def _inner(self, component: Json, path: str, allowed: tuple[int, ...], most: int) -> list[Json]:
        inner, path = as_dicts(component.get("components")), f"{path}.components"
        self.errors.count(path, len(inner), 1, most)
        return [self._read(each, f"{path}.{i}", allowed) for i, each in enumerate(inner)]

    def _row(self, row: Json, path: str) -> list[Json]:
        if self.is_modal:
            return self._inner(row, path, (TEXT_INPUT,), 1)
        has_select = any(each.get("type") in SELECTS for each in as_dicts(row.get("components")))
        return self._inner(row, path, (BUTTON, *SELECTS), 1 if has_select else 5)

    def _custom_id(self, component: Json, path: str) -> str:
        custom_id = component.get("custom_id")
        self.errors.length(f"{path}.custom_id", custom_id, 1, 100)
        if custom_id in self.custom_ids:
            self.errors.add(f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED")
        self.custom_ids.add(str(custom_id))
        return str(custom_id)

    def _button(self, button: Json, path: str) -> Json:
        style = button.get("style")
        if not isinstance(style, int) or not 1 <= style <= PREMIUM_STYLE:
            self.errors.one_of(f"{path}.style", (1, 2, 3, 4, 5, 6))
        self.errors.length(f"{path}.label", button.get("label"), 0, 80)
        shaped = without_none((key, button.get(key)) for key in ("label", "url", "sku_id"))
        shaped |= {"style": style, "disabled": bool(button.get("disabled"))} | read_emoji(button)
        if style == LINK_STYLE:
            self.errors.length(f"{path}.url", button.get("url"), 1, 512)
        if style in (LINK_STYLE, PREMIUM_STYLE):
            if button.get("custom_id"):
                self.errors.add(f"{path}.custom_id", "COMPONENT_CUSTOM_ID_AND_URL")
            return shaped
        shaped["custom_id"] = self._custom_id(button, path)
        if not button.get("label") and "emoji" not in shaped:
            self.errors.add(f"{path}.label", "BUTTON_COMPONENT_LABEL_REQUIRED")
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
            self.errors.add(f"{path}.max_values", "NUMBER_TYPE_MAX")
        kept = ("placeholder", "channel_types", *(("required",) if self.is_modal else ()))
        shaped |= without_none((key, select.get(key)) for key in kept)
        if select.get("default_values"):
            shaped["default_values"] = [
                {"id": str(each.get("id")), "type": each.get("type")}
                for each in as_dicts(select["default_values"])
            ]
        if select["type"] == STRING_SELECT:
            shaped["options"] = self._choices(select, path, 25)
        return shaped

    def _choices(self, component: Json, path: str, most: int) -> list[Json]:
        options, path = as_dicts(component.get("options")), f"{path}.options"
        self.errors.count(path, len(options), 1, most)
        values = [each.get("value") for each in options]
        for i, value in enumerate(values):
            if value in values[:i]:
                self.errors.add(f"{path}.{i}.value", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED")
        return [self._choice(each, f"{path}.{i}") for i, each in enumerate(options)]

    def _choice(self, choice: Json, path: str) -> Json:
        for key, least in (("label", 1), ("value", 1), ("description", 0)):
            self.errors.length(f"{path}.{key}", choice.get(key), least, 100)
        shaped = without_none((key, choice.get(key)) for key in ("label", "value", "description"))
        return shaped | read_emoji(choice) | ({"default": True} if choice.get("default") else {})

    def _input(self, component: Json, path: str) -> Json:
        """Reads an input component, which only modals have."""
        kind = component["type"]
        shaped: Json = {"custom_id": self._custom_id(component, path)}
        shaped |= without_none((key, component.get(key)) for key in KEPT_OF_INPUTS)
        self.errors.length(f"{path}.placeholder", component.get("placeholder"), 0, 100)
        if kind == TEXT_INPUT:
            if component.get("style") not in (1, 2):
                self.errors.one_of(f"{path}.style", (1, 2))
            self.errors.length(
                f"{path}.value", component.get("value"), 0, component.get("max_length") or 4000
            )
            if "label" in shaped:
                self.errors.length(f"{path}.label", shaped["label"], 1, 45)
        if kind in (RADIO, CHECKBOXES):
            shaped["options"] = self._choices(component, path, 10)
        return shaped

    def _section(self, section: Json, path: str) -> Json:
        accessory = as_dict(section.get("accessory"))
        if not accessory:
            self.errors.required(f"{path}.accessory")
        return {
            "components": self._inner(section, path, (TEXT,), 3),
            "accessory": self._read(accessory, f"{path}.accessory", (BUTTON, THUMBNAIL)),
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
        address = str(url or "")
        found = own or {"id": "0", "url": address, "proxy_url": address}
        shaped: Json = {key: found[key] for key in ("id", "url", "proxy_url")}
        shaped |= {key: found.get(key) for key in ("width", "height", "content_type")}
        return shaped | ({"attachment_id": own["id"], "flags": 0, "loading_state": 2} if own else {})

    def refer(self, url: Any, path: str, *, only_own: bool = False) -> Json | None:
        """Returns the attachment that `url` refers to, or None. Adds an error for an invalid address."""
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
                name=url.removeprefix("attachment://"),
            )
        elif only_own or not url.startswith(("https://", "http://")):
            schemes = "('attachment',)" if only_own else "('http', 'https', 'attachment')"
            self.errors.add(path, "URL_TYPE_INVALID_SCHEME", scheme=url.split(":", 1)[0], schemes=schemes)
        return None


def read_emoji(part: Json) -> Json:
    """Returns the `emoji` of a button or option as a one-key object; empty without one."""
    emoji = as_dict(part.get("emoji"))
    if not emoji:
        return {}
    shaped: Json = {"name": emoji.get("name") or "emoji"}
    if emoji.get("id"):
        shaped |= {"id": str(emoji["id"]), "animated": bool(emoji.get("animated"))}
    return {"emoji": shaped}


def number(components: list[Json]) -> None:
    """Gives every component without an id the next free id, in reading order."""
    flat = list(walk(components))
    taken = {each["id"] for each in flat}
    free = (id for id in itertools.count(1) if id not in taken)
    for each in flat:
        each["id"] = each["id"] or next(free)
