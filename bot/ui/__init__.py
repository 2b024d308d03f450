"""Parts of cards, lists and forms, and their texts."""

# The imports are re-exported for other modules.
# pyright: reportUnusedImport=false

from bot.texts import Language, markdown, variant
from bot.ui.components import (
    BLUE,
    LONGEST_TEXTS,
    NUMBER,
    OURS,
    PICTURE,
    Button,
    View,
    card,
    custom_id,
    note,
    pattern,
    row,
)
from bot.ui.forms import FORM_SECONDS, REASON, TextForm, line, paragraph
from bot.ui.pagination import Page, PageButton, fields_of, numbers_in, pager
from bot.ui.words import AnyCommand, Translator, command, described, options_of, say_in, say_to, text
