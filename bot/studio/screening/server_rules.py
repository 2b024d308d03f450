"""A server's own rules, kept as rows and judged beside the filter. The stricter verdict wins; shadow rules only log.

These rules can make a server stricter than the filter, never laxer.
"""

import asyncio
import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from bot.studio import (
    Moderator,
    NoSuchRule,
    RuleBreaksMust,
    RuleOfFileUnusable,
    RuleProblem,
    RuleTaken,
    RuleUnusable,
)
from bot.studio.cases.takedown import Takedown
from db import Act, Draft, Repositories, ServerRule, Transaction
from generation import Prompt
from moderation import ALLOWED, AS_FOUND, Category, PromptFilter, Ruling, Verdict
from moderation.prompts.filter import NEGATIVE
from moderation.prompts.golden_prompts import GoldenPrompt, broken, read_golden_prompts
from moderation.prompts.rules import Rule, compiled

PREFIX = "server: "
"""Prefix of a rule's name in a verdict: the server's rule decided, not the filter."""
MOST_RULES = 100
MOST_WORDS, LONGEST_WORD = 50, 60
CHOICES = tuple(each for each in Category if each not in (Category.NONE, Category.MINORS))
"""The filter itself refuses the category minors everywhere."""
_BOOKS = 64
"""Maximum of servers whose compiled rules are kept: a hundred rules take some 4 MB."""
_PAGE = 250  # rows read at once, so that the event loop can run other tasks in between


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleVerdict:
    verdict: Verdict  # of the rules that decide; ALLOW when none matched
    hits: tuple[int, ...] = ()  # ids of the rules that matched, shadow rules included


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """The effect that a rule would have had on the server's newest prompts."""

    read: int
    hits: int
    hits_of_good: int  # by members in good standing
    examples: tuple[str, ...]  # newest first
    must: tuple[str, ...]  # prompts that must be allowed and would be refused


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenRules:
    """The rules of a file that were taken over."""

    added: int
    changed: int
    same: int
    version: int  # the rule book's


@dataclass(frozen=True, slots=True)
class _CompiledRules:
    deciding: PromptFilter | None
    shadow: PromptFilter | None
    ids: Mapping[str, int] = field(default_factory=dict[str, int])


class RuleBook:
    def __init__(self, records: Repositories, takedown: Takedown, must: Path | None = None) -> None:
        """`must`: a file of prompts that no rule may refuse; None: the shipped one. Raises GoldenPromptsBroken, OSError."""
        self._records = records
        self._takedown = takedown
        self._must: Sequence[GoldenPrompt] = [
            each for each in read_golden_prompts(must) if not each.is_refused
        ]
        self._books: dict[int, _CompiledRules] = {}  # the least recently used comes first
        self._changes: Counter[int] = Counter()

    async def judge(self, guild_id: int | None, texts: Mapping[str, str]) -> RuleVerdict:
        if guild_id is None:
            return RuleVerdict(verdict=ALLOWED)
        book = await self._book_of(guild_id)
        # Without a policy: the server's own rules do not depend on its policy for the filter's findings.
        verdict, shadow = [
            await screen.wait_for_verdict(texts, policy=AS_FOUND) if screen else ALLOWED
            for screen in (book.deciding, book.shadow)
        ]
        hits = [book.ids[each.rule] for each in (verdict, shadow) if each.rule in book.ids]
        return RuleVerdict(verdict=verdict, hits=tuple(hits))

    async def _book_of(self, guild_id: int) -> _CompiledRules:
        book = self._books.pop(guild_id, None)
        if book is None:
            changes = self._changes[guild_id]
            rules = await self._records.server_rules.live(guild_id)
            # A hundred rules take a quarter of a second.
            book = await asyncio.to_thread(_book, rules)
            if self._changes[guild_id] != changes:
                return book
        self._books[guild_id] = book
        while len(self._books) > _BOOKS:
            del self._books[next(iter(self._books))]
        return book

    def _change(self, guild_id: int) -> None:
        self._changes[guild_id] += 1
        self._books.pop(guild_id, None)

    async def add(self, by: Moderator, draft: Draft, *, is_shadow: bool) -> tuple[ServerRule, int]:
        """Adds a rule. Returns it and the rule book's new version. Raises RuleUnusable, RuleTaken, RuleBreaksMust."""
        await self._demand_allowed(draft, is_shadow=is_shadow)
        async with self._records.database.transaction() as tx:
            if len(await self._records.server_rules.live(by.guild_id)) >= MOST_RULES:
                raise RuleUnusable(RuleProblem.TOO_MANY_RULES, MOST_RULES)
            rule = await self._records.server_rules.add(
                tx,
                guild_id=by.guild_id,
                draft=draft,
                is_shadow=is_shadow,
                by=by.member,
                at=self._takedown.now,
            )
            if rule is None:
                raise RuleTaken(draft.name)
            await self._takedown.note(
                tx,
                by,
                Act.RULE_ADD,
                reason=draft.name,
                rule=str(rule.id),
                details={"version": rule.added_version, "is_shadow": is_shadow},
            )
        self._change(by.guild_id)
        return rule, rule.added_version

    async def edit(
        self, by: Moderator, name: str, draft: Draft, *, is_shadow: bool
    ) -> tuple[ServerRule, int]:
        """Replaces a rule in one step; earlier versions keep it. Returns it and the rule book's new version.

        Raises NoSuchRule, RuleUnusable, RuleTaken, RuleBreaksMust.
        """
        await self._demand_allowed(draft, is_shadow=is_shadow)
        async with self._records.database.transaction() as tx:
            old = await self.named(by.guild_id, name)
            version = await self._records.server_rules.next_version(tx, by.guild_id)
            rule = await self._replace(tx, by, old, draft, is_shadow=is_shadow, version=version)
            details = {"version": version, "is_shadow": is_shadow}
            await self._takedown.note(
                tx, by, Act.RULE_EDIT, reason=draft.name, rule=str(rule.id), details=details
            )
        self._change(by.guild_id)
        return rule, version

    async def take(self, by: Moderator, rules: Sequence[tuple[Draft, bool]]) -> TakenRules:
        """Adds the rules of a file, each with whether it is a shadow rule: all of them, or none.

        A live rule of the same name is replaced where it differs; other rules stay.
        Raises RuleOfFileUnusable, RuleUnusable, RuleBreaksMust.
        """
        # Counted first: each rule is compiled and tried below. The transaction counts again.
        _demand_room(await self._records.server_rules.live(by.guild_id), rules)
        for number, (draft, is_shadow) in enumerate(rules, start=1):
            try:
                await self._demand_allowed(draft, is_shadow=is_shadow)
            except RuleUnusable as error:
                raise RuleOfFileUnusable(
                    error.problem, error.limit, error.count, error.word, number
                ) from error
        async with self._records.database.transaction() as tx:
            live = {each.name: each for each in await self._records.server_rules.live(by.guild_id)}
            new = [each for each in rules if each[0].name not in live]
            _demand_room(live.values(), rules)
            changed = [
                each for each in rules if each[0].name in live and not _is_same(live[each[0].name], each)
            ]
            version = await self._records.server_rules.next_version(tx, by.guild_id)
            for draft, is_shadow in (*new, *changed):
                old = live.get(draft.name)
                await self._replace(tx, by, old, draft, is_shadow=is_shadow, version=version)
            if new or changed:
                details = {"version": version, "rules": len(new) + len(changed)}
                await self._takedown.note(tx, by, Act.RULE_IMPORT, details=details)
            else:
                version -= 1
        self._change(by.guild_id)
        same = len(rules) - len(new) - len(changed)
        return TakenRules(added=len(new), changed=len(changed), same=same, version=version)

    async def _replace(
        self,
        tx: Transaction,
        by: Moderator,
        old: ServerRule | None,
        draft: Draft,
        *,
        is_shadow: bool,
        version: int,
    ) -> ServerRule:
        """Adds a rule in the place of another, or as a new one. Raises RuleTaken."""
        book, now = self._records.server_rules, self._takedown.now
        if old is not None:
            await book.remove(tx, old, by=by.member, at=now, version=version)
        rule = await book.add(
            tx,
            guild_id=by.guild_id,
            draft=draft,
            is_shadow=is_shadow,
            by=by.member,
            at=now,
            version=version,
        )
        if rule is None:
            raise RuleTaken(draft.name)
        return rule

    async def _demand_allowed(self, draft: Draft, *, is_shadow: bool) -> None:
        """Raises RuleUnusable, RuleBreaksMust."""
        _demand_usable(draft)
        if not is_shadow and (prompts := await asyncio.to_thread(self._refused, draft)):
            raise RuleBreaksMust(draft.name, prompts[0], len(prompts))

    async def remove(self, by: Moderator, name: str) -> int:
        """Removes a rule. Returns the rule book's new version. Raises NoSuchRule."""
        async with self._records.database.transaction() as tx:
            rule = await self.named(by.guild_id, name)
            version = await self._records.server_rules.remove(tx, rule, by=by.member, at=self._takedown.now)
            await self._takedown.note(
                tx, by, Act.RULE_REMOVE, reason=name, rule=str(rule.id), details={"version": version}
            )
        self._change(by.guild_id)
        return version

    async def named(self, guild_id: int, name: str) -> ServerRule:
        """Returns the live rule of that name. Raises NoSuchRule."""
        rules = await self._records.server_rules.live(guild_id)
        for rule in rules:
            if rule.name == name:
                return rule
        raise NoSuchRule(
            name, next(iter(difflib.get_close_matches(name, [each.name for each in rules], 1, 0.0)), "")
        )

    async def dry_run(self, guild_id: int, draft: Draft, last: int) -> DryRun:
        """Tries a rule on the server's newest `last` prompts, in another thread. Raises RuleUnusable."""
        _demand_usable(draft)
        screen = await asyncio.to_thread(_screen_of, [draft])
        bad = await self._records.member_stats.in_bad_standing(guild_id, self._takedown.now)
        read = hits = hits_of_good = 0
        examples: list[str] = []
        before: int | None = None
        while read < last:
            page = await self._records.verdicts.page(
                guild_id, before_id=before, pictures_too=False, limit=min(_PAGE, last - read)
            )
            if not page:
                break
            before = page[-1].id
            read += len(page)
            texts = [texts_of(Prompt(text=each.prompt, negative=each.negative)) for each in page]
            fired = await asyncio.to_thread(_fired, screen, texts)
            for record, has_fired in zip(page, fired, strict=True):
                if has_fired:
                    hits += 1
                    hits_of_good += record.member not in bad
                    if len(examples) < 3 and record.prompt not in examples:
                        examples.append(record.prompt)
        must = await asyncio.to_thread(self._refused, draft)
        return DryRun(
            read=read, hits=hits, hits_of_good=hits_of_good, examples=tuple(examples), must=tuple(must)
        )

    def _refused(self, draft: Draft) -> list[str]:
        screen = _screen_of([draft])
        return [must.prompt for must, _ in broken(self._must, screen.check)]


def texts_of(prompt: Prompt) -> dict[str, str]:
    """Returns a prompt in the form that filters read: the text that the worker draws, and the text that it avoids."""
    return {"prompt": prompt.asked, NEGATIVE: prompt.left_out}


def _demand_room(live: Iterable[ServerRule], rules: Iterable[tuple[Draft, bool]]) -> None:
    """Raises RuleUnusable when the live rules and those of a file are too many together."""
    if len({each.name for each in live} | {draft.name for draft, _ in rules}) > MOST_RULES:
        raise RuleUnusable(RuleProblem.TOO_MANY_RULES, MOST_RULES)


def _is_same(rule: ServerRule, other: tuple[Draft, bool]) -> bool:
    draft, is_shadow = other
    return rule.is_shadow == is_shadow and all(
        getattr(rule, each.name) == getattr(draft, each.name) for each in fields(Draft)
    )


def _fired(screen: PromptFilter, texts: Iterable[Mapping[str, str]]) -> list[bool]:
    return [screen.check(each, policy=AS_FOUND).ruling is not Ruling.ALLOW for each in texts]


def _book(rules: Sequence[ServerRule]) -> _CompiledRules:
    deciding = [rule for rule in rules if not rule.is_shadow]
    shadow = [rule for rule in rules if rule.is_shadow]
    return _CompiledRules(
        deciding=_screen_of(deciding) if deciding else None,
        shadow=_screen_of(shadow) if shadow else None,
        ids={PREFIX + rule.name: rule.id for rule in rules},
    )


def _screen_of(rules: Iterable[Draft]) -> PromptFilter:
    return PromptFilter(
        compiled(
            tuple(
                Rule(
                    name=PREFIX + rule.name,
                    category=rule.category,
                    ruling=rule.ruling,
                    any_of=rule.any_of,
                    with_any_of=rule.with_any_of,
                    unless=rule.unless,
                )
                for rule in rules
            )
        )
    )


def _demand_usable(draft: Draft) -> None:
    """Raises RuleUnusable when the rule can't be used."""
    if not draft.name or len(draft.name) > LONGEST_WORD:
        raise RuleUnusable(RuleProblem.NAME, LONGEST_WORD)
    if draft.category not in CHOICES:
        raise RuleUnusable(RuleProblem.MINORS)
    if not draft.any_of:
        raise RuleUnusable(RuleProblem.NO_WORDS)
    words = (*draft.any_of, *draft.with_any_of, *draft.unless)
    if len(words) > MOST_WORDS:
        raise RuleUnusable(RuleProblem.TOO_MANY_WORDS, MOST_WORDS, len(words))
    for word in words:
        if len(word) > LONGEST_WORD or not any(each.isalnum() for each in word):
            raise RuleUnusable(RuleProblem.NO_WORD, LONGEST_WORD, word=word)
        if ".." in word or word.startswith("@"):
            raise RuleUnusable(RuleProblem.RESERVED_WORD, word=word)
