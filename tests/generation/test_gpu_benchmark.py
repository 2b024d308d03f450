"""The benchmark that waits for a GPU runs from end to end; what it measures on a CPU means nothing."""

from __future__ import annotations

import json

import pytest
import torch

from benchmarks import gpu

# diffusers casts these models after they were made, and torch.compile looks at its own deprecated parts.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.timeout(400),
]


def test_the_whole_script_runs_with_tiny_models_and_reports_every_figure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert gpu.main(["--smoke"]) == 0
    out = capsys.readouterr().out
    report = json.loads(out[: out.index("\n}\n") + 2])
    assert report["benchmark"] == "gpu, smoke"
    for figures in report["results"]:
        assert figures["loop at saturation"] > 0
        assert 0 < figures["share of wall time inside the model"] < 1
        assert figures["least PSNR against the pipeline"] > 40
        assert figures["first preview p95"] > 0
        assert figures["loop compiled"] > 0
    assert "no time left" not in out
    torch.compiler.reset()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, on which it would run for minutes")
def test_without_a_gpu_it_says_so_and_measures_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main([]) == 2
    assert "no CUDA device" in capsys.readouterr().out
