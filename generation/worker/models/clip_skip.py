"""The layer of CLIP that a model's text encoder is read at."""

from typing import Any


def layers_skipped(pipe: Any, clip_skip: int) -> int | None:
    """Returns the argument of diffusers' pipelines for the layer `clip_skip`, counted from the last; None: the model's own.

    Pipelines with several encoders read the last layer but one without it, and count from there.
    """
    own = 2 if hasattr(pipe, "text_encoder_2") else 1
    return clip_skip - own if clip_skip > own else None


def name_text_model(pipe: Any) -> None:
    """Gives the text encoder the name by which diffusers finds its last norm for `clip_skip`; transformers 5 dropped it."""
    encoder = getattr(pipe, "text_encoder", None)
    if encoder is not None and hasattr(encoder, "final_layer_norm") and not hasattr(encoder, "text_model"):
        encoder.__dict__["text_model"] = encoder  # no submodule: it would contain itself
