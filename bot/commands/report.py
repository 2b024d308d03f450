"""Report of the menu "Picture…": for all members, on the bot's pictures."""

import logging

from bot.client import Interaction
from bot.permissions import actor_of
from bot.posted_message import UNREACHABLE
from bot.ui import REASON, TextForm, paragraph, say_to

log = logging.getLogger(__name__)


async def open_form(interaction: Interaction, message: int) -> None:
    """Opens the form for a reason. Raises NoSuchJob."""
    job = await interaction.client.parts.takedown.job_of_message(message, actor_of(interaction))

    async def submit(interaction: Interaction, reason: str) -> None:
        atelier = interaction.client
        reported = await atelier.parts.reports.report(actor_of(interaction), job, reason)
        await interaction.response.send_message(say_to(interaction)("report-thanks"), ephemeral=True)
        try:
            if reported.is_new:
                await atelier.mod_channel.post_case(reported.case)
                await atelier.mod_channel.show_picture(job.id)
            else:
                await atelier.mod_channel.refresh_case(reported.case.id)
        except UNREACHABLE as error:
            log.warning("the card of case %s is not posted yet: %s", reported.case.id, error)

    say = say_to(interaction)
    fields = {say("report-reason"): paragraph("reason", most=REASON, is_required=False)}
    await interaction.response.send_modal(TextForm(say("report-title"), fields, submit))
