"""Orders of typed prompts: one at once, several after a question, and a refused one again."""

import contextlib
from dataclasses import replace
from typing import Any

import discord

from bot.gallery import typed_cards
from bot.gallery.delivery import Delivery
from bot.permissions import actor_of
from bot.posted_message import UNREACHABLE
from bot.studio import NoSuchPrompt, Order, PromptTooLong
from bot.studio.orders.parameters import PROMPT_LIMIT, PromptInput
from bot.studio.orders.several import as_typed, compose_each
from bot.studio.parts import Parts
from bot.ui import Language, note, say_to
from generation import MemberId
from moderation.rate_limits import RateLimited, TooManyJobs

Interaction = discord.Interaction[Any]


class TypedOrders:
    def __init__(self, parts: Parts, delivery: Delivery) -> None:
        self._parts = parts
        self._delivery = delivery

    async def order(self, interaction: Interaction, wish: PromptInput) -> None:
        """Delivers the order of a prompt. Asks first when it makes several. Raises refusals."""
        if len(wish.prompt) > PROMPT_LIMIT:
            raise PromptTooLong(len(wish.prompt), PROMPT_LIMIT)
        orders = await self._orders_of(interaction, wish)
        if len(orders) == 1:
            await self._delivery.deliver(interaction, orders[0])
            return
        await self._parts.studio.fit(orders[0])  # what refuses one of them mostly refuses all
        text = as_typed(wish)
        if len(typed_cards.block(text)) > typed_cards.LONGEST:
            raise PromptTooLong(len(text), typed_cards.LONGEST)
        lines = await self._lines(say_to(interaction), orders)
        view = typed_cards.question(say_to(interaction), lines, text, interaction.user.id)
        await interaction.response.send_message(view=view, ephemeral=True)

    async def _orders_of(self, interaction: Interaction, wish: PromptInput) -> tuple[Order, ...]:
        actor = actor_of(interaction)
        presets = await self._parts.presets.of(actor)
        default = await self._parts.studio.offered.default(actor.guild_id)
        usual = await self._parts.member_settings.usual(actor)
        return compose_each(wish, actor, self._parts.settings.models, default, presets, usual)

    async def _lines(self, say: Language, orders: tuple[Order, ...]) -> list[str]:
        """Returns what the orders cost, and how many of them the limits take now. Raises the limit that takes none."""
        studio = self._parts.studio
        fitting, met = await studio.fitting(orders)
        if met is not None and not fitting:
            raise met
        each = {order.drawing.images for order in orders}
        lines = [
            say(
                "several-question",
                orders=len(orders),
                images=each.pop() if len(each) == 1 else None,
                pictures=sum(order.drawing.images for order in orders),
                left=await studio.left_today(orders[0].actor.member),
            )
        ]
        if met is not None:
            limit = "queue"
            if isinstance(met, RateLimited | TooManyJobs):
                limit = met.limit if isinstance(met, RateLimited) else "jobs"
            most = self._parts.settings.limits.jobs_in_line
            lines.append(say("several-fitting", count=fitting, limit=limit, most=most))
        return lines

    async def draw(self, interaction: Interaction, member: int) -> None:
        """Takes the orders one after the other, each as if it were typed alone, until one is refused. Raises that refusal."""
        _demand_own(interaction, member)
        text = typed_cards.demand_block(interaction.message)
        with self._delivery.intake.press(interaction) as is_new:
            if not is_new:
                await interaction.response.defer()
                return
            self._delivery.intake.demand_time(interaction)
            orders = await self._orders_of(interaction, PromptInput(prompt=text))
            say = say_to(interaction)
            # The question's buttons go first: each order is taken once.
            await interaction.response.edit_message(view=note(say("several-taking", orders=len(orders))))
        taken = 0
        try:
            for order in orders:
                await self._delivery.deliver(interaction, order)
                taken += 1
        finally:
            with contextlib.suppress(*UNREACHABLE):
                done = say("several-taken", taken=taken, orders=len(orders), is_all=taken == len(orders))
                await interaction.edit_original_response(view=note(done))

    async def dismiss(self, interaction: Interaction, member: int) -> None:
        """Answers Cancel under the question. Raises NoSuchPrompt."""
        _demand_own(interaction, member)
        await interaction.response.edit_message(view=note(say_to(interaction)("several-cancelled")))

    async def open_form(self, interaction: Interaction, verdict: int) -> None:
        """Opens the form with a refused prompt. Raises NoSuchPrompt when it is deleted, or another's."""
        record = await self._parts.records.verdicts.get(verdict)
        asker = (MemberId(interaction.user.id), interaction.guild_id)
        if record is None or (record.member, record.guild_id) != asker:
            raise NoSuchPrompt
        options = "".join(typed_cards.blocks_in(interaction.message)[:1])
        styles = self._parts.studio.styles
        prompt = await styles.without_words(record.guild_id, record.prompt, options)
        record = replace(record, prompt=prompt)
        await interaction.response.send_modal(typed_cards.form_of(say_to(interaction), record, options))


def _demand_own(interaction: Interaction, member: int) -> None:
    if interaction.user.id != member:
        raise NoSuchPrompt
