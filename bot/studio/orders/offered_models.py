"""The models that a server's members are offered: not those whose licence forbids paid access, where access is paid for."""

from collections.abc import Sequence

from bot.studio import Order, PaidAccess, Settings
from db import JobAction, Repositories
from generation import ModelEntry


class OfferedModels:
    def __init__(self, settings: Settings, records: Repositories) -> None:
        self._settings = settings
        self._records = records

    async def of(self, guild_id: int | None) -> Sequence[ModelEntry]:
        if not await self._is_paid(guild_id):
            return self._settings.models
        return [entry for entry in self._settings.models if not entry.forbids_paid]

    async def default(self, guild_id: int | None) -> ModelEntry:
        """Returns the owner's default model, or the first that is offered. If none is, its orders are refused."""
        offered, default = await self.of(guild_id), self._settings.default_model
        return default if default in offered or not offered else offered[0]

    async def demand(self, order: Order) -> None:
        """Raises PaidAccess. An upscale does not use the model."""
        name = order.drawing.model
        is_forbidden = any(entry.forbids_paid for entry in self._settings.models if entry.name == name)
        if (
            is_forbidden
            and order.action is not JobAction.UPSCALE
            and await self._is_paid(order.actor.guild_id)
        ):
            raise PaidAccess(name)

    async def _is_paid(self, guild_id: int | None) -> bool:
        return guild_id is not None and (await self._records.guilds.get(guild_id)).is_paid
