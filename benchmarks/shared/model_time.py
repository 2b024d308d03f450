"""Instruments around a model: the device time inside the model, and calls of a uniform form."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from generation.request import BatchKey
from generation.worker.models.loading import Model

Part = Literal["denoising", "decoding"]


@dataclass(slots=True)
class ModelTime:
    """A stopwatch for the denoiser and the VAE's decoder, in seconds. It uses events on the device's stream, so the measurement
    causes no synchronisation."""

    device: torch.device
    _pairs: list[tuple[Part, Any, Any]] = field(default_factory=list[tuple[Part, Any, Any]])
    _open: list[Any] = field(default_factory=list[Any])

    @contextmanager
    def watching(self, model: Model) -> Generator[None]:
        plain = model.denoiser

        def denoiser(key: BatchKey) -> Callable[..., Any]:
            return self.around(plain(key))

        model.denoiser = denoiser
        with self.decoding_of(model.pipe):
            yield
        del model.denoiser

    def around(self, denoise: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **more: Any) -> Any:
            self._enter()
            found = denoise(*arguments, **more)
            self._leave("denoising")
            return found

        return watched

    @contextmanager
    def decoding_of(self, pipe: Any) -> Generator[None]:
        # Wraps the decoder, because `decode` of the VAE is not a forward call.
        decoder = pipe.vae.decoder
        hooks = [
            decoder.register_forward_pre_hook(self._enter),
            decoder.register_forward_hook(self._leave_decoder),
        ]
        yield
        for hook in hooks:
            hook.remove()

    def _enter(self, *_: Any) -> None:
        self._open.append(self._mark())

    def _leave_decoder(self, *_: Any) -> None:
        self._leave("decoding")

    def _leave(self, part: Part) -> None:
        self._pairs.append((part, self._open.pop(), self._mark()))

    def _mark(self) -> Any:
        if self.device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds(self, part: Part) -> float:
        pairs = [(begin, end) for of, begin, end in self._pairs if of == part]
        if self.device.type != "cuda":
            return sum(end - begin for begin, end in pairs)
        torch.cuda.synchronize()
        return sum(begin.elapsed_time(end) for begin, end in pairs) / 1000


class CalledAsByTheLoop:
    """A U-Net for a pipeline that receives its arguments in the loop's form: a timestep for every row. A compiled U-Net is then
    compiled once and serves both."""

    def __init__(self, unet: Any, watch: ModelTime) -> None:
        self._unet = unet
        self._watched = watch.around(unet)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._unet, name)

    def __call__(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor,
        *,
        encoder_hidden_states: torch.Tensor,
        added_cond_kwargs: dict[str, torch.Tensor] | None = None,
        **_: Any,
    ) -> Any:
        added = added_cond_kwargs or {}
        return self._watched(
            sample,
            timestep.float().repeat(len(sample)),
            return_dict=False,
            encoder_hidden_states=encoder_hidden_states,
            timestep_cond=None,
            added_cond_kwargs={name: added.get(name) for name in ("text_embeds", "time_ids")},
        )
