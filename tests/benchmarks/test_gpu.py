"""The GPU benchmark runs from end to end. Its figures on a CPU mean nothing."""

import json
import re
from pathlib import Path

import pytest
import torch

from benchmarks.gpu.__main__ import NAMES, main
from benchmarks.gpu.bench import warm
from benchmarks.gpu.record import KEPT

# diffusers casts these models after creating them, and torch.compile reads its own deprecated parts.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.timeout(400),
]


def test_every_part_runs_with_tiny_models_and_reports_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--smoke"]) == 0
    out = capsys.readouterr().out
    report = {name: part["figures"] for name, part in json.loads(out[: out.index("\n}\n") + 2]).items()}
    assert list(report) == NAMES
    for model in ("sd15", "xl"):
        assert report[f"speed-{model}"]["loop at saturation"] > 0
        assert 0 < report[f"speed-{model}"]["share of wall time inside the model"] < 1
        assert report[f"speed-{model}"]["least PSNR against the pipeline"] > 40
        assert report[f"previews-{model}"]["first preview p95"] > 0
        assert report[f"others-{model}"]["others p95"] > 0
        assert report[f"others-{model}"]["others p95 one order at a time"] > 0
        assert report[f"compiled-{model}"]["loop compiled"] > 0
        for side in ("pipeline", "loop"):
            split = report[f"compiled-{model}"][f"{side} seconds a picture"]
            assert min(split["denoising"], split["decoding"], split["other"]) > 0
        # The loop uses the graphs compiled for the pipeline.
        assert report[f"compiled-{model}"]["graphs compiled for the pipeline and more for the loop"][1] == 0
    assert "no time left" not in out
    torch.compiler.reset()


def test_a_part_takes_its_place_in_the_result_of_record_and_leaves_the_others(tmp_path: Path) -> None:
    kept = tmp_path / "gpu.json"
    assert main(["--smoke", "--only", "others-xl", "--keep", str(kept)]) == 0
    before = json.loads(KEPT.read_text(encoding="utf-8"))["parts"]
    after = json.loads(kept.read_text(encoding="utf-8"))["parts"]
    assert "CPU" in after["others-xl"]["machine"]["device"]
    assert after.keys() == before.keys()
    assert {name: part for name, part in after.items() if name != "others-xl"} == {
        name: part for name, part in before.items() if name != "others-xl"
    }


def test_figures_that_mean_nothing_are_not_kept_as_the_result_of_record() -> None:
    with pytest.raises(SystemExit):
        main(["--smoke", "--keep"])


def test_what_the_page_says_to_run_can_be_run() -> None:
    page = (Path(__file__).parents[2] / "docs" / "gpu.md").read_text(encoding="utf-8")
    parts = re.findall(r"--only ([\w-]+)`", page)
    assert len(parts) == 3
    assert set(parts) <= set(NAMES)


def test_a_call_is_warm_when_it_takes_no_less_than_before() -> None:
    seconds = iter((60.0, 0.5, 0.1, 0.1, 0.1))
    warm(lambda: next(seconds))
    assert list(seconds) == [0.1]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, on which it would run for minutes")
def test_without_a_gpu_it_says_so_and_measures_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "no CUDA device" in capsys.readouterr().out
