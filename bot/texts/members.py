"""Every refusal as one sentence, and the small phrases of the cards. Leaves carry data; this is where it becomes prose."""

from __future__ import annotations

import difflib
import math
import re

import discord
from discord import app_commands

from bot.studio.orders.order import (
    BadDuration,
    BadParameter,
    EmptyPrompt,
    MemberBlocked,
    NoSuchJob,
    NotAModerator,
    NotRunning,
    NotYours,
    PictureGone,
    PromptRefused,
    PromptTooLong,
    TooLarge,
    UnknownLora,
    UnknownModel,
    UnknownParameter,
    UnusableWeights,
)
from bot.studio.pictures.verification import NothingToVerify, TooHeavyToVerify
from db.errors import DiskFull
from generation.queue.ticket import GenerationFailed, JobCancelled, LineFull, Progress, Running, Waiting
from moderation.duration import written
from moderation.rate_limits import RateLimited, TooManyJobs
from moderation.verdict import Category, Verdict

_CATEGORY = {
    "sexual": "sexual content",
    "nudity": "nudity",
    "minors": "minors in a sexual or suggestive context",
    "gore": "gore",
    "hate": "hate",
    "harassment": "harassment",
    "self-harm": "self-harm",
    "illegal": "something illegal",
    "real-person": "a real person",
    "spam": "spam",
    "server-rule": "something that this server's own rules exclude",
}
_INSTEAD = {
    "sexual": "Say it without what is sexual and try again",
    "nudity": "Put clothes on whoever is in it and try again",
    "minors": "Leave out either the child or all that is sexual or suggestive: no server draws both",
    "gore": "Say it without blood and wounds and try again",
    "hate": "Leave out what looks down on people and try again",
    "harassment": "Leave out what insults or threatens somebody and try again",
    "self-harm": "If you need somebody, they listen at <https://findahelpline.com>; otherwise rephrase it and try again",
    "illegal": "Leave that out and try again",
    "real-person": "Leave out the person, or whatever is sexual, nude or gory beside them",
    "spam": "Ask for something else, or press 🔄 under the pictures for more of the same",
    "server-rule": "Its moderators can tell you which",
}
"""What to do about a refusal, by its category. Not what to avoid, word by word: the list is nobody's to read."""
_UNIT = {"w": "week", "d": "day", "h": "hour", "m": "minute"}
_FIELD = {"negative": "negative prompt"}
_PARAMETERS = "`--ar`, `--seed`, `--no`, `--steps`, `--cfg`, `--images`, `--model`, `--lora` and `--preset`"
_FAILURE = {
    "memory": "The graphics card ran out of memory for it. Try fewer images or a smaller size.",
    "model": "The model could not be loaded. Choose another one, or tell the bot's owner.",
    "lora": "A LoRA that was asked for can't be used. Draw without it, or tell the bot's owner.",
    "input": "The picture that it starts from can't be read any more.",
    "crash": "The worker died several times over it.",
    "picture": "The finished picture shows what is not shown here.",
    "banned": "It came out like one that the moderators have removed here.",
    "picture-input": "The picture that it starts from shows what is not shown here.",
    "banned-input": "The picture that it starts from is like one that the moderators have removed here.",
}


DISK_FULL_LATER = "The bot's disk is full. The job is kept, and goes on when there is room again."


def sentence(error: Exception) -> str | None:
    """What the member is told; None for what is a bug and not a refusal."""
    match error:
        case EmptyPrompt():
            return "There is no prompt. Say what the picture should show, for example `a red apple`."
        case PromptTooLong():
            return f"The {error.what} has {error.length:,} characters; at most {error.limit:,} fit."
        case UnknownParameter():
            if _is_like(error.name, error.nearest):
                return f"There is no parameter `--{code(error.name)}`. Did you mean `--{error.nearest}`?"
            return (
                f"There is no parameter `--{code(error.name)}`; the nearest is `--{error.nearest}`. "
                f"There are {_PARAMETERS}."
            )
        case BadParameter():
            shown = f" can't be `{code(error.value)}`:" if error.value else " has no value:"
            return f"`--{error.name}`{shown} it takes {error.wanted}."
        case UnknownModel():
            if _is_like(error.name, error.nearest):
                return f"There is no model `{code(error.name)}` here. Did you mean `{error.nearest}`?"
            return (
                f"There is no model `{code(error.name)}` here. `{error.nearest}` is one; "
                "the option `model` of `/imagine` lists them all."
            )
        case UnknownLora():
            return _no_such_lora(error)
        case UnusableWeights():
            return (
                f"The weights behind `::` must add up to more than 0, over at most {error.limit} parts, "
                "for example `fox::2 forest::1`."
            )
        case PromptRefused():
            what = _CATEGORY.get(error.category, error.category)
            fields = " and the ".join(_FIELD.get(field, field) for field in error.field.split("+"))
            where = "" if error.field == "prompt" else f" (in the {fields})"
            return (
                f"This prompt can't be drawn here: it reads as {what}{where}. "
                f"{_INSTEAD.get(error.category, 'Rephrase it and try again')}. If you think that is a mistake, ask a moderator. "
                + ("The first time counts as nothing against you. " if error.is_first else "")
                + "Nothing was charged."
            )
        case MemberBlocked():
            until = "" if error.until is None else f" until {moment(error.until)}"
            why = f" Reason: {plain(error.reason)}" if error.reason else ""
            return f"A moderator has blocked you from making pictures here{until}.{why}"
        case RateLimited():
            if error.is_impossible:
                return f"That is more images at once than a {error.limit} allows. Ask for fewer."
            return f"You have used up your images for this {error.limit}. Again in {duration(error.retry_after)}."
        case TooManyJobs():
            return (
                f"You have {error.limit} jobs in line already, which is the most. "
                "Wait for one, or cancel one with `/queue`."
            )
        case LineFull():
            wait = "" if error.seconds is None else f" It would take about {duration(error.seconds)}."
            return f"The line is full: {error.waiting} jobs are waiting.{wait} Try again in a little while."
        case NotYours():
            return f"This {error.what} is somebody else's; only they and the moderators can do that."
        case NotAModerator():
            return "Only moderators can do that: it takes the Manage Messages permission."
        case NoSuchJob() if str(error.job).isdecimal():  # a message's id, from the message menu
            return "There is no picture of mine in that message."
        case NoSuchJob():
            return (
                f"I don't know the job `{code(str(error.job))}`. "
                "Give its id, which stands under its pictures, or a link to its message."
            )
        case PictureGone():
            return "That picture is gone: it was removed or deleted."
        case NotRunning():
            return "That job is not waiting or running any more."
        case TooLarge():
            return f"It would be {error.side:,} pixels wide or high; {error.limit:,} is the most."
        case BadDuration():
            return f"`{code(error.text)}` is no duration. Write `30m`, `12h`, `7d` or `2w`."
        case NothingToVerify():
            return "There is no picture that can be read: it takes a PNG, a JPEG or a WebP."
        case TooHeavyToVerify():
            return f"It has {error.bytes / 2**20:.0f} MiB; at most {error.limit / 2**20:.0f} MiB can be looked at."
        case GenerationFailed():
            return f"No picture came out. {_FAILURE.get(error.kind, 'Something broke.')} Nothing was charged."
        case JobCancelled():
            return "Cancelled. Nothing was charged."
        case DiskFull():
            return (
                "The bot's disk is full, so nothing can be kept. Tell the bot's owner. Nothing was charged."
            )
        case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
            return "That command has changed. Reload Discord and try again."
        case app_commands.TransformerError():
            return f"`{code(str(error.value))}` can't be used there."
        case _:
            return None


def _no_such_lora(error: UnknownLora) -> str:
    said = f"There is no LoRA `{code(error.name)}` for the model `{error.model}`."
    if error.elsewhere:
        return f"{said} The model `{error.elsewhere}` has it: choose that with `--model {error.elsewhere}`."
    if not error.nearest:
        return f"{said} It has none at all."
    if _is_like(error.name, error.nearest):
        return f"{said} Did you mean `{error.nearest}`?"
    return f"{said} `{error.nearest}` is one; the option `lora` of `/imagine` lists them all."


def _is_like(written: str, known: str) -> bool:
    """Near enough to be a slip of the keyboard: "did you mean" about anything else is mockery."""
    return difflib.SequenceMatcher(None, written.casefold(), known.casefold()).ratio() >= 0.6


def withheld(number: int, of: int) -> str:
    what = "One picture" if number == 1 else f"{number} pictures"
    return f"{what} of {of} showed what is not shown here, and {'is' if number == 1 else 'are'} left out and not charged."


def bug(reference: str) -> str:
    return f"Something broke on our side. Tell the bot's owner this reference: `{reference}`. Nothing was charged."


def progress_line(progress: Progress, *, is_ready: bool = True) -> str:
    if not is_ready:
        return "The model is loading. Your pictures come as soon as it is ready."
    match progress:
        case Waiting(place=place, seconds=seconds):
            wait = "" if seconds is None else f", about {duration(seconds)} to go"
            return "Next in line" + wait if place <= 1 else f"Place {place} in line{wait}"
        case Running(done=done, total=total, seconds=seconds):
            wait = "" if seconds is None else f", about {duration(seconds)} to go"
            share = 0.0 if total == 0 else min(1.0, done / total)
            filled = round(share * 12)
            return f"`{'█' * filled}{'░' * (12 - filled)}` {share:.0%}{wait}"


def duration(seconds: float) -> str:
    """Rounded up, so that "again in" is never too early."""
    whole = max(1, math.ceil(seconds))
    if whole < 90:
        return f"{whole} s"
    minutes = math.ceil(whole / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{math.ceil(minutes / 60)} h"


def span(seconds: float) -> str:
    """ "2 weeks", "3 days", "1 hour": in the largest unit that is whole."""
    text = written(seconds)
    if not text:
        return duration(seconds)
    return f"{text[:-1]} {_UNIT[text[-1]]}" + ("" if text[:-1] == "1" else "s")


def why(verdict: Verdict, most: int = 8) -> str:
    """What decided, for moderators: "sexual: rule `suggestive` found `lingerie`"."""
    words = ", ".join(f"`{code(word, 40)}`" for word in verdict.words[:most])
    what = "" if verdict.category is Category.NONE else f"{verdict.category}: "
    return f"{what}rule `{code(verdict.rule, 60)}`" + (f" found {words}" if words else "")


def moment(at: float) -> str:
    """A time that Discord shows in the reader's own zone."""
    return f"<t:{int(at)}:f>"


_MARKS = re.compile(r"[\\`*_~|<>\[\]]|:(?=//)|^[#-]")
"""What begins markdown, a mention, a link or a heading. discord.py's own escaping leaves links, and markdown in them, alone."""

_TURNS = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the direction of writing, also of what stands behind the member's words."""


def plain(text: str) -> str:
    """A member's words inside a card: no markdown, no link, no mention, on one line."""
    line = _MARKS.sub(r"\\\g<0>", _one_line(text))
    return discord.utils.escape_mentions(line)


def code(text: str, limit: int = 100) -> str:
    """A member's words between backticks; never empty, for two backticks alone would not close."""
    return short(_one_line(text).replace("`", "'"), limit) or " "


def _one_line(text: str) -> str:
    return " ".join(_TURNS.sub("", text).split())


def short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
