"""What Discord demands of a modal, and what a person's entries in it become."""

from __future__ import annotations

from typing import Any

from playground.content.components import ROW, SELECTS, STRING_SELECT, TEXT, TEXT_INPUT, read_emoji
from playground.world.errors import FormErrors, Refused
from playground.world.messages import walk
from playground.world.values import Json, as_dict, as_dicts, as_list, without_none

LABEL, UPLOAD, RADIO, CHECKBOXES, CHECKBOX = 18, 19, 21, 22, 23
INPUTS = (TEXT_INPUT, *SELECTS, UPLOAD, RADIO, CHECKBOXES, CHECKBOX)
KEPT = (
    "placeholder",
    "value",
    "min_length",
    "max_length",
    "min_values",
    "max_values",
    "required",
    "default",
    "channel_types",
    "default_values",
    "style",
)


def read_modal(data: Json) -> Json:
    """The modal in the form in which people get it; raises code 50035."""
    errors = FormErrors()
    errors.length("data.custom_id", data.get("custom_id"), 1, 100)
    errors.length("data.title", data.get("title"), 1, 45)
    components = as_dicts(data.get("components"))
    errors.count("data.components", len(components), 1, 5)
    seen: set[str] = set()
    shaped = [_read_top(each, errors, f"data.components.{i}", seen) for i, each in enumerate(components)]
    errors.raise_if_any()
    flat = list(walk(shaped))
    taken = {each["id"] for each in flat}
    for each in flat:
        if not each["id"]:
            each["id"] = next(id for id in range(1, 100) if id not in taken)
            taken.add(each["id"])
    return {"custom_id": data["custom_id"], "title": data["title"], "components": shaped}


def _read_top(component: Json, errors: FormErrors, path: str, seen: set[str]) -> Json:
    kind = component.get("type")
    shaped: Json = {"type": kind, "id": component.get("id") or 0}
    if kind == TEXT:
        errors.length(f"{path}.content", component.get("content"), 1, 4000)
        return shaped | {"content": component.get("content")}
    if kind == ROW:
        inner = as_dicts(component.get("components"))
        errors.count(f"{path}.components", len(inner), 1, 1)
        return shaped | {
            "components": [
                _read_input(each, errors, f"{path}.components.{i}", seen, (TEXT_INPUT,))
                for i, each in enumerate(inner)
            ]
        }
    if kind == LABEL:
        errors.length(f"{path}.label", component.get("label"), 1, 45)
        errors.length(f"{path}.description", component.get("description"), 0, 100)
        inner = as_dict(component.get("component"))
        return shaped | {
            "label": component.get("label"),
            "description": component.get("description"),
            "component": _read_input(inner, errors, f"{path}.component", seen, INPUTS),
        }
    errors.one_of(f"{path}.type", (ROW, TEXT, LABEL))
    return shaped


def _read_input(
    component: Json, errors: FormErrors, path: str, seen: set[str], allowed: tuple[int, ...]
) -> Json:
    kind = component.get("type")
    if kind not in allowed:
        errors.one_of(f"{path}.type", allowed)
        return {"type": kind, "id": 0}
    custom_id = component.get("custom_id")
    errors.length(f"{path}.custom_id", custom_id, 1, 100)
    if custom_id in seen:
        errors.add(
            f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"
        )
    seen.add(str(custom_id))
    errors.length(f"{path}.placeholder", component.get("placeholder"), 0, 100 if kind == TEXT_INPUT else 150)
    shaped: Json = {"type": kind, "id": component.get("id") or 0, "custom_id": custom_id}
    shaped |= without_none((key, component.get(key)) for key in KEPT)
    if kind == TEXT_INPUT:
        if component.get("style") not in (1, 2):
            errors.one_of(f"{path}.style", (1, 2))
        most = component.get("max_length") or 4000
        errors.length(f"{path}.value", component.get("value"), 0, most)
        if component.get("label") is not None:
            errors.length(f"{path}.label", component["label"], 1, 45)
            shaped["label"] = component["label"]
    if kind in (STRING_SELECT, RADIO, CHECKBOXES):
        options = as_dicts(component.get("options"))
        errors.count(f"{path}.options", len(options), 1, 25 if kind == STRING_SELECT else 10)
        shaped["options"] = [
            without_none((key, each.get(key)) for key in ("label", "value", "description", "default"))
            | ({"emoji": read_emoji(each["emoji"])} if as_dict(each.get("emoji")) else {})
            for each in options
        ]
    return shaped


def inputs_of(modal: Json) -> dict[str, Json]:
    """A modal's inputs by custom_id."""
    return {each["custom_id"]: each for each in walk(as_dicts(modal["components"])) if each["type"] in INPUTS}


def filled(modal: Json, entries: Json) -> list[Json]:
    """The components of a submit, as Discord sends them. What is not entered keeps its preset."""
    unknown = set(entries) - set(inputs_of(modal))
    if unknown:
        raise Refused(f"The form has no field {sorted(unknown)[0]!r}.")

    def fill(component: Json) -> Json:
        kind = component["type"]
        shell: Json = {"type": kind, "id": component["id"]}
        if kind == ROW:
            return shell | {"components": [fill(each) for each in as_dicts(component["components"])]}
        if kind == LABEL:
            return shell | {"component": fill(component["component"])}
        if kind == TEXT:
            return shell
        return shell | _entry(component, entries.get(component["custom_id"]))

    return [fill(each) for each in as_dicts(modal["components"])]


def _entry(component: Json, entered: Any) -> Json:
    kind, custom_id = component["type"], component["custom_id"]
    presets = [each["value"] for each in as_dicts(component.get("options")) if each.get("default")]
    if kind == TEXT_INPUT:
        return {
            "custom_id": custom_id,
            "value": component.get("value", "") if entered is None else str(entered),
        }
    if kind == RADIO:
        return {
            "custom_id": custom_id,
            "value": entered if entered is not None else next(iter(presets), None),
        }
    if kind == CHECKBOX:
        return {
            "custom_id": custom_id,
            "value": bool(component.get("default") if entered is None else entered),
        }
    if entered is None:
        return {"custom_id": custom_id, "values": presets}
    return {"custom_id": custom_id, "values": [str(each) for each in as_list(entered) or [entered]]}


def check_entries(modal: Json, components: list[Json]) -> None:
    """Raises Refused where the form itself would not let a person through."""
    inputs = inputs_of(modal)
    entered = {each["custom_id"]: each for each in walk(components) if "custom_id" in each}
    if set(entered) - set(inputs):
        raise Refused("These entries belong to another form.")
    for custom_id, field in inputs.items():
        entry = entered.get(custom_id, {})
        name = field.get("label") or custom_id
        is_required = field.get("required", True)
        if field["type"] == TEXT_INPUT:
            text = str(entry.get("value") or "")
            low = max(int(field.get("min_length") or 0), 1 if is_required else 0)
            high = int(field.get("max_length") or 4000)
            if (text or is_required) and not low <= len(text) <= high:
                raise Refused(f"{name}: {low} to {high} characters, please.")
        elif field["type"] == CHECKBOX:
            continue
        elif field["type"] == RADIO:
            if is_required and entry.get("value") is None:
                raise Refused(f"{name}: please choose one.")
        else:
            count = len(as_list(entry.get("values")))
            low, high = int(field.get("min_values", 1)), int(field.get("max_values", 1))
            if field["type"] == CHECKBOXES:
                high = int(field.get("max_values", len(field["options"])))
            if (count or is_required) and not low <= count <= high:
                raise Refused(f"{name}: choose {low} to {high}.")
