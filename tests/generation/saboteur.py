"""The real worker with faults: random out-of-memory errors, and a loop that hangs on request.

    python -m tests.generation.saboteur [--memory CHANCE] [--alone CHANCE] [--nan CHANCE] [--seed SEED] [--hang FILE]

The first two chances are per batch of several pictures, and per batch of one picture. The third is that a decoded batch holds no
numbers. The loop hangs at the first step at which FILE exists, and deletes FILE.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from generation.protocol import Event, Order
from generation.worker.process import main, ordinary

if TYPE_CHECKING:
    from generation.worker.denoise.slots import Slot
    from generation.worker.loop import Loop

COMMAND = (sys.executable, "-m", "tests.generation.saboteur")


def sabotage(memory: float, alone: float, nan: float, seed: int, hang: Path | None) -> None:
    """Installs the faults in this process."""
    import torch

    from generation.worker.models.model import Model

    dice = random.Random(seed)
    advance, develop = Model.advance, Model.develop

    def meet_accidents(slots: Sequence[Slot]) -> None:
        if hang is not None and hang.exists():
            hang.unlink()
            threading.Event().wait()
        if dice.random() < (memory if len(slots) > 1 else alone):
            raise torch.OutOfMemoryError("injected")

    def advance_or_fail(self: Model, slots: Sequence[Slot], *, sizes: Sequence[int] = ()) -> None:
        meet_accidents(slots)
        advance(self, slots, sizes=sizes)

    def develop_or_fail(self: Model, slots: Sequence[Slot]) -> list[torch.Tensor]:
        meet_accidents(slots)
        pictures = develop(self, slots)
        return [picture * torch.nan for picture in pictures] if nan and dice.random() < nan else pictures

    Model.advance, Model.develop = advance_or_fail, develop_or_fail


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory", type=float, default=0.0)
    parser.add_argument("--alone", type=float, default=0.0)
    parser.add_argument("--nan", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hang", type=Path)
    options = parser.parse_args()

    def make(orders: SimpleQueue[Order], tell: Callable[[Event], None]) -> Loop:
        loop = ordinary(orders, tell)
        sabotage(options.memory, options.alone, options.nan, options.seed, options.hang)
        return loop

    main(make)
