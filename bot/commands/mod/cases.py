"""/mod case, cases, pardon, stats, desk: to look, to amend, to take back."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands, ui

from bot.cases import cards as case_cards
from bot.cases import discord_sanctions
from bot.client import Interaction, say
from bot.permissions import actor_of, demand_moderator
from bot.studio.errors import NotSenior
from bot.texts import markdown
from bot.texts import members as texts
from bot.texts import moderators as mod_texts
from bot.ui.pagination import Page, pager
from db.cases import Case
from db.personal_data import NOBODY
from generation.request import MemberId

Interaction = Interaction
Reason = app_commands.Range[str, 1, 300]
Number = app_commands.Range[int, 1, 10_000_000]

PAGE = 8  # cases


@app_commands.command(description="A case; with a reason, an end or a note: amend it")
@app_commands.describe(
    number="Its number", reason="Another reason", ends_in="From now: 30m, 12h, 7d, 2w", note="Added to it"
)
async def case(
    interaction: Interaction,
    number: Number,
    reason: Reason | None = None,
    ends_in: str | None = None,
    note: app_commands.Range[str, 1, 500] | None = None,
) -> None:
    guild_id, atelier, by = interaction.guild_id or 0, interaction.client, actor_of(interaction)
    seconds = mod_texts.seconds_of(ends_in) if ends_in else None
    found = await atelier.parts.casework.numbered(guild_id, number)
    if reason is not None or seconds is not None:
        found = await atelier.parts.amendments.amend(guild_id, number, by, reason=reason, seconds=seconds)
    if note is not None:
        await atelier.parts.amendments.add_note(guild_id, number, by, note)
    view, files = case_cards.case_card(await atelier.mod_channel.dossier(found))
    await interaction.response.send_message(view=view, files=files, ephemeral=True)
    if reason is not None or seconds is not None or note is not None:
        await atelier.mod_channel.refresh_case(found.id)
    if seconds is not None and found.power == "timeout":
        used = await discord_sanctions.apply(interaction, atelier.parts.takedown, found)
        if used.why_not:
            await interaction.followup.send(
                f"Discord's own timeout keeps its end: {used.why_not}.", ephemeral=True
            )


@app_commands.command(description="The cases of this server, newest first")
@app_commands.describe(member="Only about this member", state="Only open or closed ones")
@app_commands.choices(state=[app_commands.Choice(name=name, value=name) for name in ("open", "closed")])
async def cases(
    interaction: Interaction, member: discord.User | None = None, state: str | None = None
) -> None:
    cursor = f"{member.id if member else 0}.{(state or '-')[0]}.0"
    await interaction.response.send_message(view=await _page(interaction, cursor), ephemeral=True)


async def turn(interaction: Interaction, cursor: str) -> None:
    demand_moderator(interaction)
    await interaction.response.edit_message(view=await _page(interaction, cursor))


async def _page(interaction: Interaction, cursor: str) -> ui.LayoutView:
    """`cursor`: member, state's letter and the number that the page comes after, with dots between them."""
    member, state, before = cursor.split(".")
    found = await interaction.client.parts.records.cases.page(
        interaction.guild_id or 0,
        member=MemberId(int(member)) if int(member) else None,
        is_open={"o": True, "c": False}.get(state),
        before=int(before) or None,
        limit=PAGE + 1,
    )
    shown = found[:PAGE]
    items: list[ui.Item[Any]] = [ui.TextDisplay("### Cases")]
    items += [ui.TextDisplay[Any](_line(each)) for each in shown] or [ui.TextDisplay("Nothing matches.")]
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.Container(*items))
    last = shown[-1].number if shown else 1
    newest, older = f"{member}.{state}.0", f"{member}.{state}.{last}"
    view.add_item(pager(Page.CASES, newest, older, is_newest=before == "0", has_more=len(found) > PAGE))
    return view


def _line(each: Case) -> str:
    state = "open"
    if each.outcome is not None:
        did = mod_texts.did(each.outcome, is_refused=each.is_refused)
        state = f"{markdown.plain(each.acted_name)} {did}"
    prompt = f"\n> {markdown.short(markdown.plain(each.prompt), 100)}" if each.prompt else ""
    why = f" · {markdown.short(markdown.plain(each.reason), 100)}" if each.reason else ""
    return f"**{each.number}** · <@{each.member}> · <t:{int(each.opened_at)}:R> · {state}{why}{prompt}"


@app_commands.command(description="Take back a case's strike, and its timeout or ban")
@app_commands.describe(number="The case", reason="For the case and the log")
async def pardon(interaction: Interaction, number: Number, reason: Reason) -> None:
    atelier = interaction.client
    found = await atelier.parts.amendments.pardon(
        interaction.guild_id or 0, number, actor_of(interaction), reason
    )
    await interaction.response.defer(ephemeral=True)
    lifted = await discord_sanctions.lift(
        interaction,
        atelier.parts.takedown,
        found.member,
        found.power,
        f"Case {number}: pardoned",
        case=number,
    )
    own = f" Discord's own {found.power} stands: {lifted.why_not}." if lifted.why_not else ""
    await atelier.mod_channel.refresh_case(found.id)
    await say(interaction, f"Case {number}: <@{found.member}> is pardoned. {markdown.plain(reason)}.{own}")


@app_commands.command(description="What was asked, refused, reported and decided")
@app_commands.describe(since="The last 12h, 7d or 2w; left out: 7d")
async def stats(interaction: Interaction, since: str = "7d") -> None:
    parts = interaction.client.parts
    figures = await parts.records.standings.figures(
        interaction.guild_id or 0, parts.clock() - mod_texts.seconds_of(since)
    )
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(figures.outcomes.items()))
    decided = ", ".join(
        f"{_moderator(who)} {count:,}" for who, count in list(figures.by_moderator.items())[:10]
    )
    waited = "" if figures.waited is None else f", half of them within {texts.duration(figures.waited)}"
    lines = [
        f"### The last {texts.span(mod_texts.seconds_of(since))}",
        f"**Prompts** {figures.asked:,} asked · {figures.flagged:,} flagged · {figures.refused:,} refused",
        f"**Pictures** of {mod_texts.count(figures.pictures_flagged, 'order')} flagged · "
        f"of {mod_texts.count(figures.pictures_refused, 'order')} refused",
        f"**Cases** {figures.opened:,} opened · {figures.open_now:,} open now · {mod_texts.count(figures.reports, 'report')}",
        f"**Decided** {sum(figures.outcomes.values()):,}{waited}" + (f": {outcomes}" if outcomes else ""),
        f"**By** {decided or 'nobody'}",
        f"**Appeals** {figures.appeals:,}, of which {figures.overturned:,} overturned",
    ]
    await say(interaction, "\n".join(lines))


def _moderator(who: int) -> str:
    return "former moderators" if who == NOBODY else f"<@{who}>"


@app_commands.command(description="How this server's desk works; shows it when nothing is given")
@app_commands.describe(second_for_bans="Whether another moderator must confirm a ban (takes Manage Server)")
async def desk(interaction: Interaction, second_for_bans: bool | None = None) -> None:
    atelier, by = interaction.client, actor_of(interaction)
    if second_for_bans is not None:
        if not by.is_senior:
            raise NotSenior
        await atelier.parts.casework.set_second_for_bans(by, second_for_bans)
    settings = await atelier.parts.records.guilds.get(interaction.guild_id or 0)
    rungs = " → ".join(mod_texts.rung(each) for each in atelier.parts.casework.ladder)
    days = atelier.parts.settings.moderation.strike_days
    second = "needs a second moderator" if settings.ban_needs_second else "needs one moderator"
    text = f"**Ladder** {rungs}\n**Strikes** count for {mod_texts.count(days, 'day')}\n**A ban** {second}"
    await say(interaction, text)


COMMANDS = (case, cases, pardon, stats, desk)
