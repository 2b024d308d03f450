"""Checks application commands against Discord's rules and turns a registration into Discord's answer."""

import unicodedata
from typing import Any

from playground.world.errors import FormErrors
from playground.world.values import Json, as_dict, as_dicts, as_list, without_none

SLASH, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, GROUP = 1, 2
STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(3, 12)
MOST_COMMANDS = {SLASH: 100, USER_MENU: 15, MESSAGE_MENU: 15}
MOST_CHARACTERS = 8000


def check_command(body: Json, errors: FormErrors, path: str = "") -> Json:
    """Returns the command as Discord stores it, without ids. Adds every error to `errors` under `path`."""
    kind = body.get("type") or SLASH
    if kind not in MOST_COMMANDS:
        errors.one_of(f"{path}type", tuple(MOST_COMMANDS))
    check_name(body.get("name"), errors, f"{path}name", is_slash=kind == SLASH)
    options: list[Json] = []
    if kind == SLASH:
        errors.length(f"{path}description", body.get("description"), 1, 100)
        options = check_options(body.get("options"), errors, f"{path}options", depth=0)
    elif body.get("description") or body.get("options"):
        errors.add(f"{path}description", "APPLICATION_COMMAND_INVALID_DESCRIPTION")
    size = characters(body)
    if size > MOST_CHARACTERS:
        errors.add(path.rstrip(".") or "name", "APPLICATION_COMMAND_TOO_LARGE", most=MOST_CHARACTERS)
    permissions = body.get("default_member_permissions")
    command: Json = {
        "type": kind,
        "name": body.get("name"),
        "description": body.get("description") or "",
        "default_member_permissions": None if permissions is None else str(permissions),
        "nsfw": bool(body.get("nsfw")),
        "integration_types": body.get("integration_types") or [0],
        "contexts": body.get("contexts"),
    }
    for key in ("name_localizations", "description_localizations"):
        if as_dict(body.get(key)):
            command[key] = body[key]
    if options:
        command["options"] = options
    return command


def check_name(name: Any, errors: FormErrors, path: str, *, is_slash: bool = True) -> None:
    errors.length(path, name, 1, 32)
    if not is_slash or not isinstance(name, str) or not name:
        return
    letters = all(each in "-_'" or unicodedata.category(each)[0] in "LNM" for each in name)
    if not letters or name != name.lower():
        errors.add(path, "APPLICATION_COMMAND_INVALID_NAME")


def check_options(value: Any, errors: FormErrors, path: str, *, depth: int) -> list[Json]:
    options = as_dicts(value)
    errors.count(path, len(options), 0, 25)
    names = [option.get("name") for option in options]
    if len(set(map(str, names))) != len(names):
        errors.add(path, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS")
    kinds = {option.get("type") in (SUBCOMMAND, GROUP) for option in options}
    if len(kinds) > 1:
        errors.add(
            path,
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
            reason="Sub-command and sub-command group option types are mutually exclusive to all other types",
        )
    required = [bool(option.get("required")) for option in options]
    if required != sorted(required, reverse=True):
        errors.add(path, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID")
    return [
        check_option(option, errors, f"{path}.{index}", depth=depth) for index, option in enumerate(options)
    ]


def check_option(option: Json, errors: FormErrors, path: str, *, depth: int) -> Json:
    kind = option.get("type")
    if not isinstance(kind, int) or not SUBCOMMAND <= kind <= ATTACHMENT:
        errors.one_of(f"{path}.type", tuple(range(SUBCOMMAND, ATTACHMENT + 1)))
        return {}
    check_name(option.get("name"), errors, f"{path}.name")
    errors.length(f"{path}.description", option.get("description"), 1, 100)
    checked = without_none((key, option.get(key)) for key in ("type", "name", "description"))
    for key in ("name_localizations", "description_localizations"):
        if as_dict(option.get(key)):
            checked[key] = option[key]
    if kind in (SUBCOMMAND, GROUP):
        if (kind == GROUP and depth > 0) or (kind == SUBCOMMAND and depth > 1):
            errors.add(
                f"{path}.type",
                "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
                reason="Sub-commands and groups cannot be nested any deeper",
            )
        inner = check_options(
            option.get("options"), errors, f"{path}.options", depth=2 if kind == SUBCOMMAND else 1
        )
        return checked | {"options": inner}
    checked["required"] = bool(option.get("required"))
    choices = as_dicts(option.get("choices"))
    if choices:
        errors.count(f"{path}.choices", len(choices), 0, 25)
        if option.get("autocomplete"):
            errors.add(f"{path}.autocomplete", "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES_INVALID")
        checked["choices"] = [
            check_choice(choice, kind, errors, f"{path}.choices.{index}")
            for index, choice in enumerate(choices)
        ]
    if option.get("autocomplete"):
        if kind not in (STRING, INTEGER, NUMBER):
            errors.add(
                f"{path}.autocomplete",
                "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
                reason="This option type cannot be autocompleted",
            )
        checked["autocomplete"] = True
    for keys, kinds in (
        (("min_value", "max_value"), (INTEGER, NUMBER)),
        (("min_length", "max_length"), (STRING,)),
        (("channel_types",), (CHANNEL,)),
    ):
        for key in keys:
            if option.get(key) is None:
                continue
            if kind not in kinds:
                errors.add(
                    f"{path}.{key}",
                    "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
                    reason="This option type does not take it",
                )
            if key != "channel_types" or as_list(option[key]):
                checked[key] = option[key]
    return checked


def check_choice(choice: Json, kind: int, errors: FormErrors, path: str) -> Json:
    errors.length(f"{path}.name", choice.get("name"), 1, 100)
    value = choice.get("value")
    if kind == STRING:
        errors.length(f"{path}.value", value, 1, 100)
    elif not isinstance(value, int | float) or isinstance(value, bool):
        errors.add(f"{path}.value", "NUMBER_TYPE_COERCE", value=value)
    checked: Json = {"name": choice.get("name"), "value": value}
    if as_dict(choice.get("name_localizations")):
        checked["name_localizations"] = choice["name_localizations"]
    return checked


def characters(body: Json) -> int:
    """Returns the size that counts against the limit of 8,000 characters: names, descriptions and values. A localized text counts
    with its longest translation."""
    total = 0
    for key in ("name", "description"):
        texts = [body.get(key), *as_dict(body.get(f"{key}_localizations")).values()]
        total += max((len(text) for text in texts if isinstance(text, str)), default=0)
    if isinstance(body.get("value"), str):
        total += len(body["value"])
    return total + sum(characters(each) for key in ("options", "choices") for each in as_dicts(body.get(key)))


def same_command(old: Json, new: Json) -> bool:
    """Returns whether a registration changes nothing except ids and version."""
    ids = {"id", "application_id", "version", "guild_id"}
    return {k: v for k, v in old.items() if k not in ids} == {k: v for k, v in new.items() if k not in ids}
