"""The card of `/server policy show`: the policy of each place, and the fixed rules. No logic."""

from collections.abc import Mapping

from discord import ui

from bot.studio.screening.server_policies import CHOICES, PolicyScope, resolved
from bot.ui import BLUE, Language, View, card
from db import Choice, Scope, ScopeKind
from moderation import Category, Policy


def policy_card(
    default: str,
    choices: Mapping[Scope, Choice],
    here: PolicyScope,
    say: Language,
    *,
    is_family_only: bool = False,
) -> View:
    """Builds the card: the policies of the server, of its age-restricted channels and of the channel `here`."""
    adults = PolicyScope(guild_id=here.guild_id, is_age_restricted=True)
    parts = [
        say("server-policy-title"),
        *(
            _block(default, choices, each, say)
            for each in (PolicyScope(guild_id=here.guild_id), adults, here)
        ),
        say("server-policy-fixed"),
    ]
    if is_family_only:
        parts.append(say("server-policy-family"))
    return card(*map(ui.TextDisplay[View], [*parts, say("server-policy-help")]), colour=BLUE)


def stances(policy: Policy, say: Language) -> str:
    """Lists the categories; those with the same stance share a line."""
    lines: dict[str, list[str]] = {}
    for category in CHOICES:
        names = lines.setdefault(stance(category, policy, say), [])
        names.append(say("server-category", category=category))
    return "\n".join(
        say("server-stances", categories=", ".join(names), stance=what) for what, names in lines.items()
    )


def stance(category: Category, policy: Policy, say: Language) -> str:
    of = policy.stance(category)
    # No detector or filter gives a score for a real person.
    highest = 0.0 if category is Category.REAL_PERSON else 1.0
    flag = of.flag if of.flag < of.refuse and of.flag <= highest else None
    refuse = of.refuse if of.refuse <= highest else None
    return say(
        "server-stance",
        category=category,
        action=of.action,
        is_lenient=of.lenient,
        flag=flag,
        refuse=refuse,
        first=flag or refuse,
    )


def _block(default: str, choices: Mapping[Scope, Choice], spot: PolicyScope, say: Language) -> str:
    """Describes the last scope of the spot: its own choice, or the scope that it follows."""
    *above, own = spot.scopes
    choice = choices.get(own, Choice())
    if choice.preset is not None:
        origin = "chosen"
    else:
        origin = next(
            (each.kind for each in reversed(above) if each in choices), "server" if above else "default"
        )
    head = say(
        "server-policy-scope",
        kind=own.kind,
        channel=own.channel_id,
        origin=origin,
        preset=choice.preset or default,
        changed=", ".join(say("server-category", category=each) for each in choice.changes),
    )
    if own.kind is not ScopeKind.SERVER and not choice.changes and choice.preset is None:
        return head
    return f"{head}\n{stances(resolved(default, choices, spot), say)}"
