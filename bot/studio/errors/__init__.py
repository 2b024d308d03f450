"""Reasons that a request is not done: one tree under `Refusal`, whose leaves carry data and never prose.

A member gets the sentence of the leaf's class (see `bot/texts`) and is charged nothing. Other layers have their own trees:
`generation.queue.ticket.GenerationError`, `moderation.rate_limits`, `db.errors.StorageError`.
"""

from bot.studio.errors.acts import *  # noqa: F403  # every class of these modules is a refusal
from bot.studio.errors.orders import *  # noqa: F403
from bot.studio.errors.refusal import *  # noqa: F403
from bot.studio.errors.styles import *  # noqa: F403
from bot.studio.errors.uploads import *  # noqa: F403
