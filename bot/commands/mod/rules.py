"""/mod rule: the server's own rules, in addition to the filter: add, edit, test on past prompts, remove."""

from discord import app_commands

from bot.client import Interaction, answer
from bot.commands.mod import rule_files
from bot.permissions import ModeratorsGroup, head_of, level_of
from bot.studio import NoSuchVersion, NothingSaid
from bot.studio.screening.server_rules import CHOICES, DryRun
from bot.ui import Language, command, markdown, say_to, text
from db import Draft
from moderation import DAY, Category, Ruling

Words = app_commands.Range[str, 1, 1000]
Name = app_commands.Range[str, 1, 60]

DEFAULT_LAST = 5000
_SHOWN = 30  # rules in a list
MOST_CHOICES = 25  # suggestions; Discord's limit

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


@command("command-mod-rule-edit")
@app_commands.choices(ruling=_RULINGS, category=_CATEGORIES)
async def edit(
    interaction: Interaction,
    name: Name,
    words: Words | None = None,
    beside: Words | None = None,
    unless: Words | None = None,
    ruling: str | None = None,
    category: str | None = None,
    shadow: bool | None = None,
    new_name: Name | None = None,
) -> None:
    """What is left out stays as it is; a hyphen empties `beside` and `unless`. Raises NothingSaid."""
    given = (words, beside, unless, ruling, category, shadow, new_name)
    if all(each is None for each in given):
        raise NothingSaid("mod-rule-edit")
    by, rules = head_of(interaction), interaction.client.parts.rule_book
    old = await rules.named(by.guild_id, name.strip())
    draft = Draft(
        name=new_name.strip() if new_name else old.name,
        any_of=old.any_of if words is None else _words(words),
        with_any_of=old.with_any_of if beside is None else _words_or_none(beside),
        unless=old.unless if unless is None else _words_or_none(unless),
        category=old.category if category is None else Category(category),
        ruling=old.ruling if ruling is None else Ruling[ruling.upper()],
    )
    is_shadow = old.is_shadow if shadow is None else shadow
    rule, version = await rules.edit(by, old.name, draft, is_shadow=is_shadow)
    does = "shadow" if is_shadow else draft.ruling.word
    await answer(
        interaction, say_to(interaction)("mod-rule-added", name=rule.name, does=does, version=version)
    )


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
    hits, since = await book.hits(guild_id), interaction.client.parts.clock() - 7 * DAY
    newly = await book.hits_since(guild_id, since)
    say = say_to(interaction)
    lines = [say("mod-rule-list", version=version or newest, newest=newest)]
    lines += [
        say(
            "mod-rule-line",
            name=rule.name,
            ruling=rule.ruling.word,
            is_shadow=rule.is_shadow,
            hits=hits.get(rule.id, 0),
            newly=newly.get(rule.id, 0),
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


def _words_or_none(text: str) -> tuple[str, ...]:
    return () if text.strip() == "-" else _words(text)


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in (text or "").split(",") if word.strip()))


async def names_like(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Suggests the rules whose names hold what was typed, to those who see the rules."""
    if not level_of(interaction):
        return []
    rules = await interaction.client.parts.records.server_rules.live(interaction.guild_id or 0)
    typed = current.casefold().strip()
    names = [rule.name for rule in rules if typed in rule.name.casefold()]
    return [app_commands.Choice(name=name, value=name) for name in names[:MOST_CHOICES]]


for _each in (edit, remove, try_out):
    _each.autocomplete("name")(names_like)
RULES = ModeratorsGroup(name="rule", description=text("command-mod-rule"))
for _each in (add, edit, remove, show, try_out, rule_files.take, rule_files.give):
    RULES.add_command(_each)
