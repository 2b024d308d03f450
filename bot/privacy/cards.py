"""What a member is told before and after their data is deleted, and the button that asks for it."""

from __future__ import annotations

from enum import StrEnum

import discord

from bot.studio.settings import RetentionSettings
from bot.texts import moderators as mod_texts
from bot.ui.components import NUMBER, Button, View, note, row
from db.member_export import Outlook


class PrivacyPress(StrEnum):
    FORGET = "forget"


class ForgetButton(Button, actions=PrivacyPress, of=NUMBER):
    """`forget:<member>`: on a message that only the member sees, and for nobody else."""


def question(outlook: Outlook, member: int, settings: RetentionSettings) -> View:
    view = note(before(outlook, settings))
    button = ForgetButton(
        PrivacyPress.FORGET, member, label="Delete my data", style=discord.ButtonStyle.danger
    )
    view.add_item(row(button))
    return view


def before(outlook: Outlook, settings: RetentionSettings) -> str:
    lines = [
        "### Delete what I keep about you, in every server",
        f"- {mod_texts.count(outlook.orders, 'order')} and {mod_texts.count(outlook.pictures, 'picture')}, "
        "and the messages that show them",
        "- your presets, your prompts in the moderators' log, your reports, and cases about you that are over, with their cards",
    ]
    if outlook.in_line:
        lines.append(f"- {mod_texts.count(outlook.in_line, 'order')} in line: cancelled, and given back")
    lines += [
        "That can't be undone. `/privacy export` gives you a copy first.",
        "**What stays, and for how long**",
    ]
    lines += [f"- {each}" for each in staying(outlook, settings)]
    if outlook.is_pending:
        lines.append("-# You asked for it before; something of that is still left, as it says above.")
    return "\n".join(lines)


def after(outlook: Outlook, cancelled: int, settings: RetentionSettings) -> str:
    lines = ["### Your data is being deleted"]
    if cancelled:
        lines.append(f"{mod_texts.count(cancelled, 'order')} cancelled and given back.")
    lines.append(
        "Your pictures go now, and the messages that show them as fast as Discord lets me. **What stays**"
    )
    lines += [f"- {each}" for each in staying(outlook, settings)]
    return "\n".join(lines)


def staying(outlook: Outlook, settings: RetentionSettings) -> list[str]:
    kept = [
        f"a strike {mod_texts.until(until)}: what, why and until when, not what it was about"
        for until in outlook.strikes_until
    ]
    kept += [f"a block or ban {mod_texts.until(until)}, and its reason" for until in outlook.blocks_until]
    if outlook.open_cases:
        kept.append(
            f"{mod_texts.count(outlook.open_cases, 'open case')} about you: until the moderators have decided"
        )
    if outlook.acts:
        kept.append(
            f"what you did as a moderator, with your name: {mod_texts.count(settings.audit_days, 'day')} from each act"
        )
    kept += [
        "what you were charged in the last 24 hours, without your prompts: until they are over",
        "what of yours was refused in the last 24 hours, and reports of the last hour: until they are over",
        "what others made of your pictures: it is theirs",
        "the moderators' cards of refused prompts, which I can't find again, and copies that this bot's owner made",
    ]
    return kept
