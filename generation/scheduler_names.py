"""The names of schedulers: AUTOMATIC1111's, which people know, with what each means in diffusers; and diffusers' classes.

Imports neither diffusers nor torch, so the bot can report errors at start.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def scheduler_names() -> frozenset[str]:
    """Returns the names; empty where diffusers is not installed."""
    spec = find_spec("diffusers")
    if spec is None or spec.origin is None:
        return frozenset()
    listed = Path(spec.origin).with_name("schedulers") / "__init__.py"
    names = re.findall(r'"(\w+Scheduler)"', listed.read_text(encoding="utf-8"))
    return frozenset(name for name in names if not name.startswith("Flax"))


@cache
def pipeline_names() -> frozenset[str]:
    """Returns the names of the pipeline classes; empty where diffusers is not installed."""
    spec = find_spec("diffusers")
    if spec is None or spec.origin is None:
        return frozenset()
    return frozenset(re.findall(r'"(\w+Pipeline)"', Path(spec.origin).read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedScheduler:
    """What a name means in diffusers: the class, and the values of its config that differ from the model's own."""

    class_name: str
    config: Mapping[str, object] = field(default_factory=dict[str, object])
    spacing: str = (
        "linspace"  # of the timesteps, where the model's own is not "trailing"; empty: the model's own
    )
    flow_class: str = ""  # for models of flow matching; empty: it does not suit them


def _named(class_name: str, *, flow: str = "", spacing: str = "linspace", **config: object) -> NamedScheduler:
    return NamedScheduler(class_name=class_name, config=config, spacing=spacing, flow_class=flow)


_MULTISTEP = "DPMSolverMultistepScheduler"
_UNIPC = "UniPCMultistepScheduler"


def _with_karras(
    name: str, class_name: str, *, flow: str = "", **config: object
) -> dict[str, NamedScheduler]:
    """Returns the scheduler, and the one with Karras' sigmas, which suits no flow model."""
    kinds = {name: (flow, False), f"{name} Karras": ("", True)}
    return {
        each: NamedScheduler(
            class_name=class_name, config={**config, "use_karras_sigmas": is_karras}, flow_class=own_flow
        )
        for each, (own_flow, is_karras) in kinds.items()
    }


SCHEDULERS: Mapping[str, NamedScheduler] = {
    "Euler": _named(
        "EulerDiscreteScheduler", flow="FlowMatchEulerDiscreteScheduler", use_karras_sigmas=False
    ),
    "Euler a": _named("EulerAncestralDiscreteScheduler"),
    "Heun": _named("HeunDiscreteScheduler", flow="FlowMatchHeunDiscreteScheduler", use_karras_sigmas=False),
    **_with_karras("LMS", "LMSDiscreteScheduler"),
    **_with_karras("DPM2", "KDPM2DiscreteScheduler"),
    **_with_karras("DPM2 a", "KDPM2AncestralDiscreteScheduler"),
    **_with_karras("DPM++ 2M", _MULTISTEP, flow=_MULTISTEP, algorithm_type="dpmsolver++", solver_order=2),
    **_with_karras("DPM++ 2M SDE", _MULTISTEP, algorithm_type="sde-dpmsolver++", solver_order=2),
    **_with_karras("DPM++ 3M SDE", _MULTISTEP, algorithm_type="sde-dpmsolver++", solver_order=3),
    "DDIM": _named("DDIMScheduler", spacing="leading", steps_offset=1),
    "PLMS": _named("PNDMScheduler", spacing="leading", steps_offset=1, skip_prk_steps=True),
    "UniPC": _named(_UNIPC, flow=_UNIPC, use_karras_sigmas=False),
    "LCM": _named("LCMScheduler", spacing=""),
    "TCD": _named("TCDScheduler", spacing=""),
}
"""The names that `schedulers` of a model takes. A1111's spacing of the timesteps is diffusers' "linspace"; a model of
zero-terminal-SNR is made for "trailing".

See https://huggingface.co/docs/diffusers/main/en/api/schedulers/overview for the names, and https://arxiv.org/abs/2305.08891 for
the spacing. A1111's "DPM++ SDE" needs a library of its own, and "DPM++ 2S a" is not in diffusers.
"""


def _normal(name: str) -> str:
    """Returns a form that ComfyUI's names share: `dpmpp_2m_karras`, `euler_ancestral`."""
    joined = re.sub(r"[\s_-]+", "", name.casefold())
    return joined.replace("dpmpp", "dpm++").replace("ancestral", "a")


_BY_NORMAL = {_normal(name): name for name in SCHEDULERS}


def find_scheduler(name: str) -> str | None:
    """Returns the name in SCHEDULERS that `name` is a spelling of."""
    return _BY_NORMAL.get(_normal(name))


def unsuitable(names: tuple[str, ...], model: str) -> str | None:
    """Returns the first scheduler that a folder's model can't use, by the class of its own. None for a source without one."""
    try:
        own = json.loads((Path(model) / "scheduler" / "scheduler_config.json").read_bytes())
        is_flow = str(own["_class_name"]).startswith("FlowMatch")
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return next(
        (name for name in names if is_flow and name in SCHEDULERS and not SCHEDULERS[name].flow_class), None
    )
