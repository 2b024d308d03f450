"""/mod case, cases, pardon, stats, desk: show, amend and take back."""

from typing import Any

import discord
from discord import app_commands, ui

from bot.cases import cards as case_cards
from bot.cases.buttons import next_button
from bot.cases.posting.digests import figure_lines
from bot.client import Interaction, answer
from bot.commands.mod.desk_lines import desk_lines
from bot.permissions import demand_below, demand_helper, helper_of, manager_of, moderator_of, seconds_of
from bot.ui import Language, Page, card, command, fields_of, markdown, numbers_in, pager, row, say_to, text
from db import Case
from generation import MemberId

Reason = app_commands.Range[str, 1, 300]
Number = app_commands.Range[int, 1, 10_000_000]

PAGE = 8  # cases


@command("command-mod-case")
async def case(
    interaction: Interaction,
    number: Number,
    reason: Reason | None = None,
    ends_in: str | None = None,
    note: app_commands.Range[str, 1, 500] | None = None,
) -> None:
    atelier, by = interaction.client, helper_of(interaction)
    if reason is not None or ends_in is not None:
        by = moderator_of(interaction)
    seconds = seconds_of(ends_in) if ends_in else None
    found = await atelier.parts.casework.numbered(by, number)
    if reason is not None or seconds is not None or note is not None:
        await demand_below(interaction, found.member)
    if reason is not None or seconds is not None:
        found = await atelier.parts.casework.amend(number, by, reason=reason, seconds=seconds)
    if note is not None:
        await atelier.parts.casework.add_note(number, by, note)
    say = say_to(interaction)
    view, files = case_cards.case_card(say, await atelier.mod_channel.dossier(found))
    shown = interaction.response.send_message(view=view, files=files, ephemeral=True)
    results = await atelier.effects.after(shown, cases=[found.id])
    if told := await atelier.effects.told(say, results):
        await interaction.followup.send(" ".join(told), ephemeral=True)
    if reason is not None or seconds is not None or note is not None:
        await atelier.mod_channel.refresh_case(found.id)


@command("command-mod-cases")
@app_commands.choices(
    state=[
        app_commands.Choice(name=text("mod-choice-open"), value="open"),
        app_commands.Choice(name=text("mod-choice-closed"), value="closed"),
    ]
)
async def cases(
    interaction: Interaction, member: discord.User | None = None, state: str | None = None
) -> None:
    cursor = f"{member.id if member else 0}.{(state or '-')[0]}.0"
    await interaction.response.send_message(view=await _page(interaction, cursor), ephemeral=True)


async def turn(interaction: Interaction, cursor: str) -> None:
    demand_helper(interaction)
    await interaction.response.edit_message(view=await _page(interaction, cursor))


async def _page(interaction: Interaction, cursor: str) -> ui.LayoutView:
    """Builds a page. `cursor`: member, state's letter and the case number before the page, joined with dots."""
    member, state, before = fields_of(cursor, 3)
    about, last = numbers_in(member, before)
    found = await interaction.client.parts.records.cases.page(
        interaction.guild_id or 0,
        member=MemberId(about) if about else None,
        is_open={"o": True, "c": False}.get(state),
        before=last or None,
        limit=PAGE + 1,
    )
    shown = found[:PAGE]
    say = say_to(interaction)
    items: list[ui.Item[Any]] = [ui.TextDisplay(say("mod-cases-title"))]
    items += [ui.TextDisplay[Any](line_of(say, each)) for each in shown] or [
        ui.TextDisplay(say("mod-nothing-matches"))
    ]
    view = card(*items)
    oldest = shown[-1].number if shown else 1
    newest, older = f"{member}.{state}.0", f"{member}.{state}.{oldest}"
    view.add_item(pager(say, Page.CASES, newest, older, is_newest=not last, has_more=len(found) > PAGE))
    view.add_item(row(next_button(say)))
    return view


def line_of(say: Language, each: Case) -> str:
    """Returns a case with its outcome, for a list."""
    state = say("mod-cases-open")
    if each.outcome is not None:
        state = say("mod-cases-decided", by=each.acted_name, outcome=each.outcome, is_refused=each.is_refused)
    prompt = f"\n> {markdown.short(markdown.plain(each.prompt), 100)}" if each.prompt else ""
    why = f" · {markdown.short(markdown.plain(each.reason), 100)}" if each.reason else ""
    return f"**{each.number}** · <@{each.member}> · <t:{int(each.opened_at)}:R> · {state}{why}{prompt}"


@command("command-mod-pardon")
async def pardon(interaction: Interaction, number: Number, reason: Reason) -> None:
    atelier, say, by = interaction.client, say_to(interaction), moderator_of(interaction)
    await demand_below(interaction, (await atelier.parts.casework.numbered(by, number)).member)
    found = await atelier.parts.casework.pardon(number, by, reason)
    results = await atelier.effects.after(interaction.response.defer(ephemeral=True), cases=[found.id])
    parts = [say("mod-pardoned", number=number, member=found.member, reason=reason)]
    parts += await atelier.effects.told(say, results)
    await atelier.mod_channel.refresh_case(found.id)
    await answer(interaction, " ".join(parts))


@command("command-mod-stats")
async def stats(interaction: Interaction, since: str = "7d") -> None:
    parts, seconds, say = interaction.client.parts, seconds_of(since), say_to(interaction)
    figures = await parts.records.member_stats.figures(interaction.guild_id or 0, parts.clock() - seconds)
    outcomes = [
        say("mod-stats-outcome", count=count, outcome=outcome)
        for outcome, count in sorted(figures.outcomes.items())
    ]
    moderators = [
        say("mod-stats-moderator", who=who, count=count)
        for who, count in list(figures.by_moderator.items())[:10]
    ]
    lines = [
        say("mod-stats-title", seconds=seconds),
        *figure_lines(say, figures),
        say(
            "mod-stats-decided",
            decided=sum(figures.outcomes.values()),
            waited=figures.waited,
            outcomes=", ".join(outcomes),
        ),
        say("mod-stats-by", moderators=", ".join(moderators)),
        say("mod-stats-appeals", appeals=figures.appeals, overturned=figures.overturned),
    ]
    await answer(interaction, "\n".join(lines))


@command("command-mod-desk")
async def desk(interaction: Interaction, second_for_bans: bool | None = None) -> None:
    demand_helper(interaction)
    atelier, say = interaction.client, say_to(interaction)
    if second_for_bans is not None:
        # A head of the server's choice could free themselves from the second moderator.
        await atelier.parts.desk_settings.set_second_for_bans(manager_of(interaction), second_for_bans)
    settings = await atelier.parts.records.guilds.get(interaction.guild_id or 0)
    rungs = " → ".join(
        say("case-rung", sanction=each.sanction, seconds=each.seconds)
        for each in atelier.parts.casework.ladder
    )
    days = atelier.parts.settings.moderation.strike_days
    channel = await atelier.mod_channel.channels.of(interaction.guild_id)
    told = say(
        "mod-desk",
        rungs=rungs,
        days=days,
        is_second=settings.ban_needs_second,
        channel=channel and channel.id,
        role=settings.case_role_id,
        is_quiet=settings.quiet_from is not None,
        begin=settings.quiet_from,
        end=settings.quiet_to,
        has_digest=settings.digest_hour is not None,
        hour=settings.digest_hour,
    )
    await answer(interaction, "\n".join([told, *await desk_lines(interaction, say)]))


COMMANDS = (case, cases, pardon, stats, desk)
