"""Report of the menu "Picture…": for all members, on the bot's pictures."""

import logging
from enum import StrEnum

from bot.client import Interaction
from bot.permissions import actor_of
from bot.posted_message import UNREACHABLE
from bot.ui import REASON, SentForm, TextForm, paragraph, say_to

log = logging.getLogger(__name__)


class ReportForm(StrEnum):
    REPORT = "reported"  # the number is the message's id


async def open_form(interaction: Interaction, message: int) -> None:
    """Opens the form for a reason. Raises NoSuchJob."""
    await interaction.client.parts.takedown.job_of_message(message, actor_of(interaction))
    say = say_to(interaction)
    fields = {say("report-reason"): paragraph("reason", most=REASON, is_required=False)}
    await interaction.response.send_modal(TextForm(say("report-title"), ReportForm.REPORT, message, fields))


async def submit(interaction: Interaction, sent: SentForm[ReportForm]) -> None:
    """Answers the form. Raises NoSuchJob, and the refusals of `MemberReports.report`."""
    atelier, actor = interaction.client, actor_of(interaction)
    job = await atelier.parts.takedown.job_of_message(sent.subject, actor)
    reported = await atelier.parts.reports.report(actor, job, sent.entry("reason"))
    await interaction.response.send_message(say_to(interaction)("report-thanks"), ephemeral=True)
    try:
        if reported.is_new:
            await atelier.mod_channel.post_case(reported.case)
            await atelier.mod_channel.show_picture(job.id)
        else:
            await atelier.mod_channel.refresh_case(reported.case.id)
    except UNREACHABLE as error:
        log.warning("the card of case %s is not posted yet: %s", reported.case.id, error)
