"""The unmodified discord.py client works in the playground as on Discord."""

import io
from typing import Any

import discord
import pytest

from playground.people.person import InteractionFailed
from playground.server import Playground
from playground.world.errors import Refused
from tests.openapi import Judge, needs_openapi
from tests.playground.conftest import Time
from tests.playground.little_bot import LittleBot, picture, png

pytestmark = [pytest.mark.slow, pytest.mark.timeout(20)]


async def test_the_client_logs_in_and_finds_its_guild(play: Playground, bot: LittleBot) -> None:
    await bot.wait_until_ready()
    assert bot.user is not None and bot.user.id == play.world.application_id
    guild = bot.guilds[0]
    assert guild.me is not None and guild.me.guild_permissions.manage_messages
    after_dark = discord.utils.get(guild.text_channels, name="after-dark")
    assert after_dark is not None and after_dark.is_nsfw()
    assert play.gateway.activity == "Painting"


async def test_a_wrong_token_is_turned_away(play: Playground) -> None:
    client = discord.AutoShardedClient(intents=discord.Intents(guilds=True))
    with pytest.raises(discord.LoginFailure):
        await client.start("wrong")
    await client.close()


async def test_a_slash_command_is_answered_with_its_options(play: Playground, bot: LittleBot) -> None:
    ada, ben = play.person("ada"), play.person("ben")
    likeness = ada.upload("me.png", png(side=64), "image/png")
    use = await ada.slash(
        "gallery", "draw", prompt="a fox", images=3, model="flow", likeness=likeness, friend=ben
    )
    answer = await use.wait_for_answer(5)
    assert answer is not None and answer.content == f"a fox x3 flow {len(png(side=64))} ben"
    assert use.answer_seconds < 3
    member = bot.seen[0].user
    assert isinstance(member, discord.Member) and member.name == "ada"
    assert bot.seen[0].filesize_limit == 20 * 1024 * 1024


async def test_choices_are_suggested_while_typing(play: Playground, bot: LittleBot) -> None:
    choices = await play.person("ada").autocomplete("gallery", "draw", focused="model", model="fl")
    assert [each["value"] for each in choices] == ["flux", "flow"]


async def test_a_deferred_answer_is_thinking_and_then_a_gallery_with_its_picture(
    play: Playground, bot: LittleBot
) -> None:
    use = await play.person("ada").slash("gallery", "later")
    thinking = await use.wait_for_answer(5)
    assert thinking is not None and thinking.is_loading
    bot.go_on.set()
    gallery = await use.wait_for_message(5)
    items = [item for each in gallery.components if each["type"] == 12 for item in each["items"]]
    assert items[0]["media"]["width"] == 16 and items[0]["media"]["url"].startswith(play.page_url)
    assert gallery.flags == 1 << 15 and gallery.json["attachments"] == []
    await play.wait_for_message(lambda each: each.content == "and one more", timeout=5)


async def test_only_its_reader_sees_an_ephemeral_answer(play: Playground, bot: LittleBot) -> None:
    ada, ben = play.person("ada"), play.person("ben")
    use = await ada.slash("gallery", "whisper")
    answer = await use.wait_for_answer(5)
    assert answer in await ada.sees("gallery")
    assert await ben.sees("gallery") == []
    assert answer is not None
    with pytest.raises(discord.NotFound):
        await bot.get_partial_messageable(answer.channel_id).fetch_message(answer.id)


async def test_an_ephemeral_deferral_keeps_all_of_it_private(play: Playground, bot: LittleBot) -> None:
    bot.go_on.set()
    ada, ben = play.person("ada"), play.person("ben")
    use = await ada.slash("gallery", "later", private=True)
    assert (await use.wait_for_message(5)).is_ephemeral
    await play.wait_for_message(lambda each: each.content == "and one more", seen_by=ada, timeout=5)
    assert await ben.sees("gallery") == []


async def test_buttons_answer_update_defer_and_open_forms(play: Playground, bot: LittleBot) -> None:
    ada = play.person("ada")
    message = await (await ada.slash("gallery", "draw", prompt="a fox")).wait_for_message(5)
    use = await ada.click(message, label="Quiet")
    await play.wait_for_message(lambda each: each.content == "changed in silence", timeout=5)
    modal = await (await ada.click(message, custom_id="little:form")).wait_for_modal(5)
    assert modal.title == "A note"
    answer = await (await ada.submit(modal, {"text": "hello"})).wait_for_message(5)
    assert answer.content == "noted: hello"
    chosen = await (await ada.choose(message, "little:menu", ["red", "blue"])).wait_for_message(5)
    assert chosen.content == "red, blue"
    await (await ada.click(message, label="Update")).wait_for_answer(5)
    assert message.content == "updated" and message.json["components"] == []
    assert use.message is message


async def test_a_form_knows_its_limits(play: Playground, bot: LittleBot) -> None:
    ada = play.person("ada")
    modal = await (await ada.slash("gallery", "note")).wait_for_modal(5)
    with pytest.raises(Refused, match="1 to 20 characters"):
        await ada.submit(modal, {"text": "x" * 21})
    with pytest.raises(Refused, match="no field 'txet'"):
        await ada.submit(modal, {"txet": "x"})


async def test_a_button_inside_a_gallery_works_and_a_disabled_one_does_not(
    play: Playground, bot: LittleBot
) -> None:
    ada, ben = play.person("ada"), play.person("ben")
    bot.go_on.set()
    gallery = await (await ada.slash("gallery", "later")).wait_for_message(5)
    answer = await (await ben.click(gallery, label="Again")).wait_for_message(5)
    assert answer.content == "again" and answer.seen_by == ben.id
    with pytest.raises(Refused, match="disabled"):
        await ben.click(gallery, label="Gone")
    with pytest.raises(Refused, match="only Again, Gone"):
        await ben.click(gallery, label="U1")


async def test_context_menus_bring_their_target(play: Playground, bot: LittleBot) -> None:
    ada, ben = play.person("ada"), play.person("ben")
    spoken = await ben.say("gallery", "a rude word")
    report = await ada.message_menu("gallery", "Report", spoken)
    assert (await report.wait_for_message(5)).content == "reported a rude word"
    greeting = await ada.user_menu("gallery", "Greet", ben)
    assert (await greeting.wait_for_message(5)).content == "hello Ben"


async def test_a_picture_in_an_embed_is_no_attachment_any_more(play: Playground, bot: LittleBot) -> None:
    message = await (await play.person("ada").slash("gallery", "look")).wait_for_message(5)
    assert message.json["embeds"][0]["image"]["width"] == 16
    assert message.json["attachments"] == []


async def test_an_interaction_without_an_answer_fails_after_three_seconds(
    play: Playground, bot: LittleBot
) -> None:
    use = await play.person("ada").slash("gallery", "silence")
    with pytest.raises(InteractionFailed):
        await use.wait_for_message(5)
    assert use.failed
    with pytest.raises(discord.NotFound) as late:
        await bot.seen[0].response.send_message("late")
    assert late.value.code == 10062


async def test_an_interaction_is_answered_once(play: Playground, bot: LittleBot) -> None:
    await (await play.person("ada").slash("gallery", "whisper")).wait_for_answer(5)
    interaction = bot.seen[0]
    again: discord.InteractionResponse[LittleBot] = discord.InteractionResponse(interaction)  # pyright: ignore
    with pytest.raises(discord.HTTPException) as twice:
        await again.send_message("again")
    assert twice.value.code == 40060


async def test_a_modal_cannot_follow_a_deferral(play: Playground, bot: LittleBot) -> None:
    use = await play.person("ada").slash("gallery", "later")
    await use.wait_for_answer(5)
    again: discord.InteractionResponse[LittleBot] = discord.InteractionResponse(bot.seen[0])  # pyright: ignore
    with pytest.raises(discord.HTTPException) as refused:
        await again.send_modal(discord.ui.Modal(title="x").add_item(discord.ui.TextDisplay("y")))
    assert refused.value.code == 40060
    bot.go_on.set()
    await use.wait_for_message(5)


async def test_a_token_dies_after_fifteen_minutes(play: Playground, bot: LittleBot, time: Time) -> None:
    use = await play.person("ada").slash("gallery", "draw", prompt="a fox")
    message = await use.wait_for_message(5)
    time.now += 14 * 60
    await bot.seen[0].edit_original_response(content="in time")
    time.now += 60
    with pytest.raises(discord.HTTPException) as late:
        await bot.seen[0].edit_original_response(content="late")
    assert (late.value.status, late.value.code) == (401, 50027)
    own = bot.get_partial_messageable(message.channel_id).get_partial_message(message.id)
    await own.edit(content="by its own right", attachments=[picture()])
    assert message.content == "by its own right" and len(message.json["attachments"]) == 1


async def test_a_token_can_be_made_to_die(play: Playground, bot: LittleBot) -> None:
    use = await play.person("ada").slash("gallery", "later")
    await use.wait_for_answer(5)
    play.expire_token(use)
    with pytest.raises(discord.HTTPException) as late:
        await bot.seen[0].followup.send("late")
    assert late.value.code == 50027


async def test_a_lost_connection_is_resumed_and_nothing_is_missed(play: Playground, bot: LittleBot) -> None:
    await play.drop_gateway()
    await play.wait_until_offline(5)
    use = await play.person("ada").slash("gallery", "draw", prompt="while away")
    assert (await use.wait_for_message(5)).content.startswith("while away")
    await play.world.changed.wait_until(lambda: bot.resumes or None, 5)


async def test_a_lost_session_begins_anew(play: Playground, bot: LittleBot) -> None:
    await play.drop_gateway(resumable=False)
    await play.wait_until_offline(5)
    await play.wait_for_bot(15)
    use = await play.person("ada").slash("gallery", "whisper")
    assert (await use.wait_for_message(5)).content == "psst"


async def test_moderation_is_hidden_and_can_be_forced(play: Playground, bot: LittleBot) -> None:
    ada, mia = play.person("ada"), play.person("mia")
    with pytest.raises(Refused, match="may not use mod"):
        await ada.slash("gallery", "mod log")
    assert (await (await ada.slash("gallery", "mod log", force=True)).wait_for_message(5)).content == "no"
    assert (await (await mia.slash("gallery", "mod log")).wait_for_message(5)).content == "the log"


async def test_wrong_input_never_reaches_the_bot(play: Playground, bot: LittleBot) -> None:
    ada = play.person("ada")
    wrong: dict[str, dict[str, Any]] = {
        "prompt: this option is required": {},
        "prompt: 2 to 40 characters": {"prompt": "x"},
        "images: at most 4": {"prompt": "fox", "images": 5},
        "images: a number": {"prompt": "fox", "images": "many"},
        "no option 'colour'": {"prompt": "fox", "colour": "red"},
        "not uploaded": {"prompt": "fox", "likeness": "17"},
    }
    for sentence, options in wrong.items():
        with pytest.raises(Refused, match=sentence):
            await ada.slash("gallery", "draw", **options)
    with pytest.raises(Refused, match="no command called paint"):
        await ada.slash("gallery", "paint")
    assert bot.seen == []


async def test_the_bot_writes_edits_and_deletes_messages_of_its_own(play: Playground, bot: LittleBot) -> None:
    await bot.wait_until_ready()
    channel = discord.utils.get(bot.guilds[0].text_channels, name="mod-log")
    assert channel is not None
    sent = await channel.send("a case", file=picture())
    await sent.edit(content="a closed case")
    assert [each.content async for each in channel.history()] == ["a closed case"]
    assert await play.person("ada").sees("mod-log") == []
    assert len(await play.person("mia").sees("mod-log")) == 1
    thread = await sent.create_thread(name="Appeal")
    await thread.send("heard")
    await sent.delete()
    assert await play.person("mia").sees("mod-log") == []


async def test_the_bot_writes_a_direct_message(play: Playground, bot: LittleBot) -> None:
    ada = play.person("ada")
    user = await bot.fetch_user(ada.id)
    sent = await user.send("your picture is ready")
    dm = play.world.channels[sent.channel.id]
    assert [each.content for each in await ada.sees(dm)] == ["your picture is ready"]
    assert await play.person("ben").sees(dm) == []


async def test_the_messages_of_others_are_not_the_bots_to_edit(play: Playground, bot: LittleBot) -> None:
    message = await play.person("ada").say("gallery", "mine")
    partial = bot.get_partial_messageable(message.channel_id).get_partial_message(message.id)
    with pytest.raises(discord.Forbidden) as refused:
        await partial.edit(content="yours")
    assert refused.value.code == 50005
    await partial.delete()
    assert await play.person("ada").sees("gallery") == []


async def test_faults_are_injected_and_the_client_copes(play: Playground, bot: LittleBot) -> None:
    await bot.wait_until_ready()
    channel = play.channel("gallery")
    fault = play.fail_next("POST", "/channels/…", status=429, times=2, retry_after=0.01)
    target = bot.get_partial_messageable(channel.id)
    assert (await target.send("through")).content == "through"
    assert fault.times == 0
    play.fail_next("POST", "/channels/…", status=429, has_via=False)
    with pytest.raises(discord.HTTPException) as banned:
        await target.send("banned")
    assert banned.value.status == 429
    play.fail_next("POST", "/channels/…", status=403, code=50013)
    with pytest.raises(discord.Forbidden):
        await target.send("forbidden")


async def test_too_large_a_file_is_refused(play: Playground, bot: LittleBot) -> None:
    target = bot.get_partial_messageable(play.channel("gallery").id)
    with pytest.raises(discord.HTTPException) as refused:
        await target.send(file=discord.File(io.BytesIO(bytes(20 * 1024 * 1024 + 1)), "big.bin"))
    assert (refused.value.status, refused.value.code) == (413, 40005)


@needs_openapi
async def test_all_of_it_is_what_discord_describes(play: Playground, bot: LittleBot, judge: Judge) -> None:
    """The other tests are checked too when their playground closes; this one shows that the judge really checks."""
    await (await play.person("ada").slash("gallery", "look")).wait_for_message(5)
    assert {each.route for each in judge.exchanges} >= {
        "/users/@me",
        "/gateway/bot",
        "/applications/{application_id}/commands",
        "/interactions/{interaction_id}/{interaction_token}/callback",
    }
    judge.verify()


async def test_a_command_is_used_in_a_direct_message(play: Playground, bot: LittleBot) -> None:
    ada = play.person("ada")
    answer = await (await ada.slash(ada.dm(), "whisper")).wait_for_message(5)
    assert answer.content == "psst" and answer in await ada.sees(ada.dm())
    assert bot.seen[0].guild is None and bot.seen[0].user.id == ada.id


async def test_people_delete_what_is_theirs_and_moderators_everything(
    play: Playground, bot: LittleBot
) -> None:
    ada, ben, mia = play.person("ada"), play.person("ben"), play.person("mia")
    first, second = await ada.say("gallery", "one"), await ada.say("gallery", "two")
    with pytest.raises(Refused, match="may not delete"):
        await ben.delete(first)
    await ada.delete(first)
    await mia.delete(second)
    assert await ben.sees("gallery") == []


async def test_fifty_members_use_commands_at_once(play: Playground, bot: LittleBot) -> None:
    crowd = [play.add_member(f"member{number}") for number in range(50)]
    uses = [await each.slash("gallery", "draw", prompt=each.name) for each in crowd]
    answers = [await use.wait_for_message(10) for use in uses]
    assert [each.content.split()[0] for each in answers] == [each.name for each in crowd]


async def test_every_kind_of_option_reaches_the_bot(play: Playground, bot: LittleBot) -> None:
    await bot.wait_until_ready()
    ada, ben = play.person("ada"), play.person("ben")
    options: dict[str, Any] = {
        "role": str(play.world.moderators),
        "room": play.channel("after-dark"),
        "who": ben,
        "level": 2.5,
        "loud": True,
    }
    picked = await (await ada.slash("gallery", "pick", **options)).wait_for_message(5)
    assert picked.content == "Moderator after-dark ben 2.5 True"
    hidden: dict[str, Any] = options | {"room": play.channel("mod-log")}
    with pytest.raises(Refused, match="no such channel"):
        await ada.slash("gallery", "pick", **hidden)
    people = await ada.choose(picked, "little:resolved", [ada, ben])
    assert (await people.wait_for_message(5)).content == "4 resolved", "two users and two members"
    room = await ada.choose(picked, "little:resolved:room", [play.channel("gallery")])
    assert (await room.wait_for_message(5)).content == "1 resolved"
    role = await ada.choose(picked, "little:resolved:role", [str(play.world.moderators)])
    assert (await role.wait_for_message(5)).content == "1 resolved"


async def test_every_kind_of_form_field_reaches_the_bot(play: Playground, bot: LittleBot) -> None:
    ada = play.person("ada")
    modal = await (await ada.slash("gallery", "survey")).wait_for_modal(5)
    with pytest.raises(Refused, match="choose one"):
        await ada.submit(modal)
    entries = {
        "size": "large",
        "extras": ["small"],
        "agree": True,
        "upload": ada.upload("me.png", png()),
        "friend": play.person("ben"),
    }
    answer = await (await ada.submit(modal, entries)).wait_for_message(5)
    assert answer.content == "large ['small'] True me.png ben"
