"""The interface of a model family, and what most families share. The step calls every family like diffusers' U-Net."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from generation.prompt import PromptText
from generation.request import ImageSize
from generation.worker.denoise.prompt_encoding import ClipEncoding, Encoded
from generation.worker.denoise.schedulers import Timing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LatentScale:
    """How the denoiser's latents follow from the VAE's: (raw - mean) * factor / deviation."""

    mean: float | Tensor = 0.0
    deviation: float | Tensor = 1.0
    factor: float = 1.0


class ModelFamily:
    """The interface of a family, for one pipeline."""

    STARTS: ClassVar[bool] = True  # from a picture, as the sibling pipeline does
    MASKS: ClassVar[bool] = True
    TAKES_NEGATIVE: ClassVar[bool] = True  # with classifier-free guidance
    WEIGHS_WORDS: ClassVar[bool] = False  # `(word:1.3)` in a prompt
    IS_RECORDED: ClassVar[bool] = True  # its denoiser's call can be replayed by `CudaGraphs`
    REFERENCES: ClassVar[bool] = False  # `references` makes tokens of pictures that the prompt speaks of
    RESCALES: ClassVar[bool] = False  # `rescaled` does something
    HAS_FRAMES: ClassVar[bool] = False  # its VAE takes videos: a picture is one frame

    unet: Any  # called like UNet2DConditionModel
    channels: int  # of its latents
    multiple: int  # pixels: width and height must be multiples of it
    scale: int  # pixels on each side of a latent
    clip_skip: int | None = None  # the argument of `encode_prompt`
    clip: ClipEncoding | None = None  # weighs words and reads long prompts; None: the model can do neither

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe
        self.scale = pipe.vae_scale_factor

    @property
    def is_fitting(self) -> bool:
        """Returns whether the denoiser takes the VAE's latents and nothing more."""
        return self.channels == self._pipe.vae.config.latent_channels

    def chunks(self, texts: Sequence[PromptText]) -> int:
        """Returns how often a text encoder's window must be filled for the longest of a picture's texts."""
        return self.clip.chunks(texts) if self.clip else 1

    def encode(self, text: PromptText, negative: PromptText, is_guided: bool, chunks: int) -> list[Encoded]:
        """Returns the embeddings of the text and, if guided, of the negative."""
        if self.clip:
            return self.clip.encode(text, negative, is_guided, chunks, self.clip_skip)
        return self.encode_plain(text.plain, negative.plain, is_guided)

    def encode_plain(self, text: str, negative: str, is_guided: bool) -> list[Encoded]:
        """Does the same without weights and chunks, as the family's pipeline does."""
        return encode(self._pipe, text, negative, is_guided, **self._skipping)

    @property
    def _skipping(self) -> dict[str, Any]:
        return {} if self.clip_skip is None else {"clip_skip": self.clip_skip}

    def levelled(self, encoded: list[Encoded]) -> list[Encoded]:
        """Returns the rows of one picture with texts of one shape."""
        return encoded

    def extent(self, tokens: int, size: ImageSize) -> tuple[int, int, int] | None:
        """Returns a row's tokens of text, and its height and width in latents, if the denoiser takes lists; otherwise None."""
        return None

    def state_shape(self, latent_shape: tuple[int, int, int], side: int) -> tuple[int, ...]:
        """Returns the shape that a picture has in the batch state; pictures of one shape share steps. A larger one of height 1
        holds the latents in a line. `side`: pixels of the model's own square.
        """
        return latent_shape

    def references(self, latents: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Returns the tokens of reference pictures, (tokens, channels), and their positions, (tokens, axes).

        Only with REFERENCES.
        `latents`: (channels, height, width) of each picture; their sizes may differ.
        """
        raise NotImplementedError

    def time_ids(self, size: ImageSize) -> Tensor | None:
        return None

    def told_guidance(self, scale: float) -> Tensor | None:
        """Returns the guidance input of a distilled model, which needs no second row for guidance; None for others."""
        return None

    def weight(self, guidance: float) -> float:
        """Returns the weight of the prompt's row beside the negative's, whose weight is 1 minus it. 1: there is no second row."""
        return guidance if guidance > 1 else 1.0

    def rescaled(self, output: Tensor, unguided: Tensor) -> Tensor:
        """Returns the guided output, (slots, channels, height, width), as the model's pipeline changes it then. `unguided`: the
        output without guidance.
        """
        return output

    def timing(self, latent_shape: tuple[int, ...], steps: int) -> Timing:
        return Timing()

    def latent_scale(self) -> LatentScale:
        return scale_of(self._pipe.vae)

    def to_vae(self, latents: Tensor) -> Tensor:
        return latents

    def from_vae(self, raw: Tensor) -> Tensor:
        return raw


def scale_of(vae: Any) -> LatentScale:
    """Returns the scale as flow-matching pipelines take it from a VAE's configuration."""
    return LatentScale(
        mean=float(vae.config.get("shift_factor") or 0.0), factor=float(vae.config.scaling_factor)
    )


def encode(pipe: Any, text: str, negative: str, is_guided: bool, **more: Any) -> list[Encoded]:
    encoded: Any = pipe.encode_prompt(
        text,
        device=pipe.text_encoder.device,  # the pipeline's own `device` is that of any one of its modules
        num_images_per_prompt=1,
        do_classifier_free_guidance=is_guided,
        # None, not "", for no negative prompt: SDXL's base model then uses zeros, as in its training.
        negative_prompt=negative or None,
        **more,
    )
    # Stable Diffusion: prompt, negative. XL and 3: prompt, negative, pooled prompt, pooled negative.
    texts, pooled = encoded[:2], encoded[2:] or (None, None)
    return [
        (rows[0], None if pool is None else pool[0])
        for rows, pool in zip(texts, pooled, strict=True)
        if rows is not None  # the negative of an unguided prompt
    ]


def shifted(
    scheduler: Any, latent_shape: tuple[int, ...], patch: int, *, max_shift: float, is_even: bool
) -> Timing:
    """Shifts the schedule towards noise for pictures with more tokens, as `calculate_shift` of diffusers' pipelines."""
    config = scheduler.config
    mu = None
    if config.get("use_dynamic_shifting"):
        tokens = (latent_shape[1] // patch) * (latent_shape[2] // patch)
        few, many = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
        low, high = config.get("base_shift", 0.5), config.get("max_shift", max_shift)
        mu = low + (high - low) * (tokens - few) / (many - few)
    return Timing(mu=mu, is_even=is_even and not config.get("use_flow_sigmas"), rounds_up=True)


def tokens_of(latents: Tensor) -> Tensor:
    """Returns (n, height / 2 * width / 2, channels * 4): 2 x 2 latents are one token, as in `_pack_latents` of FLUX.1."""
    rows, channels, height, width = latents.shape
    cut = latents.view(rows, channels, height // 2, 2, width // 2, 2)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(rows, height * width // 4, channels * 4)


def latents_of(tokens: Tensor, height: int, width: int) -> Tensor:
    """Undoes `tokens_of`. `height`, `width`: in latents."""
    cut = tokens.view(len(tokens), height // 2, width // 2, -1, 2, 2)
    return cut.permute(0, 3, 1, 4, 2, 5).reshape(len(tokens), -1, height, width)


def grid(height: int, width: int, axes: int) -> Tensor:
    """Returns (height * width, axes): the positions of tokens, with the row in axis 1 and the column in axis 2."""
    places = torch.zeros(height, width, axes)
    places[..., 1] = torch.arange(height)[:, None]
    places[..., 2] = torch.arange(width)
    return places.view(height * width, axes)


def padded(parts: Sequence[Tensor], multiple: int) -> list[Tensor]:
    """Pads the first dimension of all with zeros to one multiple of `multiple`."""
    longest = max(len(part) for part in parts)
    count = -(-longest // multiple) * multiple
    return [F.pad(part, (0, 0) * (part.ndim - 1) + (0, count - len(part))) for part in parts]


class Places:
    """Positions for the model's call. Made on the CPU and copied to the device once for each size, so that no step waits."""

    def __init__(self) -> None:
        self._known: dict[object, Tensor] = {}

    def of(self, key: object, like: Tensor, make: Callable[[], Tensor]) -> Tensor:
        """Returns the positions on the device of `like`, with its dtype."""
        known = (key, like.device, like.dtype)
        if known not in self._known:
            self._known[known] = make().to(like.device, like.dtype)
        return self._known[known]
