"""Recognises an IP-Adapter, which lets a U-Net draw in the style of a picture, by names and shapes. Imports no torch, so the
bot can report errors at start.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from generation.files.model_folder import read_json
from generation.files.tensor_file import BrokenModelFolder, read_shapes

ENCODER = "image_encoder"
"""The folder beside the file, with the CLIP that looks at the picture."""
_WEIGHTS = "model.safetensors"
_ADVICE = f"Set `style_adapter` to the .safetensors file of an IP-Adapter for this model, with the folder {ENCODER}/ beside it."
_KEY = re.compile(r"ip_adapter\.(\d+)\.to_([kv])_ip\.weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterFile:
    path: Path
    width: int  # of the text that the U-Net attends to
    numbers: tuple[
        int, ...
    ]  # of the layers in the file, ascending; one for each layer of the U-Net that attends to text
    weights: int  # parameters, of the image encoder too

    @property
    def encoder(self) -> Path:
        return self.path.parent / ENCODER


def inspect_style_adapter(source: str) -> AdapterFile:
    """Raises BrokenModelFolder."""
    path = Path(source)
    if path.suffix.lower() != ".safetensors" or not path.is_file():
        what = "There is no such file." if path.suffix else "It is no file."
        if path.is_file():
            what = f"{path.name} is no .safetensors file; other kinds may run code when they are read."
        raise BrokenModelFolder(source, what, _ADVICE)
    shapes = read_shapes(source, path)
    found = [match for name in shapes if (match := _KEY.fullmatch(name))]
    keys, values = ({int(each[1]) for each in found if each[2] == kind} for kind in "kv")
    if not keys or keys != values:
        raise BrokenModelFolder(source, f"{path.name} holds no IP-Adapter.", _ADVICE)
    projection = {name.removeprefix("image_proj.") for name in shapes if name.startswith("image_proj.")}
    # Those for faces (Face ID, Full Face) look at a face that another program finds.
    if not {"proj.weight", "latents"} & projection:
        raise BrokenModelFolder(
            source, f"{path.name} is an IP-Adapter of another kind, such as for faces.", _ADVICE
        )
    (widths,) = [{shapes[each[0]][-1] for each in found}]
    if len(widths) != 1:
        raise BrokenModelFolder(source, f"The layers of {path.name} have several widths.", _ADVICE)
    file = AdapterFile(path=path, width=widths.pop(), numbers=tuple(sorted(keys)), weights=0)
    weights = _encoder_weights(source, file.encoder, shapes)
    own = sum(map(prod, shapes.values()))
    return AdapterFile(path=path, width=file.width, numbers=file.numbers, weights=own + weights)


def check_adapter_fit(source: str, file: AdapterFile, unet: Mapping[str, object]) -> None:
    """Raises BrokenModelFolder if it was made for another U-Net. `unet`: its configuration; empty for another denoiser."""
    if not unet:
        raise BrokenModelFolder(
            source, "This model has no U-Net, and takes no IP-Adapter.", "Remove `style_adapter`."
        )
    wanted = unet.get("cross_attention_dim")
    if isinstance(wanted, int) and wanted != file.width:
        what = f"It was made for texts {file.width} wide where the model's are {wanted}."
        raise BrokenModelFolder(source, what, _ADVICE)


def _encoder_weights(source: str, folder: Path, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Returns the number of the image encoder's parameters, after checking that the adapter was made for it."""
    if not (folder / _WEIGHTS).is_file():
        raise BrokenModelFolder(source, f"{ENCODER}/{_WEIGHTS} is missing beside it.", _ADVICE)
    config = read_json(source, folder / "config.json")
    wide, key = (
        ("proj.weight", "projection_dim")
        if "image_proj.proj.weight" in shapes
        else ("proj_in.weight", "hidden_size")
    )
    wanted = shapes.get(f"image_proj.{wide}", (0,))[-1]
    if config.get(key) != wanted:
        what = f"{ENCODER}/ gives {config.get(key)} numbers for a picture where the adapter takes {wanted}."
        raise BrokenModelFolder(source, what, _ADVICE)
    return sum(map(prod, read_shapes(source, folder / _WEIGHTS).values()))
