"""/history is a message that Discord accepts, and every page of it can be opened."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.commands.own import history
from bot.studio.orders.parameters import PromptInput
from db.ids import new_job_id
from db.jobs import Job, ReplyTarget
from generation.request import ImageSize, MemberId
from tests.bot.cards import LARGEST_ID, NOW, SAY, a_job, custom_ids_of, problems, texts_of
from tests.bot.conftest import ADA, Shop
from tests.bot.markdown import long_words
from tests.bot.painter import png

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]
some = hypothesis_settings(max_examples=30, deadline=None)
few = hypothesis_settings(some, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])


@few
@given(st.lists(long_words.filter(str.strip), min_size=5, max_size=5))
async def test_a_page_of_history_is_a_message(shop: Shop, prompts: list[str]) -> None:
    member = MemberId(int(shop.clock.now))
    shop.clock.now += 1  # a different member for each example
    for prompt in prompts:
        await done(shop, member, prompt, is_posted=False)
    view, files = await history.page(SAY, shop.records.jobs, shop.stored_pictures, member, history.NEWEST)
    assert problems(view, [file.filename for file in files]) == []
    assert len(files) == history.PAGE


async def done(shop: Shop, member: MemberId, prompt: str, *, is_posted: bool = True) -> Job:
    place = ReplyTarget(guild_id=LARGEST_ID, channel_id=LARGEST_ID, message_id=LARGEST_ID)
    job = a_job(prompt, id=new_job_id(), member=member, place=place)
    async with shop.records.database.transaction() as tx:
        await shop.records.jobs.record(tx, job)
        await shop.records.jobs.finish(tx, job.id, NOW)
        await shop.records.pictures.store(
            tx, job=job.id, index=0, content=png(), size=ImageSize(width=16, height=16), seed=1, at=NOW
        )
    if is_posted:
        await shop.records.jobs.delivered(job.id, NOW)
    return job


async def test_history_is_read_page_by_page_and_ends(shop: Shop) -> None:
    made = [await done(shop, ADA.member, f"fox {number}") for number in range(9)]
    cursor, seen = history.NEWEST, list[str]()
    for _ in range(3):
        view, _ = await history.page(SAY, shop.records.jobs, shop.stored_pictures, ADA.member, cursor)
        *repeats, newest, older = custom_ids_of(view)
        seen += [each.split(":")[3] for each in repeats]
        assert newest == "atelier:1:page:history:0"
        cursor = older.removeprefix("atelier:1:page:history:")
    assert seen == [job.id for job in reversed(made)]


async def test_history_keeps_the_words_of_what_was_removed(shop: Shop) -> None:
    job = await done(shop, ADA.member, "a fox")
    await shop.takedown.remove(job.id, ADA, "")
    view, files = await history.page(SAY, shop.records.jobs, shop.stored_pictures, ADA.member, history.NEWEST)
    assert files == [] and problems(view) == []
    assert any("a fox" in text for text in texts_of(view))


async def test_history_tells_a_remix_from_variations(busy: Shop) -> None:
    parent = (await busy.draw("a fox", images=1)).job
    order = await busy.variations.remix(parent.id, 0, PromptInput(prompt="a wolf"), ADA)
    for each in (order, await busy.variations.variation(parent.id, 0, ADA)):
        await busy.fulfil(await busy.admit(replace(each, drawing=replace(each.drawing, images=1))))
    view, _ = await history.page(SAY, busy.records.jobs, busy.stored_pictures, ADA.member, history.NEWEST)
    varied, remixed, first = (text for text in texts_of(view) if text.startswith("**"))
    assert ("a fox" in varied, "variations" in varied) == (True, True)
    assert ("a wolf" in remixed, "remix ·" in remixed, "variations" in remixed) == (True, True, False)
    assert "imagine ·" in first


async def test_who_has_drawn_nothing_is_told_how(shop: Shop) -> None:
    view, files = await history.page(SAY, shop.records.jobs, shop.stored_pictures, ADA.member, history.NEWEST)
    assert files == [] and problems(view) == []
    assert "/imagine" in texts_of(view)[0]


async def test_pictures_that_could_not_be_posted_are_handed_out(shop: Shop) -> None:
    await done(shop, ADA.member, "a fox")
    job = await done(shop, ADA.member, "an owl", is_posted=False)
    view, _ = await history.page(SAY, shop.records.jobs, shop.stored_pictures, ADA.member, history.NEWEST)
    shows = [each for each in custom_ids_of(view) if ":show:" in each]
    assert shows == [f"atelier:1:show:{job.id}:0"]
    assert "It is not in its channel" in "\n".join(texts_of(view))
