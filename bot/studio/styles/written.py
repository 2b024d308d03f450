"""Reads what a member writes for a style: its name, and its words with LoRAs among them."""

from dataclasses import fields

from bot.studio import BadStyleName, PromptTooLong, StyleTakesWords
from bot.studio.orders.parameters import PromptInput, is_blank, name_in, one_line, read_inline
from db import LONGEST_STYLE_NAME, LONGEST_WORDS


def name_of(written: str) -> str:
    """Returns the folded name. Raises BadStyleName."""
    name = name_in(written, LONGEST_STYLE_NAME)
    if name is None:
        raise BadStyleName(written, LONGEST_STYLE_NAME)
    return name


def words_of(written: str | None) -> tuple[str | None, str]:
    """Returns the words, and the LoRAs that were typed among them. Raises StyleTakesWords, PromptTooLong."""
    if written is None:
        return None, ""
    found = read_inline(PromptInput(prompt=one_line(written)))
    given = {each.name for each in fields(found) if getattr(found, each.name) not in (None, ())}
    if given - {"prompt", "lora"}:
        raise StyleTakesWords
    words = "" if is_blank(found.prompt) else one_line(found.prompt)
    if len(words) > LONGEST_WORDS:
        raise PromptTooLong(len(words), LONGEST_WORDS, "style")
    return words, found.lora or ""
