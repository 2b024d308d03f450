"""The optimiser: Muon for the matrices, AdamW for the rest.

Muon (Jordan 2024, https://kellerjordan.github.io/posts/muon/) makes the momentum orthogonal with a Newton-Schulz iteration, so
that every direction of a weight matrix moves by the same amount.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from training.precision import has_bfloat16

MOMENTUM = 0.95
DECAY = 0.01
# Inputs, outputs and embeddings do not map between hidden spaces, so AdamW suits them better.
NO_MATRICES = ("conv_in", "conv_out", "time_embedding", "add_embedding")


def orthogonal(matrices: Tensor) -> Tensor:
    """Returns approximately the nearest semi-orthogonal matrices of a stack (n, rows, columns)."""
    x = matrices.bfloat16() if has_bfloat16(matrices.device.type) else matrices.float()
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    is_tall = x.size(1) > x.size(2)
    x = x.mT if is_tall else x
    for _ in range(5):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.775 * gram + 2.0315 * gram @ gram) @ x
    return (x.mT if is_tall else x).float()


class Muon(Optimizer):
    """The Muon optimiser. Matrices of one shape share a stacked Newton-Schulz iteration."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        assert closure is None
        for group in self.param_groups:
            by_shape: dict[tuple[int, int], list[nn.Parameter]] = {}
            for parameter in group["params"]:
                matrix = parameter.flatten(1)
                by_shape.setdefault((matrix.size(0), matrix.size(1)), []).append(parameter)
            for (rows, columns), parameters in by_shape.items():
                directions = orthogonal(torch.stack([self._nudge(p) for p in parameters]))
                rate = 0.5 * group["lr"] * max(1.0, rows / columns) ** 0.5
                for parameter, direction in zip(parameters, directions, strict=True):
                    parameter.mul_(1 - group["lr"] * DECAY)
                    parameter.add_(direction.view_as(parameter), alpha=-rate)

    def _nudge(self, parameter: nn.Parameter) -> Tensor:
        """Returns the Nesterov momentum of the gradient, as a matrix."""
        assert parameter.grad is not None
        state: dict[str, Any] = self.state[parameter]
        momentum: Tensor = state.setdefault("momentum", torch.zeros_like(parameter))
        momentum.mul_(MOMENTUM).add_(parameter.grad)
        return parameter.grad.add(momentum, alpha=MOMENTUM).flatten(1)


class Optimizers:
    """Both optimisers of a network, with their rates scaled together."""

    def __init__(
        self,
        network: nn.Module,
        *,
        muon_rate: float,
        adam_rate: float,
        is_matrix: Callable[[str, nn.Parameter], bool],
    ) -> None:
        named = list(network.named_parameters())
        self.matrices = [p for name, p in named if is_matrix(name, p)]
        self.rest = [p for name, p in named if not is_matrix(name, p)]
        self._rates = (muon_rate, adam_rate)
        self._both: tuple[Optimizer, Optimizer] = (
            Muon(self.matrices, muon_rate),
            AdamW(self.rest, adam_rate, betas=(0.9, 0.98), weight_decay=DECAY),
        )

    def step(self, scale: float) -> None:
        """Takes one step at `scale` of the full rates and clears the gradients."""
        nn.utils.clip_grad_norm_(self.rest, 1.0)
        for optimizer, rate in zip(self._both, self._rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * scale
            optimizer.step()
            optimizer.zero_grad()

    def state_dict(self) -> list[dict[str, Any]]:
        return [optimizer.state_dict() for optimizer in self._both]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        for optimizer, state in zip(self._both, states, strict=True):
            optimizer.load_state_dict(state)


def is_hidden_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Returns whether Muon suits this parameter of a U-Net."""
    return parameter.ndim >= 2 and not any(part in name for part in NO_MATRICES)
