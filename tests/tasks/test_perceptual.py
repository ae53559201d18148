"""LPIPS by AlexNet's weights from a file, against the paper's formula over torchvision's own network."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from torchvision.models import alexnet, squeezenet1_1

from deepenough.errors import InputError
from deepenough.tasks import Given, make_task
from deepenough.tasks.enhancement import Size
from deepenough.tasks.perceptual import closeness

lpips = pytest.importorskip("lpips", reason="lpips is not installed: pip install 'deepenough[lpips]'")

PICTURES = pl.DataFrame({"split": ["train", "val", "test"], "width": [64] * 3, "height": [48] * 3})


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(7)
    return alexnet().eval()


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "alexnet.pth"
    torch.save({name: tensor for name, tensor in network.state_dict().items() if name.startswith("features")}, path)
    return str(path)


def pictures(height=72, width=96):
    rng = np.random.default_rng(0)
    clean = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return clean, np.clip(clean + rng.normal(0, 60, clean.shape), 0, 255).astype(np.uint8)


def by_the_paper(network, picture, other):
    """Zhang et al. 2018, equation 1, on the maps behind AlexNet's five rectifiers."""
    means, scales = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    file = Path(lpips.__file__).parent / "weights/v0.1/alex.pth"
    learned = list(torch.load(file, weights_only=True, map_location="cpu").values())
    said = []
    for one in (picture, other):
        maps = (torch.tensor(one / 127.5 - 1.0, dtype=torch.float32) - means) / scales
        maps, kept = maps.permute(2, 0, 1)[None], []
        for layer in network.features:
            maps = layer(maps)
            if isinstance(layer, torch.nn.ReLU):
                kept.append((maps / maps.norm(dim=1, keepdim=True)).clone())
        said.append(kept)
    return sum(
        float(((mine - its).square() * weight.view(1, -1, 1, 1)).sum(1).mean())
        for mine, its, weight in zip(*said, learned, strict=True)
    )


def test_closeness_is_one_less_the_papers_distance(network, weights):
    clean, noisy = pictures()
    with torch.inference_mode():
        truth = by_the_paper(network, noisy, clean)
    assert 0.001 < truth < 0.999
    assert closeness(noisy, clean, weights) == pytest.approx(1.0 - truth, abs=1e-5)
    assert closeness(clean, clean, weights) == 1.0


def test_a_picture_of_few_pixels_has_a_closeness_too(weights):
    clean, noisy = pictures(5, 3)
    assert 0.0 <= closeness(noisy, clean, weights) < 1.0


def test_lpips_is_measured_beside_the_others_and_decides_where_it_is_asked_to(weights):
    options = {"lpips": weights, "metric": "lpips"}
    task = make_task("denoise", Given(classes=(), samples=PICTURES, options=options))
    clean = pictures(64, 64)[0]
    rows = task.outcomes(torch.full((1, 3, 64, 64), 0.5), [Size(64, 48)], clean[None])
    assert rows.dtype.names == ("psnr", "ssim", "lpips")
    grey = np.full((48, 64, 3), 128, np.uint8)
    assert rows["lpips"][0] == closeness(grey, clean[:48], weights)
    assert [other.metric.name for other in task.also()] == ["PSNR", "SSIM"]
    lost = task.outcomes(torch.full((1, 3, 64, 64), torch.nan), [Size(64, 48)], clean[None])
    assert lost["lpips"][0] == 0.0
    plain = make_task("denoise", Given(classes=(), samples=PICTURES, options={}))
    assert [other.metric.name for other in plain.also()] == ["SSIM"]


def test_weights_that_do_not_fit_are_refused_before_anything_else(tmp_path, weights):
    other = tmp_path / "squeezenet.pth"
    torch.save(squeezenet1_1().state_dict(), other)
    for options, said in (
        ({"lpips": str(other)}, r"torchvision's AlexNet .* without features\.0\.weight"),
        ({"lpips": str(tmp_path / "none.pth")}, "no such file"),
        ({"lpips": True}, "a file with the weights"),
        ({"metric": "lpips"}, "lpips: FILE beside it"),
    ):
        with pytest.raises(InputError, match=said):
            make_task("denoise", Given(classes=(), samples=PICTURES, options=options))
    assert make_task("denoise", Given(classes=(), samples=PICTURES, options={"lpips": weights})).lpips == weights
