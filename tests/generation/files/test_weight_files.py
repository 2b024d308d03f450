"""Which files are loaded, by their names."""

import pytest

from generation.files.weight_files import NoCommonVariant, common_variant, weights_of


@pytest.mark.parametrize(
    ("names", "variant", "loaded"),
    [
        (["diffusion_pytorch_model.safetensors"], None, ["diffusion_pytorch_model.safetensors"]),
        (
            ["diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.safetensors"],
            "fp16",
            ["diffusion_pytorch_model.fp16.safetensors"],
        ),
        (  # without its variant, the plain files serve
            ["diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.non_ema.safetensors"],
            "fp16",
            ["diffusion_pytorch_model.safetensors"],
        ),
        (
            [f"diffusion_pytorch_model.fp16-0000{n}-of-00002.safetensors" for n in (2, 1)],
            "fp16",
            [f"diffusion_pytorch_model.fp16-0000{n}-of-00002.safetensors" for n in (1, 2)],
        ),
        (  # as older versions of diffusers wrote them
            [f"diffusion_pytorch_model-0000{n}-of-00002.fp16.safetensors" for n in (1, 2)],
            "fp16",
            [f"diffusion_pytorch_model-0000{n}-of-00002.fp16.safetensors" for n in (1, 2)],
        ),
        (["model.safetensors", "flux1-dev.safetensors", "diffusion_pytorch_model.bin"], None, []),
    ],
)
def test_the_files_of_a_variant(names: list[str], variant: str | None, loaded: list[str]) -> None:
    assert list(weights_of(names, "diffusers").of(variant)) == loaded


def test_the_variant_is_the_one_that_every_part_can_be_loaded_with() -> None:
    unet = weights_of(
        ["diffusion_pytorch_model.bf16.safetensors", "diffusion_pytorch_model.fp16.safetensors"], "diffusers"
    )
    vae = weights_of(["diffusion_pytorch_model.safetensors"], "diffusers")
    text = weights_of(["model.bf16.safetensors"], "transformers")
    other = weights_of(["model.fp8.safetensors"], "transformers")
    assert common_variant({"vae": vae}) is None
    assert common_variant({"unet": unet, "vae": vae}) == "fp16"
    assert common_variant({"unet": unet, "vae": vae, "text_encoder": text}) == "bf16"
    with pytest.raises(NoCommonVariant) as caught:
        common_variant({"unet": unet, "vae": vae, "text_encoder": other})
    assert caught.value.has == {"unet": ("bf16", "fp16"), "text_encoder": ("fp8",)}
