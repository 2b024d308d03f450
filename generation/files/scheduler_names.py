"""The names of diffusers' classes. Imports neither diffusers nor torch, so the bot can report errors at start."""

import re
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
