"""Screens a prompt: combines the filter, server rules, spam check and lockdown; the strictest ruling wins.

Records the verdict.
"""

from collections.abc import Mapping
from dataclasses import replace

from bot.studio import Order
from bot.studio.cases.folding import note_raid, open_or_join
from bot.studio.orders.parameters import TYPED
from bot.studio.screening.server_policies import PolicyScope, ServerPolicies, policy_scope_of_order
from bot.studio.screening.server_rules import RuleBook, texts_of
from db import Mode, Note, NoteKind, Origin, PictureSource, Repositories, Transaction, Upload, VerdictRecord
from generation import Drawing, JobId, Prompt
from moderation import (
    ALLOWED,
    FAMILY,
    WRITTEN,
    Category,
    Policy,
    PromptFilter,
    Ruling,
    Verdict,
    presets,
    stricter,
)
from moderation.prompts.spam import WINDOW, spam

PICTURE_TEXT = "written"
"""The field of what is written in a picture that a prompt comes with."""
_LONGEST_WORD = 500  # characters of it
_NOTES = (NoteKind.REAL_PERSON, NoteKind.FLAGGED)


def notes_of(order: Order, verdict: Verdict) -> tuple[Note, ...]:
    """Returns the notes on the card of an accepted order, with what its verdict says to the member. An order made from a job
    carries that job's notes; its own verdict replaces the earlier one.
    """
    notes = [note for note in order.notes if note.kind not in _NOTES]
    if verdict.category is Category.REAL_PERSON:
        notes.append(Note(kind=NoteKind.REAL_PERSON))
    # Direct messages have no moderators.
    if verdict.ruling is Ruling.FLAG and order.actor.guild_id is not None:
        notes.append(Note(kind=NoteKind.FLAGGED, names=(verdict.category,)))
    return tuple(notes)


class PromptScreening:
    """Prompt screening. `screen` may be replaced while the bot runs."""

    def __init__(
        self, screen: PromptFilter, records: Repositories, rule_book: RuleBook, policies: ServerPolicies
    ) -> None:
        self.screen = screen
        self._records = records
        self._rule_book = rule_book
        self._policies = policies

    async def judge(self, order: Order, mode: Mode, now: float) -> tuple[Verdict, tuple[int, ...]]:
        """Returns the strictest verdict of filter, server rules and spam check, and the ids of the matching server rules.

        What is drawn instead of the prompt is judged too, and so is what is written in pictures that members sent.
        """
        actor = order.actor
        policy = await self._policies.of(policy_scope_of_order(order))
        # Family only: no channel is laxer than *family*, even when the server chose a laxer policy; flagged prompts are refused.
        is_family = mode is Mode.FAMILY
        if is_family:
            policy = policy.with_(presets()[FAMILY])
        texts = texts_of(order.drawing.prompt)
        verdict, hits = await self._judge(actor.guild_id, texts, policy)
        verdict = stricter(verdict, await self._spam(order, policy, now))
        if order.drawn and order.drawn != order.drawing.prompt.text:
            found, more = await self._judge(actor.guild_id, texts_of(Prompt(text=order.drawn)), policy)
            verdict, hits = stricter(verdict, found), tuple(dict.fromkeys([*hits, *more]))
        if text := order.picture_text or await self.text_in(order.drawing):
            found, more = await self._judge(actor.guild_id, texts | {PICTURE_TEXT: text}, policy)
            verdict, hits = _with_text(verdict, found, text), tuple(dict.fromkeys([*hits, *more]))
        if is_family and verdict.ruling is Ruling.FLAG:
            verdict = replace(verdict, ruling=Ruling.REFUSE)
        return verdict, hits

    async def _judge(
        self, guild_id: int | None, texts: Mapping[str, str], policy: Policy
    ) -> tuple[Verdict, tuple[int, ...]]:
        """Returns the stricter verdict of filter and server rules, and the ids of the matching rules."""
        house = await self._rule_book.judge(guild_id, texts)
        filtered = await self.screen.wait_for_verdict(texts, policy=policy)
        return stricter(filtered, house.verdict), house.hits

    async def text_in(self, drawing: Drawing[PictureSource]) -> str:
        """Returns what is written in the drawing's pictures that members sent."""
        rows = [
            await self._records.uploads.get(each.source.id)
            for each in drawing.pictures
            if isinstance(each.source, Upload)
        ]
        return " ".join(row.text for row in rows if row is not None and row.text)

    async def added_by(self, text: str, prompt: Prompt, policy: Policy) -> Verdict:
        """Returns the filter's verdict on the prompt with a text in its picture; ALLOWED unless the text makes it stricter."""
        own = await self.screened(prompt, policy)
        found = await self.screen.wait_for_verdict(texts_of(prompt) | {PICTURE_TEXT: text}, policy=policy)
        return _with_text(own, found, text) if found.ruling > own.ruling else ALLOWED

    async def _spam(self, order: Order, policy: Policy, now: float) -> Verdict:
        """Checks for spam. Counts typed prompts only: buttons are meant to be pressed often."""
        actor, prompt = order.actor, order.drawing.prompt
        repeats = await self._records.verdicts.repeats(
            actor.member, actor.guild_id, TYPED, prompt.text, prompt.negative, now - WINDOW
        )
        return spam(prompt.text, repeats, policy)

    async def is_for_adults(
        self, guild_id: int | None, prompt: Prompt, drawn: str = "", text: str = ""
    ) -> bool:
        """Returns whether the server's channels without age restriction would flag or refuse the prompt, or what is drawn.

        `text`: what is written in its pictures.
        """
        policy = await self._policies.of(PolicyScope(guild_id=guild_id))
        texts = [texts_of(prompt), texts_of(Prompt(text=drawn)), texts_of(prompt) | {PICTURE_TEXT: text}]
        wanted = [True, bool(drawn), bool(text)]
        verdicts = [
            await self.screen.wait_for_verdict(each, policy=policy)
            for each, is_wanted in zip(texts, wanted, strict=True)
            if is_wanted
        ]
        return any(verdict.ruling is not Ruling.ALLOW for verdict in verdicts)

    async def screened(self, prompt: Prompt, policy: Policy) -> Verdict:
        """Returns the filter's verdict alone."""
        return await self.screen.wait_for_verdict(texts_of(prompt), policy=policy)

    async def note(
        self,
        tx: Transaction,
        order: Order,
        verdict: Verdict,
        now: float,
        *,
        job: JobId | None,
        hits: tuple[int, ...],
    ) -> VerdictRecord:
        """Records the verdict.

        A flagged job opens a case, or joins one, in the same transaction, so that none is lost when its card fails.
        """
        record = await self._records.verdicts.add(
            tx,
            at=now,
            guild_id=order.actor.guild_id,
            channel_id=order.actor.channel_id,
            member=order.actor.member,
            member_name=order.actor.name,
            source=order.source,
            prompt=order.drawing.prompt.text,
            negative=order.drawing.prompt.negative,
            verdict=verdict,
            job=job,
        )
        for rule in hits:
            await self._records.server_rules.note_hit(tx, rule, record.id)
        if verdict.ruling is Ruling.FLAG and record.guild_id is not None:
            await open_or_join(
                tx,
                self._records,
                guild_id=record.guild_id,
                origin=Origin.FLAG,
                at=now,
                member=record.member,
                member_name=record.member_name,
                channel_id=record.channel_id,
                job=job,
                prompt=record.prompt,
                negative=record.negative,
                verdict=verdict,
                verdict_id=record.id,
            )
        elif verdict.ruling is Ruling.REFUSE and record.guild_id is not None:
            await note_raid(tx, self._records, record.guild_id, record.member, now)
        return record


def _with_text(own: Verdict, found: Verdict, text: str) -> Verdict:
    """Returns the stricter verdict. `found`: on the same prompt with the text in its pictures, which may name more."""
    if found.ruling is Ruling.ALLOW or found.ruling < own.ruling:
        return stricter(own, found)
    fields = found.field.split("+")
    if PICTURE_TEXT not in fields:
        if found.ruling is own.ruling:
            return found
        fields.append(PICTURE_TEXT)
    words = (WRITTEN + text[:_LONGEST_WORD], *found.words)
    return replace(found, field="+".join(fields), words=words)
