"""The texts before and after a member's data is deleted, and the button that requests it."""

from enum import StrEnum

import discord

from bot.studio import RetentionSettings
from bot.ui import NUMBER, Button, Language, View, note, row
from db import Outlook


class PrivacyPress(StrEnum):
    FORGET = "forget"


class ForgetButton(Button, actions=PrivacyPress, of=NUMBER):
    """`forget:<member>`: on a message that only the member sees; works for that member only."""


def question(outlook: Outlook, member: int, settings: RetentionSettings, say: Language) -> View:
    view = note(before(outlook, settings, say))
    label, style = say("privacy-delete"), discord.ButtonStyle.danger
    view.add_item(row(ForgetButton(PrivacyPress.FORGET, member, label=label, style=style)))
    return view


def before(outlook: Outlook, settings: RetentionSettings, say: Language) -> str:
    lines = [say("privacy-question", orders=outlook.orders, pictures=outlook.pictures)]
    if outlook.in_line:
        lines.append(say("privacy-in-line", orders=outlook.in_line))
    lines += [say("privacy-copy-first"), *staying(outlook, settings, say)]
    if outlook.is_pending:
        lines.append(say("privacy-asked-before"))
    return "\n".join(lines)


def after(outlook: Outlook, cancelled: int, settings: RetentionSettings, say: Language) -> str:
    lines = [say("privacy-deleting")]
    if cancelled:
        lines.append(say("privacy-cancelled", orders=cancelled))
    return "\n".join([*lines, say("privacy-going"), *staying(outlook, settings, say)])


def staying(outlook: Outlook, settings: RetentionSettings, say: Language) -> list[str]:
    kept = [say("privacy-stays-strike", until=until) for until in outlook.strikes_until]
    kept += [say("privacy-stays-block", until=until) for until in outlook.blocks_until]
    if outlook.open_cases:
        kept.append(say("privacy-stays-cases", cases=outlook.open_cases))
    if outlook.acts:
        kept.append(say("privacy-stays-acts", days=settings.audit_days))
    return [*kept, say("privacy-stays")]
