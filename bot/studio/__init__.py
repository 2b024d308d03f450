"""The product without Discord: orders, refusals, moderation, settings."""

# The imports are re-exported for other packages.
# pyright: reportUnusedImport=false

from bot.studio.errors import *  # noqa: F403  # a new refusal needs no line here
from bot.studio.orders.abilities import OfferedModels
from bot.studio.orders.order import (
    FACTORS,
    IN_STYLE_OF,
    VARYING,
    Actor,
    Gallery,
    GalleryAction,
    Moderator,
    Order,
    demand_known,
    is_enlarged,
    pictures_of_style,
)
from bot.studio.settings import (
    DISCORD_API,
    PROJECT,
    LoggingSettings,
    ModerationSettings,
    ProvenanceSettings,
    RetentionSettings,
    Settings,
    address_of,
    load,
)
