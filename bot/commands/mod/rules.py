"""/mod rule: this server's own rules, beside the filter: added, tried out on what was asked, removed."""

from __future__ import annotations

from discord import app_commands

from bot.client import Interaction, say
from bot.permissions import ModeratorsGroup, actor_of
from bot.studio.errors import NothingSaid
from bot.studio.screening.server_rules import CHOICES, Draft, DryRun
from bot.texts import markdown
from moderation.verdict import Category, Ruling

Interaction = Interaction
Words = app_commands.Range[str, 1, 1000]
Name = app_commands.Range[str, 1, 60]

DEFAULT_LAST = 5000
_SHOWN = 30  # rules in a list

RULES = ModeratorsGroup(name="rule", description="This server's own rules")

_CATEGORIES = [app_commands.Choice(name=each.value, value=each.value) for each in CHOICES]
_RULINGS = [app_commands.Choice(name=each, value=each) for each in ("refuse", "flag")]


@RULES.command(description="Add a rule: words that refuse or flag a prompt")
@app_commands.describe(
    name="For moderators",
    words="With commas between them: one of them is enough",
    beside="Only beside one of these",
    unless="But not inside these: killer whale",
    ruling="Left out: refuse",
    category="For the log; left out: spam",
    shadow="Only log what it would do",
)
@app_commands.choices(ruling=_RULINGS, category=_CATEGORIES)
async def add(
    interaction: Interaction,
    name: Name,
    words: Words,
    beside: Words | None = None,
    unless: Words | None = None,
    ruling: str = "refuse",
    category: str = Category.SPAM.value,
    shadow: bool = False,
) -> None:
    draft = Draft(
        name=name.strip(),
        any_of=_words(words),
        with_any_of=_words(beside),
        unless=_words(unless),
        category=Category(category),
        ruling=Ruling[ruling.upper()],
    )
    rules = interaction.client.parts.rule_book
    rule, version = await rules.add(actor_of(interaction), draft, is_shadow=shadow)
    what = "watches, and only logs" if shadow else f"{ruling}s from now on"
    await say(
        interaction, f"The rule `{markdown.code(rule.name)}` {what}. The rule book is at version {version}."
    )


@RULES.command(description="Remove a rule; earlier versions keep it")
@app_commands.describe(name="Its name")
async def remove(interaction: Interaction, name: Name) -> None:
    version = await interaction.client.parts.rule_book.remove(actor_of(interaction), name.strip())
    await say(
        interaction, f"The rule `{markdown.code(name)}` is gone. The rule book is at version {version}."
    )


@RULES.command(name="list", description="The rules, and how often each fired")
@app_commands.describe(version="As the rule book was then; left out: as it is")
async def show(interaction: Interaction, version: app_commands.Range[int, 1] | None = None) -> None:
    book, guild_id = interaction.client.parts.records.server_rules, interaction.guild_id or 0
    newest = await book.version(guild_id)
    rules = await book.live(guild_id) if version is None else await book.at_version(guild_id, version)
    hits = await book.hits(guild_id)
    lines = [f"### Rules · version {version or newest} of {newest}"]
    for rule in rules[:_SHOWN]:
        words = markdown.short(", ".join(rule.any_of), 80)
        shadow = " · shadow" if rule.is_shadow else ""
        lines.append(
            f"**{markdown.plain(rule.name)}** · {rule.ruling.word}s{shadow} · fired {hits.get(rule.id, 0):,} times"
            f" · since version {rule.added_version}\n-# {markdown.plain(words)}"
        )
    if len(rules) > _SHOWN:
        lines.append(f"-# and {len(rules) - _SHOWN} more")
    if not rules:
        lines.append("None. `/mod rule add` makes one; `/mod rule test` tries it out first.")
    await say(interaction, markdown.short("\n".join(lines), 3900))


@RULES.command(name="test", description="What a rule would have done to the last prompts; changes nothing")
@app_commands.describe(
    name="A rule of this server",
    words="Or words to try, with commas between them",
    last="How many prompts; left out: 5000",
)
async def try_out(
    interaction: Interaction,
    name: Name | None = None,
    words: Words | None = None,
    last: app_commands.Range[int, 1, 20_000] = DEFAULT_LAST,
) -> None:
    rules, guild_id = interaction.client.parts.rule_book, interaction.guild_id or 0
    if name is None and words is None:
        raise NothingSaid("`name` and `words`")
    draft = (
        Draft(name="a trial", any_of=_words(words))
        if words is not None
        else await rules.draft_of(guild_id, (name or "").strip())
    )
    await interaction.response.defer(ephemeral=True)
    run = await rules.dry_run(guild_id, draft, last)
    await say(interaction, outcome(run, draft.ruling))


def outcome(run: DryRun, ruling: Ruling) -> str:
    verb = "refused" if ruling is Ruling.REFUSE else "flagged"
    lines = [
        f"Would have {verb} {run.hits:,} of {run.read:,}, {run.hits_of_good:,} by members in good standing."
    ]
    lines += [f"> {markdown.short(markdown.plain(prompt), 200)}" for prompt in run.examples]
    if run.must:
        shown = markdown.code(run.must[0])
        lines.append(f"⚠️ It hits {len(run.must):,} that must always be allowed, such as `{shown}`.")
    return "\n".join(lines)


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in (text or "").split(",") if word.strip()))
