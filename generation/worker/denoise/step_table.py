"""Converts any linear diffusers scheduler to a table of coefficients, one row a step. Knows no model and no device.

In nearly every class, a scheduler's `step()` is a weighted sum of the current sample, the model's output, the history of both and
new noise. So the real scheduler runs once on one-hot vectors instead of pictures, and the results are its coefficients:

    x_next = noise[i] * noise  +  sum over k of  samples[i, k] * x_(i-k) + outputs[i, k] * m_(i-k)

A corrector (UniPC) stores one more sample, which is a sum of all earlier values. The table uses the sample after it instead; see
`_recurrent_weights`. A step that is not such a sum (clipping, thresholding) fails a check with random numbers. Each of its
pictures then has a scheduler object.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from generation.worker.denoise.schedulers import (
    PLAIN,
    NoiseInstead,
    Scheduler,
    Timing,
    begin_at,
    first_scale,
    is_flow,
    mixed,
    prepared,
    scaled,
    step,
)

HISTORY = 5
"""The steps that a scheduler may look back, the current one included. PNDM, which comes with Stable Diffusion 1.x, needs the
most: four model outputs, and one timestep twice at the start.
"""

TOLERANCE = 1e-4
"""Relative error of one step above which a scheduler counts as not linear. float32 rounding stays below 1e-5."""


class NotLinear(ValueError):
    """The scheduler's step is not a weighted sum of at most HISTORY steps."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StepTable:
    told: Tensor  # (steps, 4): timestep; in_scale, for the model's input in_scale * x; weights of x, m in x0
    weights: Tensor  # (steps, 1 + 2 * order): of noise, x_i, m_i, x_(i-1), m_(i-1), ... in x_(i+1)
    draws: tuple[bool, ...]  # (steps,): it draws noise, so that the generator advances as in diffusers
    start_noise: float  # the first sample is start_noise * noise + start_init * the init picture's latents
    start_init: float
    scheduler: Scheduler | None = None  # if not linear: no weights; each picture uses a copy of this
    # (steps, 2): weights of the init picture's latents and of the first noise in the kept part of a mask, after the step.
    kept: Tensor = field(default_factory=lambda: torch.zeros(0, 2))

    def __len__(self) -> int:
        return len(self.draws)

    @property
    def order(self) -> int:
        return self.weights.shape[1] // 2


CACHED_TABLES = 256
"""Members type any number of steps and any strength."""


class StepTables:
    """The tables of one model's scheduler. Each is compiled at its first use (4 to 50 ms)."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self._tables: OrderedDict[tuple[int, int, Timing, bool], StepTable] = OrderedDict()

    def table(
        self,
        steps: int,
        strength: float | None = None,
        timing: Timing = PLAIN,
        *,
        is_masked: bool = False,
    ) -> StepTable:
        """Returns the table. `strength` is image-to-image's share of the schedule. Without strength, or with strength 1 and a
        mask, the picture starts from noise alone.
        """
        if is_masked and strength == 1:
            strength = None  # as in StableDiffusionInpaintPipeline
        skipped = 0 if strength is None else _skipped(steps, strength, timing)
        key = (steps, skipped if strength is not None else -1, timing, is_masked)
        if key not in self._tables:
            self._tables[key] = compile_table(
                self.scheduler, steps, skipped, timing, has_init=strength is not None, is_masked=is_masked
            )
            if len(self._tables) > CACHED_TABLES:
                self._tables.popitem(last=False)
        self._tables.move_to_end(key)
        return self._tables[key]


def _skipped(steps: int, strength: float, timing: Timing) -> int:
    """Returns the number of skipped steps: same as `get_timesteps` of diffusers' image-to-image pipelines, except that at least
    one step remains.
    """
    if timing.rounds_up:
        return min(int(max(steps - steps * strength, 0)), steps - 1)
    return steps - max(1, min(int(steps * strength), steps))


@torch.inference_mode()
def compile_table(
    scheduler: Scheduler,
    steps: int,
    skipped: int = 0,
    timing: Timing = PLAIN,
    *,
    has_init: bool = False,
    is_masked: bool = False,
) -> StepTable:
    """Returns the table of the last `steps - skipped` of `steps` steps. With a mask, samples are changed between steps."""

    def fresh() -> Scheduler:
        return prepared(scheduler, steps, skipped, timing)

    timesteps = fresh().timesteps[skipped * scheduler.order :]
    try:
        weights, draws = _linear_weights(fresh, timesteps, is_masked)
        fallback = None
    except NotLinear:
        weights, draws = torch.zeros(len(timesteps), 0), (False,) * len(timesteps)
        fallback = fresh()
    init, noise = _mixture(fresh(), timesteps[:1])
    return StepTable(
        told=_told(fresh(), fresh(), timesteps),
        weights=weights,
        draws=draws,
        start_noise=noise if has_init else first_scale(fresh()),
        start_init=init if has_init else 0.0,
        kept=_kept_mixtures(fresh(), timesteps),
        scheduler=fallback,
    )


def _linear_weights(
    fresh: Callable[[], Scheduler], timesteps: Tensor, is_masked: bool
) -> tuple[Tensor, tuple[bool, ...]]:
    full, draws = _responses(fresh(), timesteps)
    if not full.isfinite().all():
        raise NotLinear("not finite")
    steps = len(timesteps)
    order = max(
        i - int(torch.nonzero(full[i, :steps].abs() + full[i, steps : 2 * steps].abs() > 1e-7).min()) + 1
        for i in range(steps)
    )
    if order > HISTORY and is_masked:
        raise NotLinear("a sample no longer says what it was made from")
    if order > HISTORY:
        weights = _recurrent_weights(fresh(), timesteps)
    else:
        weights = torch.zeros(steps, 1 + 2 * order)
        for i in range(steps):
            weights[i, 0] = full[i, 2 * steps + i]
            for k in range(min(order, i + 1)):
                weights[i, 1 + 2 * k] = full[i, i - k]
                weights[i, 2 + 2 * k] = full[i, steps + i - k]
    _check(fresh(), timesteps, weights)
    return weights, draws


def _responses(scheduler: Scheduler, timesteps: Tensor) -> tuple[Tensor, tuple[bool, ...]]:
    """Runs the scheduler on one-hot vectors. Returns (steps, 3 * steps): the weights of x_0 ..., then m_0 ..., then noise_0 ...
    in every next sample; and for each step whether it draws noise.
    """
    steps = len(timesteps)
    basis = torch.eye(3 * steps).view(3 * steps, 1, 3 * steps, 1, 1)
    rows: list[Tensor] = []
    draws: list[bool] = []
    for i, timestep in enumerate(timesteps):
        with NoiseInstead(lambda _, i=i: basis[2 * steps + i]) as noise:
            rows.append(step(scheduler, basis[steps + i], timestep, basis[i]).view(-1))
        if noise.count > 1:
            raise NotLinear("more than one draw in a step")
        draws.append(noise.count == 1)
    return torch.stack(rows), tuple(draws)


def _recurrent_weights(scheduler: Scheduler, timesteps: Tensor) -> Tensor:
    """Returns the weights for schedulers that store a corrected sample (UniPC).

    The corrected sample is a sum of all earlier values. But the sample that was made from it, together with the last few outputs,
    holds the same information. So the scheduler runs on its own samples, in a space with an axis for x_0 and one for every
    output. Then each sample is fitted to the fewest earlier ones that give it exactly.
    """
    steps = len(timesteps)
    axes = torch.eye(1 + steps, dtype=torch.float64).view(1 + steps, 1, 1 + steps, 1, 1)
    outputs = axes[1:]
    samples = [axes[0]]
    for timestep, output in zip(timesteps, outputs, strict=True):
        with NoiseInstead(lambda _: torch.zeros_like(axes[0])) as noise:
            samples.append(step(scheduler, output, timestep, samples[-1]))
        if noise.count:
            raise NotLinear("noise that is remembered")
    for order in range(2, HISTORY + 1):
        weights = torch.zeros(steps, 1 + 2 * order)
        missed = 0.0
        for i in range(steps):
            pairs = [(samples[i - k], outputs[i - k]) for k in range(min(order, i + 1))]
            terms = torch.stack([term.flatten() for pair in pairs for term in pair], dim=1)
            wanted = samples[i + 1].double().flatten()
            # gelsd: at the start the samples are linearly dependent.
            fitted = torch.linalg.lstsq(terms.double(), wanted[:, None], driver="gelsd").solution[:, 0]
            weights[i, 1 : 1 + len(fitted)] = fitted
            missed = max(missed, float((terms.double() @ fitted - wanted).abs().max() / wanted.abs().max()))
        if missed < TOLERANCE / 10:
            return weights
    raise NotLinear(f"looks back more than {HISTORY} steps")


def _check(scheduler: Scheduler, timesteps: Tensor, weights: Tensor) -> None:
    """Raises NotLinear if the real scheduler's steps on random numbers differ from the table's."""
    generator = torch.Generator().manual_seed(0)
    terms: list[Tensor] = []  # newest first: x_i, m_i, x_(i-1), ...
    sample = torch.randn(1, 1, 8, 8, generator=generator) * first_scale(scheduler)
    for i, timestep in enumerate(timesteps):
        output, noise = torch.randn(2, 1, 1, 8, 8, generator=generator)
        terms = [sample, output, *terms][: weights.shape[1] - 1]
        with NoiseInstead(lambda _, noise=noise: noise):
            expected = step(scheduler, output, timestep, sample)
        got = noise * weights[i, 0] + sum(w * term for w, term in zip(weights[i, 1:], terms, strict=False))
        error = (got - expected).abs().max() / expected.abs().max()
        if not error < TOLERANCE:  # written so that a NaN fails too
            raise NotLinear(f"step {i} differs by {float(error):.1e}")
        sample = expected


def _mixture(scheduler: Scheduler, timestep: Tensor) -> tuple[float, float]:
    """Returns the weights of the clean picture and of noise in a sample at `timestep` (1,)."""
    one, zero = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
    return float(mixed(scheduler, one, zero, timestep)), float(mixed(scheduler, zero, one, timestep))


def _kept_mixtures(scheduler: Scheduler, timesteps: Tensor) -> Tensor:
    """Returns (steps, 2): the weights for the noise that is left after each step; after the last step, the picture alone."""
    zero = torch.zeros(1, 1, 1, 1)
    rows: list[tuple[float, float]] = []
    for i, timestep in enumerate(timesteps[:-1]):
        step(scheduler, zero, timestep, zero)
        rows.append(_mixture(scheduler, timesteps[i + 1 : i + 2]))
    return torch.tensor([*rows, (1.0, 0.0)])


def _told(scheduler: Scheduler, mixer: Scheduler, timesteps: Tensor) -> Tensor:
    """Returns (steps, 4) as in `StepTable`. The weights of x and m in the predicted clean picture x0 follow from the mixture of
    picture and noise that `mixer`'s `add_noise` gives.

    See Salimans and Ho, "Progressive distillation", appendix D, for the three kinds of prediction. k-diffusion's samplers use x =
    x0 + sigma * noise, which is the same sample times sqrt(1 + sigma^2). EDM's schedulers (Karras et al., "Elucidating the design
    space of diffusion-based generative models", section 5) combine both by a formula of their own.
    """
    one, zero = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
    kind = "flow_prediction" if is_flow(scheduler) else scheduler.config.get("prediction_type", "epsilon")
    rows: list[tuple[float, ...]] = []
    for i, timestep in enumerate(timesteps):
        in_scale = float(scaled(scheduler, one, timestep))
        scheduler.step(zero, timestep, zero, return_dict=False)  # advances to the next step
        index = len(mixer.timesteps) - len(timesteps) + i
        if (precondition := getattr(scheduler, "precondition_outputs", None)) is not None:
            sigma = scheduler.sigmas[index]
            weights = (float(precondition(one, zero, sigma)), float(precondition(zero, one, sigma)))
            rows.append((float(timestep), in_scale, *weights))
            continue
        begin_at(mixer, index)
        init, noise = _mixture(mixer, timestep[None])
        norm = (init**2 + noise**2) ** 0.5
        match kind:
            case "v_prediction":
                weights = (init / norm**2, -noise / norm)
            case "sample":
                weights = (0.0, 1.0)
            case "flow_prediction":  # m = noise - x0
                weights = (1.0, -noise)
            case _:
                # In zero-terminal-SNR schedules the first sample contains nothing of the picture.
                init = max(init, 1e-3)
                weights = (1 / init, -noise / init)
        rows.append((float(timestep), in_scale, *weights))
    return torch.tensor(rows)
