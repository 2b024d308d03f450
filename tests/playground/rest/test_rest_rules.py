"""The HTTP API refuses the same requests as Discord, with Discord's messages."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest

from playground.server import Playground
from playground.world.values import Json
from tests.playground.little_bot import png

pytestmark = pytest.mark.timeout(20)

V2 = 1 << 15


class Caller:
    """A caller of the API that uses no library."""

    def __init__(self, play: Playground, session: aiohttp.ClientSession) -> None:
        self.play = play
        self._session = session
        self.gallery = f"/channels/{play.channel('gallery').id}/messages"
        self.commands = f"/applications/{play.world.application_id}/commands"

    async def __call__(
        self, method: str, path: str, body: Any = None, files: dict[str, tuple[str, bytes]] | None = None
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bot {self.play.token}"}
        kwargs: dict[str, Any] = {"json": body}
        if files is not None:
            form = aiohttp.FormData(quote_fields=False)
            form.add_field("payload_json", json.dumps(body), content_type="application/json")
            for field, (name, content) in files.items():
                form.add_field(field, content, filename=name)
            kwargs = {"data": form}
        if body is None and files is None:
            kwargs = {}
        async with self._session.request(
            method, self.play.api_url + path, headers=headers, **kwargs
        ) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def wrong(self, body: Json, **kwargs: Any) -> Json:
        """Returns the errors of a message that must be refused as an invalid form body."""
        status, answer = await self("POST", self.gallery, body, **kwargs)
        assert (status, answer["code"]) == (400, 50035), answer
        return answer["errors"]


@pytest.fixture
async def call() -> AsyncGenerator[Caller, None]:
    async with Playground.open() as play, aiohttp.ClientSession() as session:
        yield Caller(play, session)


def row(*components: Json) -> Json:
    return {"type": 1, "components": list(components)}


def button(custom_id: str = "a", **more: Any) -> Json:
    return {"type": 2, "style": 1, "label": "A", "custom_id": custom_id} | more


def only_code(errors: Json) -> str:
    """Returns the code at the single leaf of an error tree."""
    while "_errors" not in errors:
        (errors,) = errors.values()
    return errors["_errors"][0]["code"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"content": "x" * 2001}, "BASE_TYPE_MAX_LENGTH"),
        ({"content": "x", "components": [row(button(), button())]}, "COMPONENT_CUSTOM_ID_DUPLICATED"),
        ({"content": "x", "components": [row(button("x" * 101))]}, "BASE_TYPE_BAD_LENGTH"),
        ({"content": "x", "components": [row(button(""))]}, "BASE_TYPE_BAD_LENGTH"),
        ({"content": "x", "components": [row(*[button(str(i)) for i in range(6)])]}, "BASE_TYPE_BAD_LENGTH"),
        ({"content": "x", "components": [row(button(label="x" * 81))]}, "BASE_TYPE_MAX_LENGTH"),
        ({"content": "x", "components": [{"type": 10, "content": "x"}]}, "BASE_TYPE_CHOICES"),
        ({"content": "x", "components": [row()]}, "BASE_TYPE_BAD_LENGTH"),
        ({"embeds": [{"image": {"url": "attachment://no.png"}}]}, "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"),
        ({"embeds": [{"description": "x" * 4096}, {"description": "x" * 2000}]}, "MAX_EMBED_SIZE_EXCEEDED"),
        ({"flags": V2, "content": "x"}, "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"),
        (
            {"flags": V2, "components": [{"type": 10, "content": "x"}] * 41},
            "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
        ),
        (
            {"flags": V2, "components": [{"type": 10, "content": "x" * 2001}] * 2},
            "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
        ),
        (
            {"flags": V2, "components": [{"type": 12, "items": [{"media": {"url": "attachment://no.png"}}]}]},
            "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
        ),
        ({"flags": V2, "components": [{"type": 12, "items": []}]}, "BASE_TYPE_BAD_LENGTH"),
        ({"flags": V2, "components": [{"type": 13, "file": {"url": "https://x/y"}}]}, "URL_TYPE_INVALID_SCHEME"),
    ],
)  # fmt: skip
async def test_a_wrong_message_is_refused(call: Caller, body: Json, code: str) -> None:
    assert only_code(await call.wrong(body)) == code
    assert call.play.world.messages.of(call.play.channel("gallery").id) == []


async def test_a_refusal_names_the_place(call: Caller) -> None:
    errors = await call.wrong({"content": "x", "components": [row(button()), row(button("b"), button("b"))]})
    assert list(errors["components"]["1"]["components"]) == ["1"]


async def test_an_empty_message_is_refused(call: Caller) -> None:
    assert (await call("POST", call.gallery, {"content": ""}))[1]["code"] == 50006


async def test_a_file_is_stored_shown_and_served(call: Caller) -> None:
    body = {"content": "", "attachments": [{"id": 0, "filename": "fox.png", "description": "A fox"}]}
    status, message = await call("POST", call.gallery, body, {"files[0]": ("fox.png", png())})
    assert status == 200
    (attachment,) = message["attachments"]
    assert (attachment["width"], attachment["description"]) == (16, "A fox")
    async with aiohttp.ClientSession() as session, session.get(attachment["url"]) as answer:
        assert await answer.read() == png() and answer.content_type == "image/png"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_an_edit_keeps_the_attachments_it_names_and_drops_the_others(call: Caller) -> None:
    files = {"files[0]": ("a.png", png("red")), "files[1]": ("b.png", png("blue"))}
    _, message = await call("POST", call.gallery, {"content": "two"}, files)
    a, b = message["attachments"]
    path = f"{call.gallery}/{message['id']}"
    _, same = await call("PATCH", path, {"content": "still two"})
    assert len(same["attachments"]) == 2 and same["edited_timestamp"]
    body = {"attachments": [{"id": b["id"]}, {"id": 0, "filename": "c.png"}]}
    _, edited = await call("PATCH", path, body, {"files[0]": ("c.png", png())})
    assert [each["filename"] for each in edited["attachments"]] == ["b.png", "c.png"]
    assert call.play.world.files.describe(int(a["id"])) is None


async def test_a_message_becomes_components_v2_and_stays_so(call: Caller) -> None:
    _, message = await call("POST", call.gallery, {"content": "old"})
    path = f"{call.gallery}/{message['id']}"
    text = {"components": [{"type": 10, "content": "new"}], "flags": V2}
    assert (await call("PATCH", path, text))[0] == 400
    status, edited = await call("PATCH", path, text | {"content": None})
    assert (status, edited["flags"], edited["content"]) == (200, V2, "")
    assert (await call("PATCH", path, {"content": "back", "flags": 0}))[0] == 400


async def test_a_v2_picture_survives_an_edit_without_being_sent_again(call: Caller) -> None:
    gallery = {"type": 12, "items": [{"media": {"url": "attachment://fox.png"}}]}
    files = {"files[0]": ("fox.png", png())}
    _, message = await call("POST", call.gallery, {"flags": V2, "components": [gallery]}, files)
    path = f"{call.gallery}/{message['id']}"
    text = {"type": 10, "content": "more"}
    status, edited = await call("PATCH", path, {"components": [gallery, text]})
    assert status == 200
    assert edited["components"][0]["items"][0]["media"]["width"] == 16
    assert [each["id"] for each in edited["components"]] == [1, 2]


async def test_mentions_are_only_those_that_are_allowed(call: Caller) -> None:
    ada = call.play.person("ada").id
    body: Json = {"content": f"<@{ada}> @everyone"}
    _, pinged = await call("POST", call.gallery, body)
    _, quiet = await call("POST", call.gallery, body | {"allowed_mentions": {"parse": []}})
    assert [each["id"] for each in pinged["mentions"]] == [str(ada)] and pinged["mention_everyone"]
    assert quiet["mentions"] == [] and not quiet["mention_everyone"]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({"name": "Upper", "description": "x"}, "APPLICATION_COMMAND_INVALID_NAME"),
        ({"name": "two words", "description": "x"}, "APPLICATION_COMMAND_INVALID_NAME"),
        ({"name": "x" * 33, "description": "x"}, "BASE_TYPE_BAD_LENGTH"),
        ({"name": "x", "description": ""}, "BASE_TYPE_BAD_LENGTH"),
        ({"name": "x", "description": "x" * 101}, "BASE_TYPE_BAD_LENGTH"),
        ({"name": "x", "type": 3, "description": "x"}, "APPLICATION_COMMAND_INVALID_DESCRIPTION"),
        (
            {
                "name": "x",
                "description": "x",
                "options": [
                    {"type": 3, "name": "a", "description": "a"},
                    {"type": 3, "name": "b", "description": "b", "required": True},
                ],
            },
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
        ),
        (
            {
                "name": "x",
                "description": "x",
                "options": [
                    {
                        "type": 3,
                        "name": "a",
                        "description": "a",
                        "autocomplete": True,
                        "choices": [{"name": "a", "value": "a"}],
                    }
                ],
            },
            "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES_INVALID",
        ),
    ],
)
async def test_a_wrong_command_is_refused(call: Caller, command: Json, code: str) -> None:
    status, answer = await call("PUT", call.commands, [command])
    assert (status, answer["code"]) == (400, 50035)
    assert only_code(answer["errors"]) == code
    assert call.play.world.commands.all == []


async def test_a_command_keeps_its_id_and_changes_its_version(call: Caller) -> None:
    command = {"name": "paint", "description": "Paints"}
    _, (first,) = await call("PUT", call.commands, [command])
    _, (same,) = await call("PUT", call.commands, [command])
    _, (changed,) = await call("PUT", call.commands, [command | {"description": "Draws"}])
    assert same == first
    assert changed["id"] == first["id"] and changed["version"] != first["version"]
    assert (await call("DELETE", f"{call.commands}/{first['id']}"))[0] == 204
    assert (await call("GET", f"{call.commands}/{first['id']}"))[1]["code"] == 10063


async def test_strangers_and_unknown_things_are_refused(call: Caller) -> None:
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": "Bot nobody"}
        async with session.get(call.play.api_url + "/users/@me", headers=headers) as answer:
            assert answer.status == 401 and answer.headers["Content-Type"] == "application/json"
    for path, code in {
        "/channels/1": 10003,
        "/guilds/1": 10004,
        "/users/1": 10013,
        call.gallery + "/1": 10008,
        "/nowhere": 0,
        "/guilds/1/nowhere": 0,
        "/guilds/1/roles": 10004,
    }.items():
        status, body = await call("GET", path)
        assert (status, body["code"]) == (404, code)
    answer = await call("POST", "/interactions/1/token/callback", {"type": 5})
    assert (answer[0], answer[1]["code"]) == (404, 10062)
    webhook = f"/webhooks/{call.play.world.application_id}/token"
    assert (await call("POST", webhook, {"content": "x"}))[1]["code"] == 10015


async def test_history_is_paged_and_bounded(call: Caller) -> None:
    ids = [int((await call("POST", call.gallery, {"content": str(i)}))[1]["id"]) for i in range(310)]
    assert ids == sorted(ids)
    kept = call.play.world.messages.of(call.play.channel("gallery").id)
    assert [each.id for each in kept] == ids[-300:]
    _, newest = await call("GET", call.gallery + "?limit=2")
    _, older = await call("GET", f"{call.gallery}?limit=2&before={ids[-2]}")
    _, after = await call("GET", f"{call.gallery}?limit=2&after={ids[-3]}")
    assert [int(each["id"]) for each in newest] == [ids[-1], ids[-2]] == [int(each["id"]) for each in after]
    assert [int(each["id"]) for each in older] == [ids[-3], ids[-4]]


async def test_an_enforced_nonce_posts_once(call: Caller) -> None:
    body = {"content": "one", "nonce": "7", "enforce_nonce": True}
    _, first = await call("POST", call.gallery, body)
    _, again = await call("POST", call.gallery, body | {"content": "two"})
    assert (again["id"], again["content"]) == (first["id"], "one")
    _, other = await call("POST", call.gallery, body | {"nonce": "8"})
    _, unenforced = await call("POST", call.gallery, {"content": "one", "nonce": "7"})
    assert len({first["id"], other["id"], unenforced["id"]}) == 3


async def test_a_fault_after_the_deed_loses_the_answer_alone(call: Caller) -> None:
    call.play.fail_next("POST", "/channels/…", status=502, is_after=True)
    status, _ = await call("POST", call.gallery, {"content": "one"})
    assert status == 502
    assert [each.content for each in await call.play.person("ada").sees("gallery")] == ["one"]
