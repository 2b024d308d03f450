"""A prompt in a file: uploaded as a member does it, then drawn or refused with a sentence."""

import asyncio
import urllib.request

import pytest
from PIL import Image

from bot.studio.orders.prompt_file import MAX_PNG, MAX_TEXT
from generation.files.images import to_jpeg, to_png
from playground.world.messages import Message
from tests.e2e.stage import Stage, job_of, picture_urls
from tests.openapi import needs_openapi

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def saved(message: Message) -> bytes:
    """Returns the file that a member gets by saving the message's picture."""
    (url,) = picture_urls(message)
    return await asyncio.to_thread(lambda: urllib.request.urlopen(url).read())  # the playground's own address


@needs_openapi
async def test_a_text_file_is_drawn(stage: Stage) -> None:
    ada = stage.guest()
    stage.judge.exchanges.clear()
    file = ada.upload("prompt.txt", "ein großes Haus --images 1\n--no rain".encode())
    gallery = await stage.draw(ada, "at night", file=file)
    job = stage.job(gallery)
    assert (job["prompt"], job["negative"], job["images"]) == ("ein großes Haus at night", "rain", 1)
    stage.verify()


async def test_a_picture_that_was_saved_is_drawn_again_and_with_a_change(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    first = await stage.draw(ada, "a lamp --ar 3:2 --no people --steps 3 --cfg 4", images=1, seed=77)
    content = await saved(first)
    again = await stage.draw(ben, ".", file=ben.upload("lamp.png", content))
    changed = await stage.draw(ben, "made of glass --seed 78", file=ben.upload("lamp.png", content))
    old, same, other = (stage.job(each) for each in (first, again, changed))
    for column in ("model", "width", "height", "steps", "guidance", "negative", "images"):
        assert old[column] == same[column] == other[column], column
    assert (same["prompt"], same["seed"], same["member"]) == ("a lamp", 77, ben.id)
    assert (other["prompt"], other["seed"]) == ("a lamp made of glass", 78)
    # An enlarged picture contains its parameters too.
    large = await stage.gallery(await stage.press(ben, first, "U1"))
    small = await stage.draw(ben, ".", file=ben.upload("large.png", await saved(large)))
    assert (stage.job(small)["seed"], stage.job(small)["width"]) == (77, old["width"])
    assert job_of(small) != job_of(large)


async def test_a_file_that_holds_no_prompt_is_told_in_a_sentence_and_costs_nothing(stage: Stage) -> None:
    ada = stage.guest()
    picture = Image.new("RGB", (8, 8))
    for name, content, said in (
        ("long.txt", b"x" * (MAX_TEXT + 1), "at most 4 KiB"),
        ("huge.png", b"\x89PNG\r\n\x1a\n" + bytes(2 * MAX_PNG), "at most 20 MiB"),
        ("empty.txt", b" ", "no prompt in that file"),
        ("grid.jpg", to_jpeg(picture), "press U1 under it"),
        ("bare.png", to_png(picture), "no prompt in that file"),
        ("a.out", b"\x7fELF\x02\x01\x01\x00", "no prompt in that file"),
        ("prompt.txt", b"a fox --stepz 3", "Did you mean `--steps`?"),
        ("prompt.txt", b"a nude woman", "it reads as nudity"),
    ):
        use = await ada.slash("gallery", "imagine", prompt="a hill", file=ada.upload(name, content))
        assert said in await stage.private(use), name
    assert stage.spent(ada) == 0


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()  # until the other side closes the connection
    writer.close()


async def test_a_file_that_can_not_be_fetched_is_told_within_discords_three_seconds(stage: Stage) -> None:
    ada = stage.guest()
    server = await asyncio.start_server(silent, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    gone = ada.upload("prompt.txt", b"a fox")
    stage.play.world.files.drop(gone.id)
    async with server:
        for url in (gone.url, f"http://127.0.0.1:{port}/prompt.txt"):
            file = ada.upload("prompt.txt", b"a fox")
            described = stage.play.world.files.describe(file.id)
            assert described is not None
            stage.play.world.files.drop(file.id)
            stage.play.world.store.put_file(file.id, described | {"url": url}, b"a fox")
            use = await ada.slash("gallery", "imagine", prompt="a hill", file=file)
            assert "could not be fetched from Discord" in await stage.private(use)
            assert use.answer_seconds < 3
    assert stage.spent(ada) == 0


async def test_two_harmless_halves_of_a_refused_text_are_refused(stage: Stage) -> None:
    ada = stage.guest()
    file = ada.upload("prompt.txt", b"a child")
    use = await ada.slash("gallery", "imagine", prompt="in lingerie", file=file)
    spread = await stage.private(use)
    typed = await stage.private(await stage.guest().slash("gallery", "imagine", prompt="a child in lingerie"))
    assert spread == typed and "minors" in spread
