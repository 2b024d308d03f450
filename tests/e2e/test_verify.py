"""/verify and the message menu: the answers to any member, to the author, and to moderators."""

import asyncio
import io
import urllib.request

import pytest
from PIL import Image

from playground.people.person import Person
from playground.world.messages import Message
from tests.e2e.stage import Stage, job_of, picture_urls

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

PROMPT = "a quiet harbour"


async def posted(message: Message) -> bytes:
    """Returns the exact file that the message shows."""
    (url,) = picture_urls(message)
    return await asyncio.to_thread(lambda: urllib.request.urlopen(url).read())  # the playground's own address


async def verified(person: Person, content: bytes, name: str = "picture.png") -> str:
    use = await person.slash("gallery", "verify", picture=person.upload(name, content))
    answer = await use.wait_for_message()
    assert answer.is_ephemeral
    return answer.texts


async def test_everybody_is_told_when_and_with_what_and_only_some_from_what_and_by_whom(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    gallery = await stage.draw(ada, PROMPT, images=1, seed=11)
    content = await posted(gallery)
    for words in ("**This bot made it** on <t:", "signed credentials", f"picture 1 of job {job_of(gallery)}"):
        assert words in await verified(ben, content)
    seen_by_ben = await verified(ben, content)
    assert "tiny" in seen_by_ben and "seed 11" in seen_by_ben
    assert PROMPT not in seen_by_ben
    assert str(ada.id) not in seen_by_ben
    seen_by_ada = await verified(ada, content)
    assert PROMPT in seen_by_ada
    assert "Asked for by" not in seen_by_ada
    seen_by_mia = await verified(stage.mia, content)
    assert PROMPT in seen_by_mia
    assert f"Asked for by <@{ada.id}>" in seen_by_mia


async def test_the_menu_looks_at_what_the_message_shows(stage: Stage) -> None:
    gallery = await stage.draw(stage.guest(), PROMPT, images=4)
    use = await stage.in_panel(stage.ben, gallery, "Verify")
    answer = await use.wait_for_message()
    assert answer.is_ephemeral
    assert "**This bot made it** on" in answer.texts
    assert f"job {job_of(gallery)}" in answer.texts


async def test_a_picture_of_somebody_elses_is_not_claimed(stage: Stage) -> None:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, "JPEG")
    answer = await verified(stage.guest(), out.getvalue(), "mine.jpg")
    assert "There is no sign that this bot made it" in answer
    assert "this is no proof" in answer


async def test_what_is_no_picture_is_said(stage: Stage) -> None:
    ben = stage.guest()
    use = await ben.slash("gallery", "verify", picture=ben.upload("notes.txt", b"just words"))
    assert "There is no picture that I can read" in await stage.private(use)
    words = await ben.say("gallery", "just words")
    use = await ben.message_menu("gallery", "Picture…", words)
    assert "There is no picture that I can read" in await stage.private(use)


async def test_the_menu_looks_past_what_is_no_picture(stage: Stage) -> None:
    ada = stage.guest()
    content = await posted(await stage.draw(ada, PROMPT, images=1))
    files = {"notes.txt": b"just words", "broken.png": b"no picture", "mine.png": content}
    message = await ada.say("gallery", "is this yours?", files)
    use = await stage.in_panel(ada, message, "Verify")
    assert "**This bot made it** on" in (await use.wait_for_message()).texts
    many = await ada.say("gallery", "and these?", {f"{number}.png": content for number in range(6)})
    use = await stage.in_panel(ada, many, "Verify")
    answer = (await use.wait_for_message()).texts
    assert answer.count("**This bot made it** on") == 4
    assert "I have not looked at 2 more files of this message" in answer


async def test_an_enlarged_picture_is_its_own_and_keeps_no_other_mark(stage: Stage) -> None:
    ada = stage.guest()
    first = await stage.draw(ada, PROMPT, images=1)
    large = await stage.gallery(await stage.press(ada, first, "U1"))
    answer = await verified(ada, await posted(large))
    assert "**This bot made it** on" in answer
    assert f"picture 1 of job {job_of(large)}" in answer
    assert "upscaled" in answer
    assert "Other signs" not in answer
