"""Members' own defaults. A suffix is screened when it is saved, and again with every prompt that it is put behind. No Discord."""

import difflib
from collections.abc import Callable, Collection
from dataclasses import fields, replace

from bot.studio import Actor, EmptySuffix, UnknownScheduler
from bot.studio.orders.defaults import Usual
from bot.studio.orders.parameters import aspect_of, find_model
from bot.studio.studio import Studio
from bot.studio.styles.applied import folded
from db import LONGEST_SUFFIX, MemberDefaults
from generation import Abilities, ModelEntry, find_scheduler

SAVING = "/settings"
"""The source of verdicts on suffixes that were refused."""


class OwnSettings:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._kept = studio.records.member_settings

    async def of(self, actor: Actor) -> MemberDefaults:
        return await self._kept.of(actor.member)

    async def usual(
        self,
        actor: Actor,
        is_able: Callable[[ModelEntry, Abilities | None], bool] = lambda _, can: (
            can is None or can.draws_text
        ),
    ) -> Usual:
        """Returns what the member's orders get in this server where they say nothing.

        `is_able`: whether a model can draw such an order; its abilities are None while they are not known.
        """
        studio = self._studio
        abilities_of = studio.dispatch.abilities_of
        return Usual(
            member=await self._kept.of(actor.member),
            offered=[
                entry
                for entry in await studio.offered.of(actor.guild_id)
                if is_able(entry, abilities_of(entry.name))
            ],
            demand_fit=studio.captions.demand_known,
        )

    async def change(
        self, actor: Actor, given: MemberDefaults, forgotten: Collection[str] = ()
    ) -> MemberDefaults:
        """Keeps the given defaults beside the earlier ones, without the forgotten. Returns the new ones.

        `forgotten`: names of fields. Raises BadParameter, UnknownModel, UnknownScheduler, UnknownStyle, EmptySuffix,
        PromptTooLong, and the refusals of an order with the suffix.
        """
        given = await self._checked(actor, given)
        async with self._studio.records.database.transaction() as tx:
            known = await self._kept.of(actor.member)
            values = {
                each.name: getattr(given, each.name)
                for each in fields(given)
                if getattr(given, each.name) is not None
            }
            now = replace(known, **(dict.fromkeys(forgotten) | values))
            await self._kept.save(tx, actor.member, now, self._studio.clock())
        return now

    async def _checked(self, actor: Actor, given: MemberDefaults) -> MemberDefaults:
        models = self._studio.settings.models
        if given.aspect is not None:
            given = replace(given, aspect=given.aspect.strip())
            aspect_of(given.aspect)
        if given.model is not None:
            given = replace(given, model=find_model(given.model, models).name)
        if given.scheduler is not None:
            offered = list(dict.fromkeys(name for entry in models for name in entry.schedulers))
            found = find_scheduler(given.scheduler)
            if found not in offered:
                near = difflib.get_close_matches(given.scheduler, offered, n=1, cutoff=0.0)
                raise UnknownScheduler(given.scheduler, models[0].name, near[0] if near else "")
            given = replace(given, scheduler=found)
        if given.style is not None:
            named = await self._studio.styles.named(actor.guild_id, folded(given.style))
            given = replace(given, style=named.name)
        if given.suffix is not None:
            suffix = await self._studio.judge_words(
                actor, given.suffix, source=SAVING, what="suffix", most=LONGEST_SUFFIX, empty=EmptySuffix
            )
            given = replace(given, suffix=suffix)
        return given
