"""The codec is linear, so it equals the bundled autoencoder's encoder. Its basis loses nothing that it can represent."""

from typing import Any

import pytest
import torch
from diffusers import AutoencoderTiny

from bot.studio.settings import BUNDLED_MODEL
from training.network.codec import COMPONENTS, SCALING_FACTOR, Codec, encoder_weights, fit, of_encoder


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    """Pictures (8, 3, 128, 128) in -1..1, smooth enough to have components."""
    noise = torch.rand((8, 3, 16, 16), generator=torch.Generator().manual_seed(0)) * 2 - 1
    return torch.nn.functional.interpolate(noise, size=128, mode="bilinear")


@pytest.fixture(scope="module")
def codec(pictures: torch.Tensor) -> Codec:
    return fit(pictures)


def test_latents_have_unit_variance_on_the_whole(codec: Codec, pictures: torch.Tensor) -> None:
    latents = codec.encode(pictures)
    assert latents.shape == (8, COMPONENTS, 16, 16)
    assert latents.square().mean().item() == pytest.approx(1.0, abs=0.05)


def test_what_the_components_can_say_is_said_again_exactly(codec: Codec, pictures: torch.Tensor) -> None:
    latents = codec.encode(pictures)
    # (n, 3, 64, 64) back to 128 px by repetition, which the box average reverses.
    again = codec.decode(latents).repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(codec.encode(again), latents, atol=1e-4, rtol=1e-4)


def test_the_encoder_of_diffusers_is_the_codec(codec: Codec, pictures: torch.Tensor) -> None:
    vae: Any = AutoencoderTiny(
        latent_channels=COMPONENTS,
        encoder_block_out_channels=(48,) * 4,
        decoder_block_out_channels=(8,) * 4,
        num_encoder_blocks=(0,) * 4,
        num_decoder_blocks=(1,) * 4,
        scaling_factor=SCALING_FACTOR,
    )
    vae.encoder.load_state_dict(encoder_weights(codec))
    with torch.no_grad():
        latents = vae.encode(pictures).latents * SCALING_FACTOR
    torch.testing.assert_close(latents, codec.encode(pictures), atol=1e-4, rtol=1e-4)


def test_the_bundled_model_reads_back_what_it_decodes() -> None:
    """Image-to-image depends on this: a flat colour survives encoding and decoding."""
    vae: Any = AutoencoderTiny.from_pretrained(BUNDLED_MODEL / "vae", torch_dtype=torch.float32)
    red = torch.tensor([0.7, -0.6, -0.6]).view(1, 3, 1, 1).expand(1, 3, 128, 128)
    with torch.no_grad():
        again = vae.decode(vae.encode(red).latents).sample
    assert (again - red)[..., 8:-8, 8:-8].abs().mean().item() < 0.1, "of a range of 2"


def test_the_codec_is_found_again_in_an_encoder(codec: Codec, pictures: torch.Tensor) -> None:
    again = of_encoder(encoder_weights(codec))
    torch.testing.assert_close(again.encode(pictures), codec.encode(pictures), atol=1e-4, rtol=1e-4)
