"""Enhancement: what harms pictures, how likeness is measured, and the network that mends them."""

import io

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image
from scipy import ndimage, signal
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from deepenough.data.augment import Augmentation
from deepenough.errors import InputError
from deepenough.networks import build
from deepenough.tasks import Given, make_task
from deepenough.tasks.classical import methods
from deepenough.tasks.contract import Run
from deepenough.tasks.degrading import (
    Blur,
    Compression,
    GaussianNoise,
    LittleLight,
    PoissonGaussianNoise,
    Shrinking,
    line_kernel,
)
from deepenough.tasks.enhancement import Denoise, Size, SuperResolution
from deepenough.tasks.likeness import psnr, ssim
from deepenough.tasks.restorer import Restorer

ALL = [
    GaussianNoise(),
    PoissonGaussianNoise(),
    Compression(),
    Shrinking(2),
    Shrinking(4),
    Blur("gaussian"),
    Blur("motion", 9.0),
    LittleLight(),
]
SIZES = [(1, 1), (7, 5), (33, 64), (47, 30)]


def rng(seed=0):
    return np.random.default_rng(seed)


def picture(height=48, width=40, seed=0):
    """A smooth picture in colour with some structure in it."""
    rough = rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.array(Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC))


def flat(level, side=256):
    return np.full((side, side, 3), level, np.uint8)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("harm", ALL, ids=lambda harm: f"{type(harm).__name__}")
def test_harm_keeps_the_form_of_a_picture_of_any_size_and_depends_on_its_generator_alone(harm, size):
    clean = picture(*size)
    before = clean.copy()
    one, same, other = harm(clean, rng(1)), harm(clean, rng(1)), harm(clean, rng(2))
    assert (one.shape, one.dtype) == (clean.shape, np.uint8)
    np.testing.assert_array_equal(one, same)
    np.testing.assert_array_equal(clean, before)
    fixed = isinstance(harm, Compression | Shrinking)
    if min(size) > 5:
        assert np.array_equal(one, other) == fixed


def test_gaussian_noise_has_its_strength_and_no_bias():
    noise = GaussianNoise(25)(flat(128), rng()).astype(float) - 128
    assert noise.std() == pytest.approx(25, rel=0.01)  # the rounding adds 1/12
    assert abs(noise.mean()) < 0.3
    assert abs(np.corrcoef(noise[:, :, 0].ravel(), noise[:, :, 1].ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("level", [40, 128])
def test_sensor_noise_has_the_variance_of_counted_light_and_of_reading(level):
    noisy = PoissonGaussianNoise(peak=100, sigma=3)(flat(level), rng()).astype(float)
    assert noisy.mean() == pytest.approx(level, abs=0.4)
    assert noisy.var() == pytest.approx(255 * level / 100 + 9 + 1 / 12, rel=0.04)


def test_compression_is_pillows():
    stream = io.BytesIO()
    Image.fromarray(picture()).save(stream, "JPEG", quality=30, subsampling=2)
    np.testing.assert_array_equal(Compression(30)(picture(), rng()), np.array(Image.open(stream)))


def test_shrinking_keeps_what_is_smooth_and_takes_what_is_fine():
    board = np.indices((64, 64)).sum(0) % 2 * 255
    fine = np.repeat(board[:, :, None], 3, axis=2).astype(np.uint8)
    assert Shrinking(2)(fine, rng()).astype(int)[8:-8, 8:-8] == pytest.approx(127.5, abs=2)
    assert psnr(picture(64, 64), Shrinking(2)(picture(64, 64), rng())) > 35
    assert psnr(picture(63, 61), Shrinking(4)(picture(63, 61), rng())) > 25


def test_blur_is_the_convolution_with_its_kernel():
    blur = Blur("gaussian", 1.6, 1e-9)
    kernel = blur.kernel(rng())
    own = ndimage.gaussian_filter(np.eye(1, 121, 60).reshape(11, 11), 1.6, radius=5)
    np.testing.assert_allclose(kernel, own, atol=1e-3)
    clean = picture(64, 64)
    plain = signal.convolve2d(clean[:, :, 1].astype(float), kernel, mode="valid")
    edge = kernel.shape[0] // 2
    found = blur(clean, rng())[edge:-edge, edge:-edge, 1]
    np.testing.assert_allclose(found, plain, atol=0.51)


@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi / 2, 2.5])
@pytest.mark.parametrize("length", [2.0, 9.0, 14.5])
def test_motion_is_a_line_of_its_length_and_direction(length, angle):
    kernel = line_kernel(length, angle)
    assert kernel.sum() == pytest.approx(1)
    half = kernel.shape[0] // 2
    down, across = np.mgrid[-half : half + 1, -half : half + 1]
    along = down * np.sin(angle) + across * np.cos(angle)
    aside = down * np.cos(angle) - across * np.sin(angle)
    assert (kernel * along).sum() == pytest.approx(0, abs=1e-9)
    assert (kernel * along**2).sum() == pytest.approx(length**2 / 12, abs=0.27)  # a line's, and a pixel's
    assert (kernel * aside**2).sum() < 0.27


def test_little_light_follows_its_curve():
    harm = LittleLight(gamma=2.0, gain=0.5, sigma=1e-9)
    assert harm(flat(255, 2), rng())[0, 0, 0] == 128
    assert harm(flat(128, 2), rng())[0, 0, 0] == round(0.5 * 255 * (128 / 255) ** 2)


@pytest.mark.parametrize("size", [(48, 40), (11, 11), (13, 64)], ids=str)
def test_likenesses_are_scikit_images(size):
    clean, other = picture(*size), GaussianNoise(20)(picture(*size), rng())
    assert psnr(clean, other) == pytest.approx(peak_signal_noise_ratio(clean, other, data_range=255), abs=1e-9)
    wanted = structural_similarity(
        clean, other, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    assert ssim(clean, other) == pytest.approx(wanted, abs=1e-7)


def test_likeness_of_the_same_and_of_tiny_pictures():
    assert ssim(picture(), picture()) == pytest.approx(1)
    assert psnr(picture(), picture()) == 100
    assert ssim(picture(3, 5), picture(3, 5)) == pytest.approx(1)
    assert ssim(flat(0, 3), flat(255, 3)) < 0.01


def samples(count=6):
    rows = {"sample_id": [f"{i:032x}" for i in range(count)], "split": ["train"] * count}
    return pl.DataFrame({**rows, "width": [40] * count, "height": [48] * count})


def task_of(name="denoise", **options):
    return make_task(name, Given(classes=(), samples=samples(), options=options))


def test_squares_are_harmed_by_their_ids_alone():
    task = task_of()
    squares = np.stack([picture(64, 64, seed) for seed in range(3)])
    together = task.inputs(squares, ["a", "b", "c"])
    np.testing.assert_array_equal(task.inputs(squares[1:2], ["b"])[0], together[1])
    assert not np.array_equal(task.inputs(squares[1:2], ["a"])[0], together[1])


def test_what_a_square_shows_beyond_its_picture_is_not_scored():
    task = Denoise(GaussianNoise())
    square = np.zeros((64, 64, 3), np.uint8)
    square[:48, :40] = picture()
    outputs = torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255
    outputs[:, :, 48:] = outputs[:, :, :, 40:] = 1.0  # white where the picture is not
    rows = task.outcomes(outputs, [Size(40, 48)], square[None])
    assert rows["psnr"][0] == 100
    assert rows["ssim"][0] == pytest.approx(1)


def test_score_is_the_likeness_of_the_picture_that_would_be_saved():
    task, clean = task_of(metric="ssim"), picture(64, 64)
    said = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.05
    shown = GaussianNoise()(clean, rng())
    rows = task.outcomes(task.completed(said, shown[None]), [Size(64, 64)], clean[None])
    saved = np.clip(np.rint(255 * said[0].permute(1, 2, 0).numpy() + shown), 0, 255).astype(np.uint8)
    assert rows["psnr"][0] == pytest.approx(peak_signal_noise_ratio(clean, saved, data_range=255), abs=1e-4)
    assert task.judged(Run(rows, [Size(64, 64)]))["score"].to_list() == [ssim(clean, saved)]
    assert task.also()[0].judged(Run(rows, [Size(64, 64)]))["score"].to_list() == rows["psnr"].tolist()


def test_view_cuts_at_the_pictures_own_resolution_and_teaches_what_is_lost():
    clean = picture(60, 70)
    view = task_of().view(Augmentation(flip=0.0), 32)
    torch.manual_seed(3)
    harmed, lost = view(torch.from_numpy(clean).permute(2, 0, 1), Size(70, 60))
    whole = (harmed.to(torch.int16) + lost).permute(1, 2, 0).numpy()
    places = [(y, x) for y in range(29) for x in range(39) if np.array_equal(clean[y : y + 32, x : x + 32], whole)]
    assert len(places) == 1
    assert 15 < lost.float().std() < 30
    torch.manual_seed(3)
    again, _ = view(torch.from_numpy(clean).permute(2, 0, 1), Size(70, 60))
    assert torch.equal(again, harmed)


def test_view_in_the_centre_and_of_a_small_picture():
    clean = picture(20, 70)
    view = task_of().view(Augmentation(flip=0.0, crop="centre"), 32)
    harmed, lost = view(torch.from_numpy(clean).permute(2, 0, 1), None)
    whole = (harmed.to(torch.int16) + lost).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(whole[:20], clean[:, 19:51])
    np.testing.assert_array_equal(whole[20:], clean[:7:-1, 19:51])


@pytest.mark.parametrize("name", ["resnet50", "blresnet50", "resnet101-small", "res2net50"])
@pytest.mark.parametrize("size", [(32, 32), (45, 77)], ids=str)
def test_restorer_begins_as_the_identity_on_any_backbone_at_any_size(name, size):
    network = Restorer(build(name + "+width=0.125", 1)).eval()
    with torch.inference_mode():
        said = network(torch.randn(2, 3, *size))
    assert said.shape == (2, 3, *size)
    assert not said.any()


def test_every_weight_of_a_restorer_learns_once_its_last_layer_has():
    network = Restorer(build("resnet50+width=0.125", 1))
    with torch.no_grad():
        network.head_said.weight.normal_(0, 0.1)
    network(torch.randn(2, 3, 64, 64)).square().mean().backward()
    zero = {"bn3"}  # gammas that begin at zero hold back what lies before them in their block
    lacking = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert lacking == []
    still = [n for n, p in network.named_parameters() if not p.grad.any() and "backbone.layer" not in n]
    assert still == []
    assert any(part in name for name, _ in network.named_parameters() for part in zero)


def test_classical_methods_do_better_than_nothing():
    clean = picture(96, 96)
    for harm in (GaussianNoise(), PoissonGaussianNoise(), Blur("gaussian", 2.0), Blur("motion"), LittleLight()):
        shown = harm(clean, rng(5))
        (nothing, plain), (_, method) = methods(harm).items()
        assert nothing == harm.title
        np.testing.assert_array_equal(plain(shown, rng(5)), shown)
        assert psnr(method(shown, rng(5)), clean) > psnr(shown, clean)


def test_bm3d_is_tried_where_it_is_asked_for():
    bm3d = pytest.importorskip("bm3d")
    task, clean = task_of(bm3d=True), picture(48, 48)
    found = task.baselines(clean[None], [Size(48, 48)], ["a"])
    assert list(found) == ["the noisy picture", "non-local means", "BM3D"]
    shown = task.inputs(clean[None], ["a"])[0]
    own = np.clip(np.rint(255 * bm3d.bm3d_rgb(shown / 255, 25 / 255)), 0, 255).astype(np.uint8)
    assert found["BM3D"]["psnr"][0] == pytest.approx(psnr(own, clean))


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("denoise", {"noise": "pink"}, "gaussian, poisson, jpeg"),
        ("denoise", {"noise": "jpeg", "sigma": 5}, "task_options: sigma"),
        ("denoise", {"noise": "jpeg", "bm3d": True}, "bm3d"),
        ("denoise", {"sigma": 0}, "above 0"),
        ("denoise", {"bm3d": 1}, "true or false"),
        ("superresolution", {"factor": 3}, "2 or 4"),
        ("deblur", {"blur": "square"}, "gaussian, motion"),
        ("lowlight", {"views": 0}, "a whole number from 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(name, options, said):
    with pytest.raises(InputError, match=said):
        task_of(name, **options)


def test_a_small_set_is_cut_from_more_often():
    assert task_of().views_an_epoch == 171
    assert task_of(views=3).views_an_epoch == 3
    assert isinstance(task_of("superresolution"), SuperResolution)
