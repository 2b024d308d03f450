"""/mod rule: the server's own rules, in addition to the filter: add, test on past prompts, remove."""

from discord import app_commands

from bot.client import Interaction, answer
from bot.permissions import ModeratorsGroup, head_of
from bot.studio import NoSuchVersion, NothingSaid
from bot.studio.screening.server_rules import CHOICES, DryRun
from bot.ui import Language, command, markdown, say_to, text
from db import Draft
from moderation import Category, Ruling

Words = app_commands.Range[str, 1, 1000]
Name = app_commands.Range[str, 1, 60]

DEFAULT_LAST = 5000
_SHOWN = 30  # rules in a list

_CATEGORIES = [app_commands.Choice(name=each.value, value=each.value) for each in CHOICES]
_RULINGS = [
    app_commands.Choice(name=text("mod-choice-refuse"), value=Ruling.REFUSE.word),
    app_commands.Choice(name=text("mod-choice-flag"), value=Ruling.FLAG.word),
]


@command("command-mod-rule-add")
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
    rule, version = await rules.add(head_of(interaction), draft, is_shadow=shadow)
    does = "shadow" if shadow else ruling
    told = say_to(interaction)("mod-rule-added", name=rule.name, does=does, version=version)
    await answer(interaction, told)


@command("command-mod-rule-remove")
async def remove(interaction: Interaction, name: Name) -> None:
    version = await interaction.client.parts.rule_book.remove(head_of(interaction), name.strip())
    await answer(interaction, say_to(interaction)("mod-rule-removed", name=name, version=version))


@command("command-mod-rule-list", "list")
async def show(interaction: Interaction, version: app_commands.Range[int, 1] | None = None) -> None:
    book, guild_id = interaction.client.parts.records.server_rules, interaction.guild_id or 0
    newest = await book.version(guild_id)
    if version is not None and version > newest:
        raise NoSuchVersion(version, newest)
    rules = await book.live(guild_id) if version is None else await book.at_version(guild_id, version)
    hits = await book.hits(guild_id)
    say = say_to(interaction)
    lines = [say("mod-rule-list", version=version or newest, newest=newest)]
    lines += [
        say(
            "mod-rule-line",
            name=rule.name,
            ruling=rule.ruling.word,
            is_shadow=rule.is_shadow,
            hits=hits.get(rule.id, 0),
            since=rule.added_version,
            words=markdown.short(", ".join(rule.any_of), 80),
        )
        for rule in rules[:_SHOWN]
    ]
    if len(rules) > _SHOWN:
        lines.append(say("mod-rule-more", count=len(rules) - _SHOWN))
    if not rules:
        lines.append(say("mod-rule-none"))
    await answer(interaction, markdown.short("\n".join(lines), 3900))


@command("command-mod-rule-test", "test")
async def try_out(
    interaction: Interaction,
    name: Name | None = None,
    words: Words | None = None,
    last: app_commands.Range[int, 1, 20_000] = DEFAULT_LAST,
) -> None:
    rules, guild_id = interaction.client.parts.rule_book, interaction.guild_id or 0
    if name is None and words is None:
        raise NothingSaid("mod-rule-test")
    draft = (
        Draft(name="trial", any_of=_words(words))
        if words is not None
        else await rules.named(guild_id, (name or "").strip())
    )
    await interaction.response.defer(ephemeral=True)
    run = await rules.dry_run(guild_id, draft, last)
    await answer(interaction, outcome(say_to(interaction), run, draft.ruling))


def outcome(say: Language, run: DryRun, ruling: Ruling) -> str:
    lines = [say("mod-rule-test", ruling=ruling.word, hits=run.hits, read=run.read, good=run.hits_of_good)]
    lines += [f"> {markdown.short(markdown.plain(prompt), 200)}" for prompt in run.examples]
    if run.must:
        lines.append(say("mod-rule-hits-must", count=len(run.must), example=run.must[0]))
    return "\n".join(lines)


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in (text or "").split(",") if word.strip()))


RULES = ModeratorsGroup(name="rule", description=text("command-mod-rule"))
for _each in (add, remove, show, try_out):
    RULES.add_command(_each)
