"""Whether a device computes in bfloat16. Processors that only emulate it are four times slower with it than in full precision."""

import torch


def has_bfloat16(device: str) -> bool:
    """`device`: a torch device type, such as "cpu"."""
    return device != "cpu" or bool(torch.cpu.get_capabilities().get("avx512_bf16"))
