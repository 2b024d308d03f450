"""A model in one file is recognised by its header, before torch is imported."""

import errno
import math
import pickle
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from generation.files.checkpoint import inspect_checkpoint
from generation.files.hub_cache import find_snapshot
from generation.files.model_source import inspect_entry
from generation.files.tensor_file import BrokenModelFolder
from generation.request import ModelEntry, ModelName
from tests.tiny_models import cut, tiny_flux, tiny_qwen_image, tiny_sd, tiny_sdxl

pytestmark = pytest.mark.slow

UNET = "model.diffusion_model.input_blocks.0.0.weight"
ATTENTION = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
CLIP = "text_model.embeddings.position_embedding.weight"


def file(path: Path, *names: str, **shapes: tuple[int, ...]) -> Path:
    """Writes a file whose tensors have these names, and shape (2, 2) or the one given."""
    wanted = dict.fromkeys(names, (2, 2)) | shapes
    save_file({name: torch.zeros(shape) for name, shape in wanted.items()}, path)
    return path


def entry(source: object, **more: Any) -> ModelEntry:
    return ModelEntry(name=ModelName("one"), source=str(source), licence="none", **more)


@pytest.mark.parametrize(
    ("names", "width", "architecture", "parts"),
    [
        ((UNET, f"cond_stage_model.transformer.{CLIP}"), 768, "Stable Diffusion 1", ("unet", "text_encoder")),
        (
            (UNET, "cond_stage_model.model.token_embedding.weight"),
            1024,
            "Stable Diffusion 2",
            ("unet", "text_encoder"),
        ),
        (
            (
                UNET,
                f"conditioner.embedders.0.transformer.{CLIP}",
                "conditioner.embedders.1.model.positional_embedding",
                "first_stage_model.decoder.conv_in.weight",
            ),
            2048,
            "Stable Diffusion XL",
            ("unet", "text_encoder", "text_encoder_2", "vae"),
        ),
        ((UNET,), 2048, "Stable Diffusion XL", ("unet",)),
        ((UNET,), 768, "Stable Diffusion 1", ("unet",)),
        (
            ("joint_blocks.0.context_block.adaLN_modulation.1.bias",),
            0,
            "Stable Diffusion 3",
            ("transformer",),
        ),
        (
            ("model.diffusion_model.double_blocks.0.img_attn.norm.key_norm.scale",),
            0,
            "FLUX.1",
            ("transformer",),
        ),
        (
            ("double_blocks.0.img_attn.norm.key_norm.scale", "distilled_guidance_layer.in_proj.bias"),
            0,
            "Chroma",
            ("transformer",),
        ),
        (("single_stream_modulation.lin.weight",), 0, "FLUX.2", ("transformer",)),
        (("layers.0.adaLN_modulation.0.weight", "cap_embedder.0.weight"), 0, "Z-Image", ("transformer",)),
    ],
)
def test_architectures_are_told_apart(
    names: tuple[str, ...], width: int, architecture: str, parts: tuple[str, ...], tmp_path: Path
) -> None:
    shapes = {ATTENTION: (2, width)} if width else {}
    found = inspect_checkpoint(str(file(tmp_path / "m.safetensors", *names, **shapes)))
    assert (found.architecture.name, found.parts) == (architecture, parts)


def test_weights_that_are_not_loaded_are_not_counted(tmp_path: Path) -> None:
    unet = {UNET: (3, 4), ATTENTION: (2, 768)}
    found = inspect_checkpoint(str(file(tmp_path / "m.safetensors", "model_ema.decay", **unet)))
    assert found.weights == 12 + 2 * 768
    flux = {"model.diffusion_model.double_blocks.0.img_attn.norm.key_norm.scale": (5,), "vae.x": (9,)}
    assert inspect_checkpoint(str(file(tmp_path / "f.safetensors", **flux))).weights == 5


def test_the_other_parts_are_counted_in_the_base(tmp_path: Path) -> None:
    base = tiny_sd(tmp_path / "base")
    whole = inspect_entry(entry(base)).bytes(2) or 0
    unet = inspect_entry(entry(base)).folder
    assert unet
    alone = file(tmp_path / "m.safetensors", **{UNET: (2, 4), ATTENTION: (2, 768)})
    assert inspect_entry(entry(alone, base=str(base))).bytes(2) == whole + 2 * (
        8 + 2 * 768 - unet.parts["unet"]
    )
    assert inspect_entry(entry(alone, base="owner/elsewhere")).bytes(2) is None


def gguf(shapes: dict[str, tuple[int, ...]], *, kind: int = 8, cut: int = 0) -> bytes:
    """Returns a GGUF file with tensors of these shapes. `kind`: 8 is Q8_0, with 34 bytes for 32 weights. `cut`: bytes that its
    end lacks.
    """

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), 3)
    head += text("general.architecture") + struct.pack("<I", 8) + text("tiny")
    head += text("tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b")
    head += text("general.alignment") + struct.pack("<II", 4, 64)
    end = 0
    for name, shape in shapes.items():
        head += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape[::-1])
        head += struct.pack("<IQ", kind, end)
        end += math.prod(shape) // 32 * 34
    return (head + bytes(-len(head) % 64 + end))[: -cut or None]


Z_IMAGE = "layers.0.adaLN_modulation.0.weight"
NESTED = (
    b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 2000
)
"""Two thousand lists inside each other."""


def test_a_gguf_file_is_recognised_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf({Z_IMAGE: (4, 64), "layers.1.x": (2, 32), "cap_pad_token": (32,)}))
    found = inspect_checkpoint(str(path))
    assert (found.architecture.name, found.parts, found.depths) == (
        "Z-Image",
        ("transformer",),
        {"n_layers": 2},
    )
    assert (found.weights, found.packed) == (256 + 64 + 32, (8 + 2 + 1) * 34)


def test_a_gguf_file_is_not_quantised_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.files.model_source.find_spec", str)  # every package is there
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf({Z_IMAGE: (4, 64)}))
    with pytest.raises(BrokenModelFolder, match="is quantised already"):
        inspect_entry(entry(path, base="owner/base", quantise="int8"))
    assert inspect_entry(entry(path, base="owner/base")).to_fetch == "owner/base"


@given(st.binary(max_size=300), st.integers(0, 200))
def test_damaged_gguf_files_are_one_sentence(noise: bytes, place: int) -> None:
    good = gguf({Z_IMAGE: (4, 64)})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "m.gguf"
        path.write_bytes(good[:place] + noise + good[place + len(noise) :])
        with suppress(BrokenModelFolder):
            inspect_checkpoint(str(path))


BROKEN: list[tuple[str, str, Any]] = [
    ("m.ckpt", "m.ckpt is a pickle (*.ckpt); such files may run code when they are read", b"x"),
    ("m.pt", "m.pt is a pickle (*.pt)", b"x"),
    ("m.bin", "m.bin is a pickle (*.bin)", b"x"),
    ("m.gguf", "m.gguf is cut off in its header (4 bytes)", b"GGUF"),
    ("m.gguf", "m.gguf is cut off in its header", gguf({Z_IMAGE: (4, 64)})[:90]),
    ("m.gguf", "m.gguf has 799 bytes where its header says 800", gguf({Z_IMAGE: (8, 64)}, cut=1)),
    ("m.gguf", "m.gguf is no GGUF file of version 2 or 3", b"GGUF" + bytes(4) + gguf({})[8:]),
    ("m.gguf", "m.gguf is no GGUF file of version 2 or 3", NESTED),
    ("m.gguf", "m.gguf is no GGUF file of version 2 or 3", gguf({Z_IMAGE: (1,) * 5})),
    ("m.safetensors", "is no safetensors file", struct.pack("<Q", 200_010) + b'{"a":' + b"[" * 200_005),
    ("m.safetensors", "Its weights have shapes of no U-Net", {UNET: ()}),
    ("m.safetensors", "Its weights have shapes of no U-Net", {UNET: (2, 4), ATTENTION: (3,)}),
    ("m.safetensors", "is no safetensors file", {"x": (1,) * 9}),
    ("m.gguf", "m.gguf is no GGUF file. ", b"another kind of file, of some length"),
    ("m.gguf", "m.gguf is a Git LFS pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
    ("m.gguf", "m.gguf is a pickle under another name", pickle.dumps({"a": 1})),
    ("m.gguf", "m.gguf is missing", None),
    ("m.gguf", "weights of the type IQ4_XS, which can't be read. Take", gguf({Z_IMAGE: (4, 64)}, kind=23)),
    ("m.gguf", "m.gguf holds transformer of Z-Image alone. Set `base`", gguf({Z_IMAGE: (4, 64)})),
    (
        "m.gguf",
        "Stable Diffusion XL can't be read from a GGUF file",
        gguf({UNET: (2, 4), ATTENTION: (2, 2048)}),
    ),
    ("m.gguf", "It holds a text encoder or a language model", gguf({"token_embd.weight": (4, 64)})),
    ("m.gguf", "It holds a text encoder or a language model", gguf({"enc.blk.0.attn_q.weight": (4, 64)})),
    ("m.gguf", "It holds no model that is known", gguf({"a.b": (4, 64)})),
    ("m.safetensors", "m.safetensors is a GGUF file under another name", gguf({Z_IMAGE: (4, 64)})),
    ("m.safetensors", "m.safetensors is a pickle under another name", pickle.dumps({"a": 1})),
    ("m.safetensors", "m.safetensors is missing", None),
    ("m.safetensors", "It is a LoRA, not a model", ["lora_unet_x.lora_down.weight"]),
    ("m.safetensors", "It holds a single part of a model", ["down_blocks.0.resnets.0.conv1.weight"]),
    ("m.safetensors", "It holds no model that is known", ["a.b"]),
    ("m.safetensors", "It takes more than latents (an inpainting model)", {UNET: (2, 9)}),
    ("m.safetensors", "It takes more than latents (a model that edits pictures)", {UNET: (2, 8)}),
    ("m.safetensors", "It is a refiner", {UNET: (2, 4), ATTENTION: (2, 1280)}),
    ("m.safetensors", "Its text is 5 wide", {UNET: (2, 4), ATTENTION: (2, 5)}),
    ("m.safetensors", "in its own way (EDM)", ["edm_mean", UNET]),
    (
        "m.safetensors",
        "quantised with scales of their own",
        {UNET: (2, 4), ATTENTION: (2, 768), "a.scale_weight": (1,)},
    ),
    (
        "m.safetensors",
        "m.safetensors holds unet of Stable Diffusion XL alone",
        {UNET: (2, 4), ATTENTION: (2, 2048)},
    ),
    (
        "m.safetensors",
        "m.safetensors holds transformer of Z-Image alone",
        ["layers.0.adaLN_modulation.0.weight"],
    ),
]


@pytest.mark.parametrize(("name", "said", "content"), BROKEN, ids=[said for _, said, _ in BROKEN])
def test_what_cannot_be_loaded_is_said_with_what_to_do(
    name: str, said: str, content: Any, tmp_path: Path
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        file(path, **content)
    elif content is not None:
        file(path, *content)
    with pytest.raises(BrokenModelFolder) as caught:
        inspect_entry(entry(path))
    assert said in str(caught.value)
    assert caught.value.advice.endswith(".")


def test_a_base_and_a_vae_that_do_not_fit_are_said(tmp_path: Path) -> None:
    alone = file(tmp_path / "m.safetensors", **{UNET: (2, 4), ATTENTION: (2, 2048)})
    sd, xl, dev = tiny_sd(tmp_path / "sd"), tiny_sdxl(tmp_path / "xl"), tiny_flux(tmp_path / "flux")
    schnell = file(tmp_path / "schnell.safetensors", "double_blocks.0.img_attn.norm.key_norm.scale")
    told = ("double_blocks.0.img_attn.norm.key_norm.scale", "guidance_in.in_layer.weight")
    deep = file(tmp_path / "deep.safetensors", *told, "double_blocks.1.x", "single_blocks.0.x")
    shallow = file(tmp_path / "shallow.safetensors", *told)
    cut_off = file(tmp_path / "vae.safetensors", "decoder.conv_in.weight")
    cut(cut_off, 60)
    whole = file(tmp_path / "whole.safetensors", "decoder.conv_in.weight")
    qwen = tiny_qwen_image(tmp_path / "qwen")
    for said, broken in (
        (
            "It is a StableDiffusionPipeline, and m.safetensors is Stable Diffusion XL",
            entry(alone, base=str(sd)),
        ),
        ("it is not the kind of schnell.safetensors", entry(schnell, base=str(dev))),
        ("1 blocks (num_layers) where deep.safetensors has 2", entry(deep, base=str(dev))),
        ("1 blocks (num_single_layers) where shallow.safetensors has 0", entry(shallow, base=str(dev))),
        ("A VAE in a GGUF file", entry(xl, vae=str(tmp_path / "vae.gguf"))),
        ("There is no such folder", entry(alone, base=str(tmp_path / "nowhere"))),
        ("The source is no single file", entry(xl, base=str(sd))),
        ("It holds no VAE", entry(xl, vae=str(alone))),
        ("vae.safetensors is cut off", entry(xl, vae=str(cut_off))),
        ("config.json is missing", entry(xl, vae=str(tmp_path))),
        ("one file, and the VAE of", entry(qwen, vae=str(whole))),
    ):
        with pytest.raises(BrokenModelFolder) as caught:
            inspect_entry(broken)
        assert said in str(caught.value)
    assert inspect_entry(entry(xl, vae=str(whole)))


def test_what_the_bots_user_may_not_look_at_and_names_that_are_too_long_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "b" * 300
    assert inspect_entry(entry(f"a/{long}")).to_fetch, "a hub's name, which it refuses"
    with pytest.raises(BrokenModelFolder, match="File name too long"):
        inspect_entry(entry(tmp_path / f"{long}.gguf"))

    def forbidden(_: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path))

    monkeypatch.setattr(Path, "is_dir", forbidden)  # as Python 3.11 does it
    assert find_snapshot("owner/name") is None
    with pytest.raises(BrokenModelFolder, match=r"Permission denied\. Let the bot's user"):
        inspect_entry(entry(tmp_path))


def test_a_header_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", 5 * 10**9))
        stream.truncate(6 * 10**9)
    with pytest.raises(BrokenModelFolder, match="is no safetensors file"):
        inspect_entry(entry(path))


def test_looking_needs_no_torch() -> None:
    program = "import sys, generation.files.model_source; sys.exit('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3], check=False).returncode
        == 0
    )
