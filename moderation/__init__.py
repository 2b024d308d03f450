"""Judges prompts and limits members' spending. Knows neither Discord nor SQL nor diffusers.

Importing this loads no model and no picture library.
"""

# Other packages import these names from here.
# pyright: reportUnusedImport=false

from moderation.duration import DAY, HOUR, MINUTE, seconds_in, written
from moderation.escalation import EscalationBroken, Rung, Sanction, parse_escalation, rung_for
from moderation.normalise.language import READ
from moderation.owner_file import NOT_UTF8, NotToml, line_of, parse_toml
from moderation.policy import (
    AS_FOUND,
    FAMILY,
    FIXED,
    NEVER,
    STANDARD,
    Action,
    Change,
    Policy,
    Preset,
    is_for_everybody,
    ordinary,
    presets,
)
from moderation.prompts.filter import PromptFilter
from moderation.rate_limits import Limits, RateLimit, Spend, admit
from moderation.verdict import ALLOWED, Category, Fingerprint, Ruling, Scores, Verdict, stricter
