"""The product without Discord: who asks for what, every refusal, the settings."""

# Others import them from here.
# pyright: reportUnusedImport=false

from bot.studio.errors import *  # noqa: F403  # a new refusal is a class and a sentence, and no line here
from bot.studio.orders.order import VARYING, Actor, Gallery, GalleryAction, Moderator, Order
from bot.studio.settings import (
    DISCORD_API,
    PROJECT,
    ModerationSettings,
    ProvenanceSettings,
    RetentionSettings,
    Settings,
    address_of,
    load,
)
