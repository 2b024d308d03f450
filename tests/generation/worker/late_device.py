"""A simulated GPU for the loop on the CPU: work is launched at once, and done when the host waits for it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from generation.worker.models.loading import Model
from generation.worker.oom_recovery import DeviceTimer
from tests.generation.worker.test_loop import Stage

ENCODE, STEP, DECODE = 1000.0, 1.0, 50.0
"""Seconds of a prompt, of a step and of a picture's decoding."""


class LateDevice:
    def __init__(self, stage: Stage, model: Model, patch: pytest.MonkeyPatch) -> None:
        self.now = 0.0  # seconds
        self.busy_until = 0.0
        device = self

        class Event:
            """As torch.cuda.Event."""

            def __init__(self, *, enable_timing: bool) -> None:
                self.at = 0.0

            def record(self) -> None:
                self.at = max(device.now, device.busy_until)

            def synchronize(self) -> None:
                device.now = max(device.now, self.at)

            def elapsed_time(self, end: Event) -> float:
                return 1000 * (end.at - self.at)

        patch.setattr(torch.cuda, "Event", Event)
        stage.loop.clock = stage.loop.oom_recovery.clock = lambda: self.now
        stage.loop.oom_recovery._timer = DeviceTimer(torch.device("cuda"), lambda: self.now)  # pyright: ignore[reportPrivateUsage]
        pipe = model.pipe
        for part, seconds in (
            (pipe.text_encoder, ENCODE / 2),  # once for the prompt, once for the negative prompt
            (pipe.unet, STEP),
            (pipe.vae.decoder, DECODE),
        ):
            part.register_forward_pre_hook(self._launched(part, seconds))

    def _launched(self, part: Any, seconds: float) -> Any:
        def launch(_: Any, arguments: tuple[Any, ...]) -> None:
            self.launch(seconds)

        return launch

    def launch(self, seconds: float) -> None:
        self.busy_until = max(self.now, self.busy_until) + seconds

    def wait(self) -> None:
        self.now = max(self.now, self.busy_until)
