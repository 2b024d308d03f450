"""Converts pictures to latents and back, by principal components.

A picture of 128 px is box-averaged to 64 px and cut into 4 × 4 px patches of 48 numbers. Each patch is projected onto its 12
leading components: latents (12, 16, 16). The projection is linear, so it is also the encoder of a diffusers `AutoencoderTiny`
(see `encoder_weights`). Image-to-image therefore needs no code of the project. The decoder is learnt (training/decoder.py).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

COMPONENTS: Final = 12
PATCH: Final = 4  # pixels of the 64 px picture
# AutoencoderTiny's decoder compresses its input by 3 tanh(x / 3). Halved latents pass almost unchanged.
SCALING_FACTOR: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    mean: Tensor  # (48,), mean patch of pictures in -1..1, channel-major like F.unfold
    basis: Tensor  # (48, 12), orthonormal columns
    scale: Tensor  # (12,), the length of one unit of each latent in the basis

    def encode(self, pictures: Tensor) -> Tensor:
        """Encodes pictures (n, 3, 128, 128) in -1..1 to latents (n, 12, 16, 16) of about unit variance."""
        small = F.avg_pool2d(pictures, 2)
        count, _, height, width = small.shape
        patches = F.unfold(small, PATCH, stride=PATCH).transpose(1, 2)  # (n, 256, 48)
        latents = (patches - self.mean) @ self.basis / self.scale
        return latents.transpose(1, 2).reshape(count, -1, height // PATCH, width // PATCH)

    def decode(self, latents: Tensor) -> Tensor:
        """Decodes latents (n, 12, 16, 16) with the components alone to (n, 3, 64, 64)."""
        count, channels, height, width = latents.shape
        flat = latents.reshape(count, channels, -1).transpose(1, 2) * self.scale
        patches = (flat @ self.basis.T + self.mean).transpose(1, 2)
        return F.fold(patches, (height * PATCH, width * PATCH), PATCH, stride=PATCH)

    def save(self, path: Path) -> None:
        tensors = {"mean": self.mean, "basis": self.basis, "scale": self.scale}
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)

    @classmethod
    def load(cls, path: Path) -> "Codec":
        return cls(**load_file(path))


def fit(pictures: Tensor) -> Codec:
    """Fits the components of pictures (n, 3, 128, 128) in -1..1.

    Each latent is divided by the square root of its deviation, not by the deviation. This half whitening keeps the coarse colours
    stronger than the texture. The mean square over all latents is 1.
    """
    small = F.avg_pool2d(pictures, 2)
    patches = F.unfold(small, PATCH, stride=PATCH).transpose(1, 2).flatten(0, 1)
    mean = patches.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov((patches - mean).T))
    deviation = values.flip(0)[:COMPONENTS].sqrt()
    root = deviation.sqrt()
    return Codec(
        mean=mean,
        basis=vectors.flip(1)[:, :COMPONENTS].contiguous(),
        scale=root * root.square().mean().sqrt(),
    )


def of_encoder(weights: dict[str, Tensor]) -> Codec:
    """Recovers the codec from an encoder's state dict made by `encoder_weights`, to the precision of its weights.

    Its mean contains only the part inside the components, which is all that encoding needs.
    """
    project = weights["layers.4.weight"][:, :, 1, 1].float() / 2  # (12, 48): basis.T × gain
    gain = project.norm(dim=1)
    basis = (project / gain[:, None]).T.contiguous()
    along = -weights["layers.4.bias"].float() / gain - basis.sum(0)
    return Codec(mean=basis @ along, basis=basis, scale=1 / (gain * SCALING_FACTOR))


def encoder_weights(codec: Codec) -> dict[str, Tensor]:
    """Returns the codec as the encoder of AutoencoderTiny(encoder_block_out_channels=(48,) * 4, no blocks).

    Layers: 3 × 3 conv (identity) → stride 2 (box average) → stride 2, stride 2 (space to depth, each output channel one pixel of
    the patch) → 3 × 3 conv (projection). A strided 3 × 3 kernel with padding 1 is centred on pixel 2i, so its taps 1 and 2 are
    the pair (2i, 2i + 1). The encoder first maps its input from -1..1 to 0..1. It leaves the scaling factor to the pipeline.
    """
    width = 3 * PATCH * PATCH
    identity, average, fold_one, fold_two = (torch.zeros(width, width, 3, 3) for _ in range(4))
    for c in range(3):
        identity[c, c, 1, 1] = 1
        average[c, c, 1:, 1:] = 0.25
        for y in range(PATCH):
            for x in range(PATCH):
                inner = c * 4 + (y % 2) * 2 + x % 2  # after the first fold: (c, y mod 2, x mod 2)
                fold_one[inner, c, 1 + y % 2, 1 + x % 2] = 1
                outer = (c * PATCH + y) * PATCH + x  # F.unfold's order
                fold_two[outer, inner, 1 + y // 2, 1 + x // 2] = 1
    gain = 1 / (codec.scale * SCALING_FACTOR)
    project = torch.zeros(COMPONENTS, width, 3, 3)
    project[:, :, 1, 1] = 2 * (codec.basis * gain).T
    return {
        "layers.0.weight": identity[:, :3].contiguous(),
        "layers.0.bias": torch.zeros(width),
        "layers.1.weight": average,
        "layers.2.weight": fold_one,
        "layers.3.weight": fold_two,
        "layers.4.weight": project,
        "layers.4.bias": -((1 + codec.mean) @ codec.basis) * gain,
    }
