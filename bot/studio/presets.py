"""Members' presets. A preset is screened when it is saved, and again with every prompt that uses it. No Discord."""

from bot.studio import Actor, BadPresetName, EmptyPreset, TooManyPresets, UnknownPreset
from bot.studio.orders.parameters import name_in, nearest_preset
from bot.studio.studio import Studio
from db import LONGEST_NAME, LONGEST_TEXT

MOST = 25
"""Per member; Discord shows at most that many choices."""
SAVING = "/preset save"
"""The source of verdicts on presets that were refused."""


class MemberPresets:
    most = MOST
    """Of a member."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._presets = studio.records.presets

    async def of(self, actor: Actor) -> dict[str, str]:
        """Returns texts by name, sorted by name."""
        return await self._presets.of(actor.member)

    async def save(self, actor: Actor, name: str, text: str) -> bool:
        """Saves a preset. Returns whether its name is new.

        Raises BadPresetName, EmptyPreset, PromptTooLong, TooManyPresets, and the refusals of an order with this text.
        """
        key = name_in(name, LONGEST_NAME)
        if key is None:
            raise BadPresetName(name, LONGEST_NAME)
        text = await self._studio.judge_words(
            actor, text, source=SAVING, what="preset", most=LONGEST_TEXT, empty=EmptyPreset
        )
        async with self._studio.records.database.transaction() as tx:
            known = await self._presets.of(actor.member)
            if key not in known and len(known) >= MOST:
                raise TooManyPresets(MOST)
            await self._presets.save(tx, actor.member, key, text, self._studio.clock())
        return key not in known

    async def delete(self, actor: Actor, name: str) -> None:
        """Raises UnknownPreset."""
        async with self._studio.records.database.transaction() as tx:
            if not await self._presets.delete(tx, actor.member, _key(name)):
                known = await self._presets.of(actor.member)
                raise UnknownPreset(name, nearest_preset(name, known))


def _key(name: str) -> str:
    return name.strip().casefold()
