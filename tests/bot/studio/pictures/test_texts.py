"""What is written in a picture is judged with the prompt as one text: in uploads before anything is drawn, in finished pictures
before they are shown."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

import pytest
from PIL import Image, ImageDraw, ImageFont

from bot.studio.errors import PromptRefused
from bot.studio.orders.order import Order
from bot.studio.orders.parameters import PromptInput
from bot.studio.orders.supplied import PictureOrder, compose_blend, compose_from_picture
from bot.studio.pictures import supplied
from bot.studio.pictures.uploaded_picture import UploadedPicture, read_upload
from bot.studio.settings import Settings
from bot.studio.styles.server_styles import StyleInput
from bot.texts import ENGLISH, language
from moderation.pictures.registry import load_reader
from moderation.pictures.text import rapidocr
from tests import pictures
from tests.bot.cases.test_cards import card
from tests.bot.conftest import ADA, BEN, GUILD, SMALL, Shop, an_order, ended
from tests.bot.painter import png

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

WRITTEN = {
    (255, 0, 0): "naked",
    (0, 0, 255): "a sunny day",
    (0, 128, 0): "in the snow",
    (0, 0, 0): "bloody sword",
    (255, 255, 0): "a child",
}
"""By the colour of a picture's corner: what the stand-in reads in it."""
RED, BLUE, GREEN, BLACK, YELLOW, WHITE = (
    png(each) for each in ("red", "blue", "green", "black", "yellow", "white")
)


class StandIn:
    def __init__(self) -> None:
        self.threads = set[str]()

    def read(self, picture: Image.Image) -> str:
        self.threads.add(threading.current_thread().name)
        red, green, blue = picture.getpixel((picture.width - 1, 0))  # pyright: ignore[reportGeneralTypeIssues]
        return WRITTEN.get((red, green, blue), "")


@pytest.fixture
def reader(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Reads texts in pictures by their colours. Uploads are read in this process, which takes a thousandth of the time."""

    async def read_here(content: bytes) -> UploadedPicture:
        return read_upload(content)

    monkeypatch.setattr(supplied, "read_apart", read_here)
    found = StandIn()
    shop.picture_screening.reader = found
    return found


def started(text: str) -> PictureOrder:
    return compose_from_picture(PromptInput(prompt=text), ADA, [SMALL], SMALL)


async def order_from(shop: Shop, content: bytes, text: str) -> Order:
    wanted = started(text)
    return wanted.with_uploads(await shop.supplied.take_picture(content, wanted.preliminary), None)


async def sent(*contents: bytes) -> AsyncGenerator[bytes]:
    for each in contents:
        yield each


@pytest.mark.usefixtures("reader")
async def test_an_uploads_text_and_the_prompt_are_refused_together(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await order_from(shop, BLUE, "a child")
    with pytest.raises(PromptRefused) as refused:
        await order_from(shop, RED, "a child")
    assert refused.value.category == "minors" and refused.value.where == "picture-too"
    said = language(ENGLISH).sentence(refused.value) or ""
    assert "together with the text in the picture" in said and "naked" not in said
    (record, *_) = await shop.records.verdicts.page(GUILD)
    assert record.verdict.words[0] == "written:naked" and record.prompt == "a child"
    assert record.job is None and await shop.records.spending.since(ADA.member, 0) == []
    stored = await shop.records.database.reader.value("SELECT count(*) FROM uploads WHERE text = 'naked'", ())
    assert stored == 0
    ours = [each.getMessage() for each in caplog.records if each.name != "aiosqlite"]
    assert not any("naked" in each or "sunny" in each for each in ours)


@pytest.mark.usefixtures("reader")
async def test_a_text_that_needs_a_moderator_opens_a_case_that_shows_it(shop: Shop) -> None:
    harmless = await shop.admit(await order_from(shop, BLUE, "a fox"))
    assert await shop.records.cases.of_job(harmless.id) is None
    job = await shop.admit(await order_from(shop, BLACK, "a fox"))
    case = await shop.records.cases.of_job(job.id)
    assert case is not None and case.verdict.field == "written"
    assert "written in the picture: bloody sword" in (await card(shop, case.id))[0]
    assert await shop.studio.is_for_adults(job) and not await shop.studio.is_for_adults(harmless)


@pytest.mark.usefixtures("reader")
async def test_later_orders_from_the_picture_are_judged_with_its_text(shop: Shop) -> None:
    kept = await shop.supplied.take_picture(YELLOW, started("a tree").preliminary)
    await shop.admit(started("a tree").with_uploads(kept, None))
    with pytest.raises(PromptRefused) as refused:
        await shop.admit(started("naked").with_uploads(kept, None))
    assert refused.value.category == "minors"


@pytest.mark.usefixtures("reader")
async def test_the_texts_of_all_pictures_of_an_order_are_one_text(shop: Shop) -> None:
    wish = compose_blend(PromptInput(prompt="a child"), ADA, [SMALL], SMALL)
    with pytest.raises(PromptRefused):
        await shop.supplied.take_blend([BLUE, RED], wish.preliminary)
    kept = await shop.supplied.take_blend([BLUE, WHITE, GREEN], wish.preliminary)
    assert kept.text == "a sunny day in the snow"
    with pytest.raises(PromptRefused):
        await shop.supplied.take_references(sent(WHITE, RED), wish.preliminary)


@pytest.mark.usefixtures("reader")
async def test_a_style_is_saved_with_a_picture_only_if_its_text_and_words_may_be(shop: Shop) -> None:
    await shop.styles.save(ADA, StyleInput(name="snowy", words="of a child"), sent(GREEN))
    with pytest.raises(PromptRefused):
        await shop.styles.save(BEN, StyleInput(name="other", words="of a child"), sent(RED))


async def test_a_mask_is_not_read_and_nothing_is_read_on_the_event_loop(shop: Shop, reader: StandIn) -> None:
    order = compose_from_picture(PromptInput(prompt="a child"), ADA, [SMALL], SMALL, has_mask=True)
    _, mask = await shop.supplied.take_masked(BLUE, WHITE, order.preliminary)
    assert mask.text == ""
    assert all(each.startswith("texts") for each in reader.threads) and reader.threads


async def test_without_a_reader_nothing_is_read(shop: Shop) -> None:
    assert shop.picture_screening.reader is None
    kept = await shop.supplied.take_picture(RED, started("a child").preliminary)
    assert kept.text == ""


@pytest.mark.usefixtures("reader")
async def test_a_finished_picture_is_withheld_for_what_is_written_in_it(busy: Shop) -> None:
    job = await busy.admit(an_order("show red white", images=2))
    gallery = await busy.fulfil(job)
    assert [each.index for each in gallery.images] == [1], "the white one"
    case = await busy.records.cases.of_job(job.id)
    assert case is not None and case.picture is not None
    said = (await card(busy, case.id))[0]
    assert "written in the picture: naked" in said and "picture 1" in said


async def test_finished_pictures_are_left_unread_where_the_settings_say_so(
    settings: Settings, open_shop: Callable[[Settings], Shop]
) -> None:
    shop = open_shop(replace(settings, pictures=replace(settings.pictures, read_text="uploads")))
    shop.picture_screening.reader = reader = StandIn()
    work = asyncio.create_task(shop.dispatch.run())
    gallery = await shop.fulfil(await shop.admit(an_order("show red white", images=2)))
    assert len(gallery.images) == 2 and not reader.threads
    await ended(work)


@pytest.mark.skipif(not rapidocr.is_installed(), reason=f"the package is missing: {rapidocr.ADVICE}")
async def test_a_drawn_text_is_read_and_refused(shop: Shop) -> None:
    shop.picture_screening.reader = load_reader()
    for text, is_refused in (("a naked child", True), ("happy birthday", False)):
        picture = Image.new("RGB", (400, 200), "#ddeeff")
        ImageDraw.Draw(picture).text((20, 80), text, fill="navy", font=ImageFont.load_default(36))
        content = pictures.png(picture)
        if is_refused:
            with pytest.raises(PromptRefused) as refused:
                await order_from(shop, content, "a poster")
            assert refused.value.where == "picture"
        else:
            order = await order_from(shop, content, "a poster")
            assert await shop.prompt_screening.text_in(order.drawing) == text
