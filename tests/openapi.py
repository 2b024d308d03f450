"""An independent check: Discord's own OpenAPI description, applied to the real exchanges.

Validates the bot's requests and the playground's answers. Checks in code the few rules that the description omits. Validators are
compiled when the first exchange needs them.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from playground.gateway.sessions import Frame
from playground.rest.api import Exchange
from playground.world.values import Json, as_dict, as_dicts, as_list
from tests.data_folder import DATA_FOLDER

DESCRIPTION = DATA_FOLDER / "discord" / "openapi.json"
ABSENT = f"Discord's OpenAPI description is not at {DESCRIPTION} (ATELIER_TEST_DATA)"
needs_openapi = pytest.mark.skipif(not DESCRIPTION.is_file(), reason=ABSENT)

JSON_TYPE = "application/json"
SCHEMAS = "#/components/schemas/"
ADDRESS = "urn:discord"

# Fields that Discord accepts and its clients send although the description does not name them.
UNDESCRIBED = {
    "ApplicationCommandUpdateRequest": ("nsfw",),
    "ApplicationCommandCreateRequest": ("nsfw",),
    "ApplicationCommandPatchRequestPartial": ("nsfw", "type"),
    "RichEmbed": ("flags",),
    "MessageEditRequestPartial": ("tts",),
    "IncomingWebhookUpdateRequestPartial": ("tts",),
    "IncomingWebhookUpdateForInteractionCallbackRequestPartial": ("tts",),
}

# discord.py bans with an older form of Discord's API that Discord still accepts: the number in the query, and no body.
BAN = "/guilds/{guild_id}/bans/{user_id}"
UNDESCRIBED_QUERY = {(BAN, "delete_message_seconds")}
BODY_MAY_BE_LEFT_OUT = {BAN}

MOST_CONTENT, MOST_TEXT, MOST_COMPONENTS = 2000, 4000, 40


class Judge:
    """An observer of a playground that collects exchanges. `verify` fails the test with the first violations."""

    def __init__(self, path: Path = DESCRIPTION) -> None:
        self._path = path
        self.exchanges: list[Exchange] = []
        self.frames: list[Frame] = []

    def observer(self, seen: Exchange | Frame) -> None:
        if isinstance(seen, Exchange):
            self.exchanges.append(seen)
        else:
            self.frames.append(seen)

    def violations(self) -> list[str]:
        """Returns the exchanges' violations of the description, in words."""
        description = Description.load(self._path)
        found = [problem for each in self.exchanges for problem in description.judge(each)]
        found += [problem for each in self.frames for problem in description.judge_frame(each)]
        return list(dict.fromkeys(found))

    def verify(self) -> None:
        """Checks the exchanges. Skips the test, with the reason, when the description is not available."""
        if not self._path.is_file():
            pytest.skip(ABSENT)
        assert self.exchanges, "nothing was exchanged"
        found = self.violations()
        assert not found, f"{len(found)} violations of Discord's API description:\n" + "\n".join(found[:20])


class Description:
    """The description in two versions: strict for answers, and adjusted for requests to what Discord really accepts."""

    _loaded: dict[Path, Description] = {}  # noqa: RUF012 - parsing takes longer than most tests

    def __init__(self, document: Json) -> None:
        self._paths = document["paths"]
        self._templates = [
            (template, re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template)) + "$"))
            for template in sorted(self._paths, key=lambda each: (each.count("{"), each))
        ]
        self._document = document
        self._readings: dict[bool, Registry[Any]] = {}
        self._validators: dict[tuple[bool, str], Draft202012Validator] = {}

    @classmethod
    def load(cls, path: Path) -> Description:
        if path not in cls._loaded:
            cls._loaded[path] = cls(json.loads(path.read_text("utf-8")))
        return cls._loaded[path]

    def judge(self, exchange: Exchange) -> Iterator[str]:
        where = f"{exchange.method} {exchange.path} -> {exchange.status}"
        path = exchange.path.replace("%40", "@")
        template = next((name for name, pattern in self._templates if pattern.match(path)), None)
        operation = self._paths[template].get(exchange.method.lower()) if template else None
        if template is None or operation is None:
            yield f"{where}: Discord has no such endpoint"
            return
        pointer = f"#/paths/{escaped(template)}/{exchange.method.lower()}"
        yield from self._judge_query(where, template, operation, exchange.query)
        content = operation.get("requestBody", {}).get("content", {})
        is_needed = (
            content and operation["requestBody"].get("required") and template not in BODY_MAY_BE_LEFT_OUT
        )
        if JSON_TYPE in content and (exchange.body is not None or is_needed):
            schema = f"{pointer}/requestBody/content/{escaped(JSON_TYPE)}/schema"
            yield from self._validate(f"{where}: request", schema, exchange.body, is_request=True)
            yield from by_hand(f"{where}: request", exchange)
        elif exchange.body is not None:
            yield f"{where}: a body was sent to an endpoint that takes none"
        yield from self._judge_answer(where, pointer, operation["responses"], exchange)

    def _judge_query(
        self, where: str, template: str, operation: Json, query: dict[str, str]
    ) -> Iterator[str]:
        parameters = [*operation.get("parameters", []), *self._paths[template].get("parameters", [])]
        known = {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}
        for name, text in query.items():
            if (template, name) in UNDESCRIBED_QUERY:
                continue
            if name not in known:
                yield f"{where}: Discord knows no query parameter {name!r}"
            elif known[name].get("type") == "integer" and not text.lstrip("-").isdecimal():
                yield f"{where}: the query parameter {name} is no number: {text!r}"
            elif known[name].get("type") == "boolean" and text.lower() not in ("true", "false", "1", "0"):
                yield f"{where}: the query parameter {name} is neither true nor false: {text!r}"

    def _judge_answer(self, where: str, pointer: str, responses: Json, exchange: Exchange) -> Iterator[str]:
        status = str(exchange.status)
        if status.startswith("5"):
            return  # caused by an intentional fault; the description does not cover it
        code = status if status in responses else f"{status[0]}XX"
        if code not in responses:
            yield f"{where}: Discord does not answer so, only {', '.join(responses)}"
            return
        response, schema = responses[code], f"{pointer}/responses/{code}"
        if "$ref" in response:
            schema = response["$ref"]
            response = self._document["components"]["responses"][schema.rsplit("/", 1)[-1]]
        if not response.get("content"):
            if exchange.answer is not None:
                yield f"{where}: an answer with a body where Discord sends none"
            return
        schema += f"/content/{escaped(JSON_TYPE)}/schema"
        yield from self._validate(f"{where}: answer", schema, exchange.answer, is_request=False)

    def judge_frame(self, frame: Frame) -> Iterator[str]:
        """Yields the violations of an event. The description covers no gateway events, but their messages and users are the same
        objects."""
        if frame.is_from_bot or frame.body.get("op") != 0:
            return
        name, data = frame.body["t"], as_dict(frame.body["d"])
        parts: list[tuple[str, object]] = []
        if name in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            parts.append(("MessageResponse", data))
        if name == "INTERACTION_CREATE":
            parts.append(("UserResponse", as_dict(data.get("member")).get("user", data.get("user"))))
            if "message" in data:
                parts.append(("MessageResponse", data["message"]))
            resolved = as_dict(as_dict(data.get("data")).get("resolved"))
            kinds = {
                "messages": "Message",
                "users": "User",
                "roles": "GuildRole",
                "attachments": "MessageAttachment",
            }
            for key, kind in kinds.items():
                parts += [(f"{kind}Response", each) for each in as_dict(resolved.get(key)).values()]
        for kind, value in parts:
            yield from self._validate(f"gateway {name}", SCHEMAS + kind, value, is_request=False)

    def _validate(self, where: str, pointer: str, value: Any, *, is_request: bool) -> Iterator[str]:
        for error in self._validator(pointer, is_request=is_request).iter_errors(value):
            yield f"{where}: {in_words(error)}"

    def _validator(self, pointer: str, *, is_request: bool) -> Draft202012Validator:
        key = (is_request, pointer)
        if key not in self._validators:
            if is_request not in self._readings:
                document = adjusted(copy.deepcopy(self._document), is_request=is_request)
                resource = Resource(contents=document, specification=DRAFT202012)
                self._readings[is_request] = Registry[Any]().with_resource(ADDRESS, resource)
            self._validators[key] = Draft202012Validator(
                {"$ref": ADDRESS + pointer}, registry=self._readings[is_request]
            )
        return self._validators[key]


def escaped(name: str) -> str:
    """Escapes a name for use in a JSON pointer of a reference."""
    text = name.replace("~", "~0").replace("/", "~1")
    return text.replace("{", "%7B").replace("}", "%7D")


def in_words(error: ValidationError) -> str:
    deepest = error
    while deepest.context and (inner := best_match(deepest.context)) is not None:
        deepest = inner
    place = ".".join(str(each) for each in deepest.absolute_path) or "the whole"
    return f"{place}: {deepest.message[:300]}"


def adjusted(document: Json, *, is_request: bool) -> Json:
    """Adjusts known differences between the description and Discord, and makes unions readable."""
    schemas = document["components"]["schemas"]
    # Real error bodies carry names as codes: "BASE_TYPE_REQUIRED".
    schemas["InnerErrors"]["properties"]["_errors"]["items"] = {
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": {"type": ["string", "integer"]}, "message": {"type": "string"}},
    }
    if is_request:
        # discord.py sends some ids as numbers, and Discord takes them.
        schemas["SnowflakeType"] = {"type": ["string", "integer"], "pattern": "^(0|[1-9][0-9]*)$"}
        for name, schema in schemas.items():
            if "properties" in schema and "additionalProperties" not in schema:
                schema["additionalProperties"] = False
                for field in UNDESCRIBED.get(name, ()):
                    schema["properties"].setdefault(field, {})
    rewrite_unions(document, schemas)
    return document


def rewrite_unions(node: Any, schemas: Json) -> None:
    """Rewrites `oneOf` over objects with a constant `type` to if/then, so that errors name the intended alternative."""
    if isinstance(node, list):
        for each in as_list(node):
            rewrite_unions(each, schemas)
        return
    if not isinstance(node, dict):
        return
    union = as_dict(node)
    for each in list(union.values()):
        rewrite_unions(each, schemas)
    for key in ("oneOf", "anyOf"):
        branches = as_dicts(union.get(key))
        if not any("$ref" in branch for branch in branches):
            continue
        del union[key]
        objects = [branch for branch in branches if branch.get("type") != "null"]
        chosen = by_type(objects, schemas) or {"anyOf": objects}
        if len(objects) < len(branches):
            chosen = {"if": {"type": "null"}, "else": chosen}
        union.setdefault("allOf", []).append(chosen)


def by_type(branches: list[Json], schemas: Json) -> Json | None:
    kinds = [types_of(branch, schemas) for branch in branches]
    everything = [kind for each in kinds for kind in each]
    if len(branches) == 1 or not all(kinds) or len(set(everything)) != len(everything):
        return None
    cases: list[Json] = [
        {"if": {"properties": {"type": {"enum": kind}}, "required": ["type"]}, "then": branch}
        for branch, kind in zip(branches, kinds, strict=True)
    ]
    known: Json = {"type": "object", "properties": {"type": {"enum": everything}}, "required": ["type"]}
    return {"allOf": [known, *cases]}


def types_of(branch: Json, schemas: Json) -> list[Any]:
    schema = schemas[branch["$ref"].removeprefix(SCHEMAS)] if "$ref" in branch else branch
    return as_list(as_dict(as_dict(schema.get("properties")).get("type")).get("enum"))


def by_hand(where: str, exchange: Exchange) -> Iterator[str]:
    """Yields violations that Discord refuses although its description allows them."""
    is_callback = exchange.path.endswith("/callback")
    for data in as_dicts(exchange.body) if isinstance(exchange.body, list) else [as_dict(exchange.body)]:
        message = as_dict(data.get("data")) if is_callback else data
        content = message.get("content")
        if isinstance(content, str) and len(content) > MOST_CONTENT:
            yield f"{where}: content of {len(content)} characters"
        components = list(walk(message.get("components")))
        ids = [each["custom_id"] for each in components if "custom_id" in each]
        for twice in {each for each in ids if ids.count(each) > 1}:
            yield f"{where}: the custom_id {twice!r} is there twice"
        if len(components) > MOST_COMPONENTS:
            yield f"{where}: {len(components)} components"
        text = sum(len(str(each.get("content", ""))) for each in components if each.get("type") == 10)
        if text > MOST_TEXT:
            yield f"{where}: text displays of {text} characters"
        if exchange.method == "POST":
            names = {file.filename for file in exchange.files}
            names |= {str(each.get("filename")) for each in as_dicts(message.get("attachments"))}
            for url in references(message):
                if url.removeprefix("attachment://") not in names:
                    yield f"{where}: {url} was not uploaded"


def walk(components: object) -> Iterator[Json]:
    for component in as_dicts(components):
        yield component
        yield from walk(component.get("components"))
        for key in ("accessory", "component"):
            if key in component:
                yield from walk([component[key]])


def references(node: object) -> Iterator[str]:
    """Yields every attachment:// address in a `url` field of a body. The same characters in a text are only text."""
    for key, value in as_dict(node).items():
        if key == "url" and isinstance(value, str) and value.startswith("attachment://"):
            yield value
    children: list[Any] = list(as_dict(node).values()) + as_list(node)
    for each in children:
        yield from references(each)
