"""How many others may take a step beside drafts: those who make it hardly longer. The worker's steps and the forecast of them
obey it alike. No clock, no torch.
"""

from __future__ import annotations

import math

HARDLY = 0.1
"""By this share others may make a draft's step longer."""


def room_beside(taken: int, fixed: float, each: float, *, most: int) -> int:
    """How large a step may be whose first `taken` (rows, or pictures) are drafts' or before them, these included. fixed, each:
    what a step costs, and each of what it is counted in; the same unit. most: how many more at the most."""
    more = most if each * most <= HARDLY * fixed else math.floor(HARDLY * (fixed / each + taken))
    return taken + more
