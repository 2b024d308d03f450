"""A member's data: exported as a file within the size limit, deleted here and in Discord, and described beforehand."""

import asyncio
import io
import json
import os
import zipfile
from dataclasses import replace
from typing import Any

import pytest
from discord import app_commands

from bot.app import build
from bot.client import Atelier
from bot.privacy import cards as privacy_cards
from bot.privacy.erasure import DAY, ErasureSweep, periods_of
from bot.studio.cases.cases import Decision
from bot.studio.cases.reports import MemberReports
from bot.studio.errors import DataTooLarge, PromptRefused
from bot.studio.settings import RetentionSettings
from bot.texts import language
from db.cases import Outcome
from db.erasure import Advance, ErasureRequest, Erasures
from db.jobs import Job, JobState
from db.member_export import Outlook
from playground.server import Playground
from tests.bot.conftest import ADA, BEN, MIA, Shop, an_order, ended, until
from tests.bot.desk import flagged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

MIB = 2**20
SAY = language("en")
NOTHING = Outlook(
    orders=0,
    pictures=0,
    in_line=0,
    strikes_until=(),
    blocks_until=(),
    open_cases=0,
    acts=0,
    is_pending=False,
)


def sweep_of(shop: Shop, atelier: Atelier, days: RetentionSettings | None = None) -> ErasureSweep:
    return ErasureSweep(
        atelier,
        shop.records,
        atelier.mod_channel,
        atelier.departures,
        shop.takedown,
        days or shop.settings.retention,
        shop.clock,
        pause=0.0,
    )


def opened(content: bytes) -> tuple[dict[str, Any], list[str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = [name for name in archive.namelist() if name != "data.json"]
        return json.loads(archive.read("data.json")), names


async def posted(shop: Shop, play: Playground, atelier: Atelier, job: Job) -> int:
    """Posts a message that shows the job and returns its id."""
    channel = play.channel("gallery")
    message = await atelier.get_partial_messageable(channel.id).send("a gallery")
    async with shop.records.database.transaction() as tx:
        await shop.records.jobs.set_message(tx, job.id, message.id)
        await tx.all("UPDATE jobs SET channel_id = ? WHERE id = ?", (channel.id, job.id))
    return message.id


# ---- export


async def test_an_export_holds_the_rows_and_the_pictures(busy: Shop) -> None:
    first, second = await busy.draw("a fox"), await busy.draw("an owl")
    await busy.draw("a newt", BEN)
    await busy.takedown.remove(first.job.id, ADA, "")
    made = await busy.privacy.export(ADA.member, 10 * MIB)
    data, names = opened(made.content)
    assert {row["prompt"] for row in data["jobs"]} == {"a fox", "an owl"}
    assert sorted(names) == [f"pictures/{second.job.id}-{number}.png" for number in (1, 2)]
    assert (made.pictures, made.pictures_in_all) == (2, 2)
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        assert archive.read(names[0]).startswith(b"\x89PNG")


@pytest.mark.parametrize("room", [0, 1, 2, 3, 4])
async def test_an_export_takes_as_many_pictures_as_fit_newest_first(busy: Shop, room: int) -> None:
    jobs = [(await busy.draw(f"fox {number}")).job.id for number in range(2)]
    privacy = busy.privacy
    whole = await privacy.export(ADA.member, 10 * MIB)
    with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
        sizes = [each.file_size + 300 for each in archive.infolist() if each.filename != "data.json"]
    least = len(whole.content) - sum(sizes) + 300 * len(sizes)
    limit = least + sum(sizes[:room]) + 100_000
    made = await privacy.export(ADA.member, limit)
    data, names = opened(made.content)
    newest = [f"pictures/{job}-{number}.png" for job in reversed(jobs) for number in (2, 1)]
    # Sizes vary by a few bytes: one picture more may fit, but never one fewer.
    assert names == newest[: len(names)] and len(names) >= room
    assert len(made.content) <= limit
    assert (made.pictures, made.pictures_in_all, len(data["images"])) == (len(names), 4, 4)


async def test_data_that_fits_nowhere_is_refused_with_its_size(shop: Shop) -> None:
    await shop.admit(an_order())
    with pytest.raises(DataTooLarge) as refused:
        await shop.privacy.export(ADA.member, 1000)
    assert refused.value.size > refused.value.limit == 1000


# ---- the description beforehand


def test_what_stays_is_said_before_and_for_how_long() -> None:
    settings = RetentionSettings()
    text = privacy_cards.before(NOTHING, settings, SAY)
    assert "strike" not in text and "moderator, with your name" not in text and "24 hours" in text
    kept = replace(
        NOTHING,
        orders=1,
        pictures=2,
        in_line=3,
        strikes_until=(1_800_000_000.0,),
        blocks_until=(None, 1_900_000_000.0),
        open_cases=1,
        acts=4,
        is_pending=True,
    )
    text = privacy_cards.before(kept, settings, SAY)
    for words in (
        "1 order and 2 pictures",
        "3 orders in the queue: cancelled and refunded",
        "a strike until <t:1800000000:f>",
        "a block or ban until it is lifted",
        "a block or ban until <t:1900000000:f>",
        "1 open case about you: until the moderators have decided",
        "your acts as a moderator, with your name: 730 days",
        "asked for this before",
    ):
        assert words in text, words
    assert len(text) < 2500
    assert "3 orders cancelled and refunded" in privacy_cards.after(kept, 3, settings, SAY)


async def test_the_outlook_counts_what_is_there(busy: Shop) -> None:
    await busy.draw()
    await busy.admit(an_order("a bloody sword", images=1))
    await busy.block(ADA, "spam", 3600)
    await busy.casework.strike(MIA, ADA.member, "ada", "again")
    outlook = await busy.privacy.outlook(ADA.member)
    now = busy.clock.now
    assert outlook == Outlook(
        orders=2,
        pictures=2,
        in_line=0,
        strikes_until=(now + 90 * DAY,),
        blocks_until=(now + 3600,),
        open_cases=1,
        acts=0,
        is_pending=False,
    )
    assert (await busy.privacy.outlook(MIA.member)).acts == 2


# ---- deletion


async def test_a_member_is_forgotten_here_and_in_discord(
    busy: Shop, play: Playground, atelier: Atelier
) -> None:
    drawn = (await busy.draw()).job
    waiting = await busy.admit(an_order(images=1))
    bens = (await busy.draw(actor=BEN)).job
    message, bens_message = [await posted(busy, play, atelier, job) for job in (drawn, bens)]
    assert await busy.privacy.ask_to_forget(ADA.member) == 1
    assert (await busy.job(waiting)).state is JobState.CANCELLED and await busy.spent() == 2
    sweep = sweep_of(busy, atelier)
    await sweep.sweep()
    channel = play.channel("gallery").id
    assert play.world.messages.get(channel, message) is None
    assert play.world.messages.get(channel, bens_message) is not None
    # Ben's two pictures are the only remaining files.
    assert len([*(busy.settings.data / "images").glob("*/*")]) == len(
        await busy.records.pictures.of_job(bens.id)
    )
    assert (await busy.job(drawn)).drawing.prompt.text == ""
    assert await busy.spent() == 2, "what was charged today still counts"
    busy.clock.now += DAY + 1
    await sweep.sweep()
    assert await busy.records.jobs.get(drawn.id) is None and await busy.spent() == 0
    assert await busy.records.erasure.pending() == []
    assert (await busy.job(bens)).drawing.prompt.text == "a fox"


async def test_while_discord_is_away_its_messages_are_remembered(
    busy: Shop, play: Playground, atelier: Atelier, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = (await busy.draw()).job
    message = await posted(busy, play, atelier, job)
    await busy.privacy.ask_to_forget(ADA.member)
    # discord.py retries a 500 five times with long sleeps. A 429 without a Via header is final at once.
    play.fail_next("DELETE", "/channels/…", status=429, has_via=False)
    busy.clock.now += DAY + 1
    sweep = sweep_of(busy, atelier)
    await sweep.sweep()
    assert play.world.messages.get(play.channel("gallery").id, message) is not None
    assert [*(busy.settings.data / "images").glob("*/*")] == [], "the files do not wait for Discord"
    assert (await busy.job(job)).place.message_id == message
    await sweep.sweep()
    assert play.world.messages.get(play.channel("gallery").id, message) is None
    assert await busy.records.jobs.get(job.id) is None


async def test_a_message_that_discord_does_not_give_up_does_not_hold_the_rest(
    busy: Shop, play: Playground, atelier: Atelier, caplog: pytest.LogCaptureFixture
) -> None:
    job = (await busy.draw()).job
    message = await posted(busy, play, atelier, job)
    await busy.privacy.ask_to_forget(ADA.member)
    play.fail_next("DELETE", "/channels/…", status=403, code=50013)
    busy.clock.now += DAY + 1
    await sweep_of(busy, atelier).sweep()
    assert f"message {message} can't be deleted" in caplog.text
    assert await busy.records.jobs.get(job.id) is None


async def test_a_large_erasure_holds_up_no_other(
    busy: Shop, atelier: Atelier, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, small = (await busy.draw()).job, (await busy.draw(actor=BEN)).job
    for actor in (ADA, BEN):
        await busy.privacy.ask_to_forget(actor.member)
    busy.clock.now += DAY + 1
    pictures, goes_on = Erasures.pictures, asyncio.Event()

    async def slow(erasures: Erasures, erasure: ErasureRequest, most: int) -> Any:
        if erasure.member == ADA.member:
            await goes_on.wait()
        return await pictures(erasures, erasure, most)

    monkeypatch.setattr(Erasures, "pictures", slow)
    sweep = asyncio.create_task(sweep_of(busy, atelier).sweep())
    while await busy.records.jobs.get(small.id):  # noqa: ASYNC110  # the sweep deletes it
        await asyncio.sleep(0.002)
    assert await busy.records.jobs.get(large.id)
    goes_on.set()
    await sweep
    assert await busy.records.jobs.get(large.id) is None


async def test_the_cards_of_what_is_forgotten_go_too(busy: Shop, play: Playground, atelier: Atelier) -> None:
    [guild] = atelier.guilds
    ada, mia = replace(ADA, guild_id=guild.id), replace(MIA, guild_id=guild.id)
    job = (await busy.draw("a bloody sword", ada)).job
    case = await busy.records.cases.of_job(job.id)
    assert case is not None
    await atelier.mod_channel.post_case(case)
    [card] = await play.person("mia").sees("mod-log")
    await busy.casework.strike(mia, ada.member, "ada", "again")
    await busy.privacy.ask_to_forget(ada.member)
    sweep = sweep_of(busy, atelier)
    await sweep.sweep()
    assert "a bloody sword" in card.texts, "an open case waits for its decision"
    await busy.casework.decide(case.id, mia, Decision(outcome=Outcome.WARN, reason="not here"))
    await sweep.sweep()
    [card] = await play.person("mia").sees("mod-log")
    assert "a bloody sword" not in card.texts and "warned" in card.texts
    assert "deleted at their request" in card.texts
    assert "()" not in card.texts and "``" not in card.texts and "score" not in card.texts
    busy.clock.now += 91 * DAY
    await sweep.sweep()
    assert await play.person("mia").sees("mod-log") == []
    assert await busy.records.cases.page(guild.id) == []
    assert await busy.records.erasure.pending() == []


async def test_who_reported_a_picture_is_forgotten_on_its_card_too(
    busy: Shop, play: Playground, atelier: Atelier
) -> None:
    [guild] = atelier.guilds
    ada, ben = replace(ADA, guild_id=guild.id), replace(BEN, guild_id=guild.id)
    job = (await busy.draw("an owl", ada)).job
    reported = await MemberReports(busy.casework, 5).report(ben, job, "ugly")
    await atelier.mod_channel.post_case(reported.case)
    [card] = await play.person("mia").sees("mod-log")
    assert "ben · evidence: reported: ugly" in card.texts
    await busy.privacy.ask_to_forget(ben.member)
    play.fail_next("PATCH", "/channels/…", status=429, has_via=False)
    await sweep_of(busy, atelier).sweep()
    [card] = await play.person("mia").sees("mod-log")
    assert "ben" in card.texts, "Discord was away"
    await sweep_of(busy, atelier).sweep()
    [card] = await play.person("mia").sees("mod-log")
    assert "a member · evidence: reported: ugly" in card.texts and "ben" not in card.texts


async def test_a_card_that_goes_out_of_date_while_it_is_drawn_is_drawn_once_more(
    shop: Shop, atelier: Atelier, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, drawn = await flagged(shop), list[int]()

    async def draw(case_id: int) -> bool:
        drawn.append(case_id)
        if len(drawn) == 1:
            await shop.records.cases.set_stale(case_id, True)  # as an order that joins
        return True

    monkeypatch.setattr(atelier.mod_channel, "refresh_case", draw)
    await shop.records.cases.set_stale(case.id, True)
    await sweep_of(shop, atelier).sweep()
    assert drawn == [case.id] * 2
    assert await shop.records.cases.stale(case.guild_id) == []


async def test_a_new_order_after_the_request_is_kept(busy: Shop, atelier: Atelier) -> None:
    await busy.draw()
    await busy.privacy.ask_to_forget(ADA.member)
    busy.clock.now += 60
    again = (await busy.draw("an owl")).job
    busy.clock.now += DAY
    await sweep_of(busy, atelier).sweep()
    assert [job.id for job in await busy.records.jobs.of_member(ADA.member)] == [again.id]


async def test_old_rows_go_by_the_settings(busy: Shop, atelier: Atelier) -> None:
    job = (await busy.draw()).job
    sweep = sweep_of(busy, atelier, RetentionSettings(pictures_days=365, jobs_days=365))
    copy = busy.records.database.path.with_name("atelier-version-1-x.sqlite3")
    copy.touch()
    os.utime(copy, (busy.clock.now, busy.clock.now))
    busy.clock.now += 29 * DAY
    await sweep.sweep()
    assert copy.exists()
    busy.clock.now += 60 * DAY
    await sweep.sweep()
    assert not copy.exists(), "the copy from before a migration"
    assert len(await busy.log()) == 1
    busy.clock.now += 2 * DAY
    await sweep.sweep()
    assert await busy.log() == []
    assert len((await busy.stored_pictures.gallery_of(job)).images) == 2
    busy.clock.now += 276 * DAY
    await sweep.sweep()
    assert await busy.records.jobs.get(job.id) is None
    assert [*(busy.settings.data / "images").glob("*/*")] == []


async def test_the_owner_is_warned_before_the_oldest_pictures_go(
    busy: Shop, atelier: Atelier, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = (await busy.draw()).job, (await busy.draw("an owl")).job
    stored = await busy.records.pictures.stored()
    warning = "above that the oldest are deleted"
    for gib, warnings in ((stored.bytes / 0.89, 0), (stored.bytes / 0.91, 1), (stored.bytes - 1, 1)):
        sweep = sweep_of(busy, atelier, RetentionSettings(pictures_gib=gib / 2**30))
        caplog.clear()
        await sweep.sweep()
        await sweep.sweep()
        assert caplog.text.count(warning) == warnings
    assert len((await busy.stored_pictures.gallery_of(second)).images) == 2
    assert [image.is_removed for image in await busy.records.pictures.of_job(first.id)] == [True, False]
    left = await busy.records.pictures.stored()
    sweep = sweep_of(busy, atelier, RetentionSettings(pictures_gib=left.bytes / 0.91 / 2**30))
    caplog.clear()
    for _ in range(3):
        await sweep.sweep()
        busy.clock.now += 0.6 * DAY
    assert caplog.text.count(warning) == 2, "once a day"


async def test_a_clock_that_is_wrong_deletes_nothing_by_its_age(
    busy: Shop, atelier: Atelier, caplog: pytest.LogCaptureFixture
) -> None:
    await busy.draw()
    right = busy.clock.now
    theirs: float | None = right
    sweep = ErasureSweep(
        atelier,
        busy.records,
        atelier.mod_channel,
        atelier.departures,
        busy.takedown,
        RetentionSettings(),
        busy.clock,
        lambda: theirs,
    )
    busy.clock.now += 91 * DAY
    await sweep.sweep()
    assert len(await busy.log()) == 1
    assert "the clock is +131040 minutes from Discord's" in caplog.text
    theirs = None
    await sweep.sweep()
    assert len(await busy.log()) == 1, "Discord's time is not known"
    theirs = busy.clock.now
    await sweep.sweep()
    assert await busy.log() == []


def test_zero_days_are_for_ever() -> None:
    periods = periods_of(RetentionSettings(prompts_days=0, pictures_days=2))
    assert (periods.prompts, periods.pictures) == (None, 2 * DAY)


def test_members_have_both_commands(shop: Shop) -> None:
    group = build(shop, asyncio.create_task).tree.get_command("privacy")
    assert isinstance(group, app_commands.Group)
    assert {each.name for each in group.commands} == {"export", "delete"}
    assert group.default_permissions is None


async def test_a_sweep_that_fails_is_tried_again_and_takes_nothing_down(
    busy: Shop, atelier: Atelier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def rename(before: str, after: str) -> None:
        async with busy.records.database.transaction() as tx:
            await tx.all(f"ALTER TABLE {before} RENAME TO {after}")

    await busy.draw()
    await busy.privacy.ask_to_forget(ADA.member)
    busy.clock.now += DAY + 1
    # Unexpected errors: not a StorageError, but a bug in the program.
    await rename("reports", "elsewhere")
    await rename("audit_openings", "elsewhere_too")
    sweep = sweep_of(busy, atelier)
    running = asyncio.create_task(sweep.run())
    try:
        await until(lambda: "the sweep failed" in caplog.text)
        assert "a member could not be forgotten yet" in caplog.text
        await rename("elsewhere", "reports")
        await rename("elsewhere_too", "audit_openings")
        sweep.want()
        await until(lambda: "a member who asked for it is forgotten" in caplog.text)
        assert not running.done()
    finally:
        await ended(running)


async def test_the_card_of_an_old_case_goes_with_its_row(
    busy: Shop, play: Playground, atelier: Atelier
) -> None:
    [guild] = atelier.guilds
    mia = replace(MIA, guild_id=guild.id)
    job = (await busy.draw("a bloody sword", replace(ADA, guild_id=guild.id))).job
    case = await busy.records.cases.of_job(job.id)
    assert case is not None
    await atelier.mod_channel.post_case(case)
    await busy.casework.decide(case.id, mia, Decision(outcome=Outcome.APPROVE))
    sweep = sweep_of(busy, atelier, RetentionSettings(cases_days=10))
    busy.clock.now += 11 * DAY
    play.fail_next("DELETE", "/channels/…", status=429, has_via=False)
    await sweep.sweep()
    assert await busy.records.cases.get(case.id) is not None, "Discord was away"
    await sweep.sweep()
    assert await play.person("mia").sees("mod-log") == []
    assert await busy.records.cases.get(case.id) is None


async def test_a_request_of_the_command_line_cancels_what_is_in_line(shop: Shop, atelier: Atelier) -> None:
    job = await shop.admit(an_order())
    async with shop.records.database.transaction() as tx:
        await shop.records.erasure.ask(tx, ADA.member, shop.clock.now)
    await sweep_of(shop, atelier).sweep()
    assert (await shop.job(job)).state is JobState.CANCELLED


async def test_a_request_of_which_nothing_may_go_yet_is_looked_at_once_an_hour(
    shop: Shop, atelier: Atelier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude woman"))
    await shop.privacy.ask_to_forget(ADA.member)
    looks, advance = list[float](), Erasures.advance

    async def counted(of: Erasures, erasure: ErasureRequest, *, now: float, acts_before: float) -> Advance:
        looks.append(now)
        return await advance(of, erasure, now=now, acts_before=acts_before)

    monkeypatch.setattr(Erasures, "advance", counted)
    sweep, began = sweep_of(shop, atelier), shop.clock.now
    for minute in range(90):
        shop.clock.now = began + minute * 60
        await sweep.sweep()
    assert len(looks) == 2
    await shop.privacy.ask_to_forget(ADA.member)
    await sweep.sweep()
    assert len(looks) == 3, "asked again"
