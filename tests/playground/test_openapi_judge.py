"""The judge finds violations: each of these exchanges must fail."""

from typing import Any

import pytest

from playground.rest.api import Exchange
from playground.world.files import Upload
from tests.openapi import Judge, needs_openapi

pytestmark = [needs_openapi, pytest.mark.timeout(20)]

CHANNEL = "/channels/123/messages"


def exchange(method: str, path: str, **more: Any) -> Exchange:
    usual: dict[str, Any] = {
        "route": path,
        "query": {},
        "headers": {},
        "body": None,
        "files": (),
        "status": 400,
        "answer": {"code": 0, "message": "x"},
        "answer_headers": {},
    }
    return Exchange(method=method, path=path, **(usual | more))


def seen(found: Exchange) -> str:
    judge = Judge()
    judge.observer(found)
    return "\n".join(judge.violations())


BUTTON = {"type": 2, "style": 1, "label": "A", "custom_id": "a"}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (exchange("GET", "/nowhere"), "no such endpoint"),
        (exchange("PUT", "/users/@me"), "no such endpoint"),
        (exchange("GET", CHANNEL, query={"limt": "3"}), "no query parameter 'limt'"),
        (exchange("GET", CHANNEL, query={"limit": "many"}), "no number"),
        (exchange("POST", CHANNEL, body={"contant": "x"}), "contant"),
        (exchange("POST", CHANNEL, body={"content": 3}), "content: 3 is not of type"),
        (exchange("POST", CHANNEL, body={"content": "x" * 2001}), "2001 characters"),
        (exchange("POST", CHANNEL, body={"components": [{"type": 77}]}), "components.0.type: 77"),
        (
            exchange("POST", CHANNEL, body={"components": [{"type": 1, "components": [BUTTON, BUTTON]}]}),
            "'a' is there twice",
        ),
        (
            exchange("POST", CHANNEL, body={"embeds": [{"image": {"url": "attachment://no.png"}}]}),
            "attachment://no.png was not uploaded",
        ),
        (exchange("POST", CHANNEL, body={"content": "x"}, status=200, answer={"id": "1"}), "answer"),
        (exchange("POST", CHANNEL + "/1/nonsense", body={}), "no such endpoint"),
        (exchange("GET", "/users/@me", status=204, answer=None), "does not answer so"),
        (exchange("POST", "/interactions/1/t/callback", body={"type": 4, "data": {"contnt": "x"}}), "contnt"),
        (exchange("GET", "/users/@me", answer={"oops": 1}), "'code' is a required property"),
    ],
)
def test_a_violation_is_seen_and_named(found: Exchange, words: str) -> None:
    assert words in seen(found)


@pytest.mark.parametrize(
    "found",
    [
        exchange("POST", CHANNEL, body={"content": "x", "attachments": [{"id": 0, "filename": "a.png"}]}),
        exchange("PATCH", CHANNEL + "/1", body={"content": None, "tts": False}),
        exchange(
            "POST",
            CHANNEL,
            body={"embeds": [{"title": "x", "flags": 0, "image": {"url": "attachment://a.png"}}]},
            files=(Upload(field="files[0]", filename="a.png", content_type=None, content=b""),),
        ),
        exchange("GET", "/users/@me", status=500, answer=None),
    ],
)
def test_what_discord_takes_is_not_a_violation(found: Exchange) -> None:
    assert seen(found) == ""


def test_nothing_exchanged_is_no_acquittal() -> None:
    with pytest.raises(AssertionError, match="nothing was exchanged"):
        Judge().verify()
