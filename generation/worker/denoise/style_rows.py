"""Style pictures in a batch: rows with one, with another, and with none share a call of the U-Net.

A row's picture is a few tokens. Attentions to the text see them too, with keys and values of their own. They add the result,
times the row's strength. A row without a picture gets tokens of zeros. Their values are zeros too, because `to_v_ip` has no
bias, so exactly nothing is added. See https://arxiv.org/abs/2308.06721.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STYLES = "cross_attention_kwargs"
"""The U-Net's argument for them; missing in a step where no row has a picture.

diffusers passes its names on to those attentions whose processors take them, and says nothing about the others.
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StyleTokens:
    """What one row sees of its picture."""

    tokens: Tensor  # (tokens, width), model dtype
    strength: float  # 0: nothing; 1: as much as the adapter was trained with


def style_arguments(rows: Sequence[StyleTokens | None], device: torch.device) -> dict[str, Any]:
    """Returns the U-Net's argument for these rows; empty if none has a picture."""
    like = next((row for row in rows if row is not None), None)
    if like is None:
        return {}
    nothing = torch.zeros_like(like.tokens)
    strengths = torch.tensor([0.0 if row is None else row.strength for row in rows])
    if device.type == "cuda":
        strengths = strengths.pin_memory()
    told = {
        "tokens": torch.stack([nothing if row is None else row.tokens for row in rows]),
        "strengths": strengths.to(device, non_blocking=True),
    }
    return {STYLES: {"ip_hidden_states": told}}


class StyleAttention(nn.Module):
    """A processor of diffusers for an attention to text that also sees a style picture."""

    def __init__(self, plain: Any, to_k: Tensor, to_v: Tensor) -> None:
        """`plain`: the processor for calls without a picture. `to_k`, `to_v`: (hidden, width)."""
        super().__init__()
        self._plain = plain
        self.to_k_ip, self.to_v_ip = (nn.Linear(*reversed(each.shape), bias=False) for each in (to_k, to_v))
        self.to_k_ip.weight, self.to_v_ip.weight = nn.Parameter(to_k), nn.Parameter(to_v)

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        ip_hidden_states: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """`hidden_states`: (rows, places, hidden). `encoder_hidden_states`: (rows, tokens, width)."""
        if ip_hidden_states is None or encoder_hidden_states is None:
            return self._plain(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
        rows, places, _ = hidden_states.shape
        mask: Any = None
        if attention_mask is not None:
            mask = attn.prepare_attention_mask(attention_mask, encoder_hidden_states.shape[1], rows)
            mask = mask.view(rows, attn.heads, -1, mask.shape[-1])

        def heads(projected: Tensor) -> Tensor:
            return projected.view(rows, -1, attn.heads, projected.shape[-1] // attn.heads).transpose(1, 2)

        query = heads(attn.to_q(hidden_states))
        key, value = heads(attn.to_k(encoder_hidden_states)), heads(attn.to_v(encoder_hidden_states))
        drawn = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        picture = ip_hidden_states["tokens"]
        seen = F.scaled_dot_product_attention(
            query, heads(self.to_k_ip(picture)), heads(self.to_v_ip(picture))
        )
        drawn = drawn + ip_hidden_states["strengths"].to(seen.dtype).view(-1, 1, 1, 1) * seen
        out = attn.to_out[1](attn.to_out[0](drawn.transpose(1, 2).reshape(rows, places, -1)))
        if attn.residual_connection:
            out = out + hidden_states
        return out / attn.rescale_output_factor
