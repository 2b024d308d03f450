"""`/server policy show` in words: which policy holds where, and what nobody can change. No logic."""

from __future__ import annotations

from collections.abc import Mapping

import discord
from discord import ui

from bot.studio.screening.server_policies import CHOICES, PolicyScope, resolved
from db.policies import Choice, Scope, ScopeKind
from moderation.policy import Action, Policy, Stance
from moderation.verdict import Category

_COLOUR = discord.Colour(0x5865F2)
_BY_RULES_ALONE = (Category.REAL_PERSON,)
"""Nothing gives these a score."""

NOBODYS = (
    "**Nobody's choice**, on no server: minors in anything sexual or suggestive, intimate pictures without consent, "
    "and a real person beside anything sexual, nude or gory are refused."
)
FOR_EVERYBODY = (
    "In channels that are not age-restricted, what *standard* refuses of sexual, nudity and gore "
    "is refused whatever stands here."
)


def policy_card(
    default: str, choices: Mapping[Scope, Choice], here: PolicyScope, *, is_family_only: bool = False
) -> ui.LayoutView:
    """What holds in the server, in its age-restricted channels and in the channel `here`."""
    guild_id = here.guild_id or 0
    adults = PolicyScope(guild_id=guild_id, is_age_restricted=True)
    parts = [
        "### What is done about what is found",
        _block("This server", default, choices, PolicyScope(guild_id=guild_id)),
        _block("Age-restricted channels", default, choices, adults),
        _block(f"<#{here.channel_id}>", default, choices, here),
        f"{NOBODYS}\n{FOR_EVERYBODY}",
    ]
    if is_family_only:
        parts.append("⚠️ `/mod panic` is at *family*: until it is open again, that holds everywhere as well.")
    parts.append(
        "-# Scores are from 0 to 1, how likely a moderator would object. `/server policy preset`, `category` and `reset` "
        "change what holds."
    )
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.Container(*(ui.TextDisplay(part) for part in parts), accent_colour=_COLOUR))
    return view


def where(scope: Scope) -> str:
    match scope.kind:
        case ScopeKind.SERVER:
            return "this server"
        case ScopeKind.AGE_RESTRICTED:
            return "age-restricted channels"
        case ScopeKind.CHANNEL:
            return f"<#{scope.channel_id}>"


def stances(policy: Policy) -> str:
    """Categories with the same stance share a line."""
    lines: dict[str, list[str]] = {}
    for category in CHOICES:
        lines.setdefault(stance(category, policy.stance(category)), []).append(category)
    return "\n".join(f"- {', '.join(names)}: {what}" for what, names in lines.items())


def stance(category: Category, of: Stance) -> str:
    has_score = category not in _BY_RULES_ALONE
    first = min(of.flag, of.refuse)
    match of.action:
        case Action.ALLOW:
            return "allowed"
        case Action.FLAG | Action.REFUSE:
            done = "flagged" if of.action is Action.FLAG else "refused"
            from_ = f", by score from {first:.2f}" if has_score and first <= 1 else ""
            return f"{done} where found{from_}"
        case Action.AS_FOUND:
            if category is Category.REAL_PERSON:
                return "a name alone is flagged"
            said = "as the rules say" + (" for age-restricted channels" if of.lenient else "")
            scores = [
                f"{done} from {threshold:.2f}"
                for done, threshold in (
                    ("flagged", of.flag if of.flag < of.refuse else 2.0),
                    ("refused", of.refuse),
                )
                if has_score and threshold <= 1
            ]
            return said + (f"; by score {', '.join(scores)}" if scores else "")


def _block(title: str, default: str, choices: Mapping[Scope, Choice], spot: PolicyScope) -> str:
    """The last scope of the spot: its own choice, or whose it follows."""
    *above, own = spot.scopes
    choice = choices.get(own, Choice())
    policy = resolved(default, choices, spot)
    origin = _origin(default, choices, above, choice)
    changed = f", changed: {', '.join(choice.changes)}" if choice.changes else ""
    head = f"**{title}** · {origin}{changed}"
    if own.kind is not ScopeKind.SERVER and not choice.changes and choice.preset is None:
        return head
    return f"{head}\n{stances(policy)}"


def _origin(default: str, choices: Mapping[Scope, Choice], above: list[Scope], choice: Choice) -> str:
    if choice.preset is not None:
        return f"*{choice.preset}*"
    for scope in reversed(above):
        if scope in choices:
            return f"as {where(scope)}" if scope.kind is not ScopeKind.SERVER else "as the server"
    return "as the server" if above else f"*{default}*, the bot owner's default"
