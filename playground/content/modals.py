"""Modals: checks a modal against Discord's rules and turns a person's entries into a submit."""

from typing import Any

from playground.content.components import (
    CHECKBOX,
    CHECKBOXES,
    INPUTS,
    LABEL,
    RADIO,
    ROW,
    TEXT,
    TEXT_INPUT,
    ComponentReader,
)
from playground.world.errors import FormErrors, Refused
from playground.world.messages import walk
from playground.world.values import Json, as_dicts, as_list


def read_modal(data: Json) -> Json:
    """Returns the modal in the form that clients receive. Raises code 50035 when it breaks a rule."""
    errors = FormErrors()
    errors.length("data.custom_id", data.get("custom_id"), 1, 100)
    errors.length("data.title", data.get("title"), 1, 45)
    reader = ComponentReader(errors, is_modal=True)
    components = reader.read(as_dicts(data.get("components")), "data.components")
    errors.raise_if_any()
    return {"custom_id": data["custom_id"], "title": data["title"], "components": components}


def inputs_of(modal: Json) -> dict[str, Json]:
    """Returns a modal's inputs by custom_id."""
    return {each["custom_id"]: each for each in walk(as_dicts(modal["components"])) if each["type"] in INPUTS}


def filled(modal: Json, entries: Json) -> list[Json]:
    """Returns the components of a submit, as Discord sends them. An input without an entry keeps its default."""
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
    """Returns the value that one input sends: the entry, or the default."""
    kind, entry = component["type"], {"custom_id": component["custom_id"]}
    presets = [each["value"] for each in as_dicts(component.get("options")) if each.get("default")]
    if kind == TEXT_INPUT:
        return entry | {"value": component.get("value", "") if entered is None else str(entered)}
    if kind == RADIO:
        return entry | {"value": next(iter(presets), None) if entered is None else entered}
    if kind == CHECKBOX:
        return entry | {"value": bool(component.get("default") if entered is None else entered)}
    if entered is None:
        return entry | {"values": presets}
    return entry | {"values": [str(each) for each in as_list(entered) or [entered]]}


def check_entries(modal: Json, components: list[Json]) -> None:
    """Raises Refused when Discord's client would not let a person submit these entries."""
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
