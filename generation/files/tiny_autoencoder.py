"""Recognises the decoder of a tiny autoencoder (TAESD), which draws previews, by names and shapes. Imports no torch, so the bot
can report errors at start.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from generation.files.model_folder import inspect_part, read_json
from generation.files.tensor_file import BrokenModelFolder, read_shapes

CLASS = "AutoencoderTiny"
PREFIX = "decoder.layers."
"""How diffusers' names of the decoder begin. In the files of https://github.com/madebyollin/taesd the decoder is a file of its
own, without a prefix, and its numbers are larger by one.
"""

_ADVICE = "Set `preview` to the file or folder of a TAESD for this model: taesd, taesdxl, taesd3 or taef1."
_LAYER = re.compile(r"(\d+)\.(?:(?:conv\.\d+|skip)\.)?(?:weight|bias)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyDecoder:
    """What the names and shapes say of a decoder."""

    channels: int  # of the latents
    blocks: tuple[int, ...]  # their number before each enlargement by two, and after the last
    widths: tuple[int, ...]  # of these blocks, in channels

    @property
    def scale(self) -> int:
        """Returns pixels on each side of a latent."""
        return 2 ** (len(self.blocks) - 1)


def inspect_tiny(source: str) -> TinyDecoder:
    """Checks a file or a folder in diffusers' layout. Raises BrokenModelFolder."""
    path = Path(source)
    if path.is_dir():
        inspect_part(source, path.absolute())
        config: Mapping[str, Any] = read_json(source, path.absolute() / "config.json")
        if config.get("_class_name") != CLASS:
            raise BrokenModelFolder(
                source, f"It is of the class {config.get('_class_name')}, not {CLASS}.", _ADVICE
            )
        try:
            return TinyDecoder(
                channels=config.get("latent_channels", 4),
                blocks=tuple(config.get("num_decoder_blocks", (3, 3, 3, 1))),
                widths=tuple(config.get("decoder_block_out_channels", (64,) * 4)),
            )
        except TypeError:
            raise BrokenModelFolder(
                source, "Its config.json has a number in place of a list.", _ADVICE
            ) from None
    if path.suffix.lower() != ".safetensors":
        reason = f"{path.name} is no folder and no .safetensors file."
        raise BrokenModelFolder(source, reason, _ADVICE)
    found = _decoder(read_shapes(source, path))
    if found is None:
        raise BrokenModelFolder(source, f"{path.name} holds no decoder of an {CLASS}.", _ADVICE)
    return found


def check_fit(source: str, tiny: TinyDecoder, vae: Mapping[str, Any]) -> None:
    """Raises BrokenModelFolder if it decodes other latents than the model's. `vae`: the configuration of the model's VAE."""
    name = vae.get("_class_name")
    if name not in ("AutoencoderKL", CLASS):
        what = f"The model's VAE is of the class {name}, for which diffusers has no tiny one."
        raise BrokenModelFolder(source, what, "Remove `preview`.")
    if (wanted := vae.get("latent_channels")) != tiny.channels:
        what = f"Its latents have {tiny.channels} channels where the model's have {wanted}."
        raise BrokenModelFolder(source, what, _ADVICE)
    blocks = vae.get("block_out_channels" if name == "AutoencoderKL" else "decoder_block_out_channels")
    if not isinstance(blocks, list | tuple):
        what = "The configuration of the model's VAE does not say how much it enlarges."
        raise BrokenModelFolder(source, what, "Remove `preview`.")
    if (scale := 2 ** (len(blocks) - 1)) != tiny.scale:
        what = f"Its latents have {tiny.scale} pixels on each side where the model's have {scale}."
        raise BrokenModelFolder(source, what, _ADVICE)


def decoder_names(names: list[str]) -> dict[str, str]:
    """Returns the decoder's names in diffusers' numbers, each with its name in the file."""
    own = {name.removeprefix(PREFIX): name for name in names if name.startswith(PREFIX)}
    if own:
        return {short: name for short, name in own.items() if _LAYER.fullmatch(short)}
    numbered = {name: name.partition(".") for name in names if _LAYER.fullmatch(name)}
    return {f"{int(number) - 1}.{rest}": name for name, (number, _, rest) in numbered.items()}


def _decoder(shapes: Mapping[str, tuple[int, ...]]) -> TinyDecoder | None:
    names = decoder_names(list(shapes))
    layers = {name: shapes[original] for name, original in names.items() if name.endswith("weight")}
    plain = {int(name.split(".")[0]): shape for name, shape in layers.items() if name.count(".") == 1}
    blocks = {int(name.split(".")[0]) for name in layers if ".conv.0." in name}
    places = sorted(plain)
    if len(places) < 2 or places[0] != 0 or plain[places[-1]][:1] != (3,):
        return None
    if any(len(shape) != 4 for shape in layers.values()):
        return None
    return TinyDecoder(
        channels=plain[0][1],
        blocks=tuple(sum(start < block < end for block in blocks) for start, end in pairwise(places)),
        widths=tuple(plain[place][1] for place in places[1:]),
    )
