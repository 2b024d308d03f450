"""Which of a component's weight files are loaded, by their names alone. Knows no folder, so it also reads a hub's list of
files.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

STEMS = {"diffusers": "diffusion_pytorch_model", "transformers": "model"}
"""Library -> the name that it gives to weights, before the first dot. Files with other names are never loaded."""

_FAVOURITES = ("fp16", "bf16", "fp32")
# diffusion_pytorch_model.fp16-00001-of-00002.safetensors; older files have the variant after the numbers.
_NAME = re.compile(
    r"(?P<stem>[^.]+?)(?:\.(?P<variant>[\w-]+?))?(?P<shard>-\d{5}-of-\d{5})?(?:\.(?P<late>[\w-]+))?\.safetensors"
)


@dataclass(frozen=True, slots=True)
class Weights:
    """The weight files of one component, by variant. None stands for files without a variant."""

    by_variant: Mapping[str | None, tuple[str, ...]]

    def of(self, variant: str | None) -> tuple[str, ...]:
        """Returns the files that diffusers loads when a pipeline is loaded with this variant."""
        return self.by_variant.get(variant) or self.by_variant.get(None, ())


@dataclass(eq=False)
class NoCommonVariant(Exception):
    """Two components have no variant in common."""

    has: Mapping[str, tuple[str, ...]]  # component -> its variants, where it has no files without one


def weights_of(names: Iterable[str], library: str) -> Weights:
    """Sorts the *.safetensors names of one component's folder. `library`: that of its class."""
    stem = STEMS.get(library)
    found: dict[str | None, list[tuple[str, bool]]] = {}
    for name in sorted(names):
        match = _NAME.fullmatch(name)
        if match and stem in (None, match["stem"]):
            variant = match["variant"] or match["late"]
            found.setdefault(variant, []).append((name, match["shard"] is not None))
    return Weights({variant: _loaded(files) for variant, files in found.items()})


def common_variant(components: Mapping[str, Weights]) -> str | None:
    """Returns the variant to load a pipeline with; None: the files without one. Raises NoCommonVariant."""
    bound = {name: each.by_variant for name, each in components.items() if None not in each.by_variant}
    if not bound:
        return None
    common = set[str | None].intersection(*(set(each) for each in bound.values()))
    names = sorted(name for name in common if name)
    if not names:
        raise NoCommonVariant({name: tuple(sorted(filter(None, each))) for name, each in bound.items()})
    # Weights before averaging (non_ema) make worse pictures.
    return next((name for name in (*_FAVOURITES, *names) if name in names and name != "non_ema"), names[0])


def _loaded(files: list[tuple[str, bool]]) -> tuple[str, ...]:
    """Returns the one whole file, or all shards: a folder may hold both."""
    whole = [name for name, is_shard in files if not is_shard]
    return tuple(whole[:1] or [name for name, _ in files])
