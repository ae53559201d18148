"""Training in lockstep: against a plain torch loop, through kills, and when a contender diverges."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from deepenough.data import Preprocessing
from deepenough.data.streams import Batch
from deepenough.errors import RecordError
from deepenough.machine import Machine
from deepenough.networks.catalogue import build
from deepenough.records import HISTORY
from deepenough.tasks.classification import Classification
from deepenough.training import Cell, Recipe, Seeds, Setting, learning_rate, take_step, train_lockstep
from deepenough.training.recipe import set_learning_rate

CLASSES = ("cat", "dog", "owl")
STEPS_PER_EPOCH, EPOCHS, BATCH, SIDE = 4, 3, 6, 8
TOTAL = STEPS_PER_EPOCH * EPOCHS
NORM = Preprocessing()


class FixedStream:
    """The same random pictures every time, from any step on."""

    steps_per_epoch, total_steps = STEPS_PER_EPOCH, TOTAL

    def __init__(self, *, mixed: bool = False) -> None:
        self.mixed = mixed

    def ends_epoch(self, step: int) -> bool:
        return step % STEPS_PER_EPOCH == 0

    def epochs_at(self, step: int) -> float:
        return step / STEPS_PER_EPOCH

    def batches(self, first_step: int = 0):
        for step in range(first_step, TOTAL):
            generator = torch.Generator().manual_seed(step)
            images = torch.randint(0, 256, (BATCH, 3, SIDE, SIDE), generator=generator, dtype=torch.uint8)
            labels = torch.randint(0, len(CLASSES), (BATCH,), generator=generator)
            share = torch.rand(BATCH, len(CLASSES), generator=generator)
            yield Batch(step, images, share / share.sum(1, keepdim=True) if self.mixed else labels, labels)


class Watch:
    """Remembers what it is told; may save the cells, each at a step of its own, and then stop as a kill would."""

    def __init__(self, *, folder=None, save_at=(), validation: float | None = None) -> None:
        self.folder, self.save_at, self.validation = folder, save_at, validation
        self.steps, self.halved_at, self.rounds = [], [], 0

    def stepped(self, cell, *, loss, images_per_s):
        self.steps.append((cell.name, cell.step, loss))

    def halved(self, cell, images):
        self.halved_at.append((cell.name, cell.step, images))
        if self.folder is not None:
            cell.save(self.folder / cell.name)

    def validate(self, cell):
        assert not cell.tested_network.training
        assert torch.is_inference_mode_enabled()
        return self.validation

    def lockstep(self, cells):
        self.rounds += 1
        for cell, step in zip(cells, self.save_at, strict=False):
            if self.rounds == step:
                cell.save(self.folder / cell.name)
        if self.save_at and self.rounds == max(self.save_at) + 1:
            raise InterruptedError


def small_network(seed=0, channels=5, drop=0.0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(drop),
        nn.Linear(channels, len(CLASSES)),
    )


def setting(recipe=None, precision="fp32"):
    recipe = recipe or Recipe(warmup_epochs=1.0)
    return Setting(
        recipe=recipe, machine=Machine(precision=precision), preprocessing=NORM, task=Classification(CLASSES)
    )


def cell_of(shared, name="small", seed=0, **options):
    return Cell.begin(name, seed, shared.machine.place(small_network(seed=seed, **options)), shared.recipe)


def state_of(cell):
    tensors = {f"n.{name}": value for name, value in cell.network.state_dict().items()}
    if cell.average is not None:
        tensors |= {f"a.{name}": value for name, value in cell.average.module.state_dict().items()}
    return tensors


def assert_same_state(one, other):
    ours, theirs = state_of(one), state_of(other)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name


def without_times(history):
    return [{k: v for k, v in row.items() if k not in ("images_per_s", "elapsed_s")} for row in history]


def test_training_equals_a_plain_torch_loop_bit_for_bit():
    recipe = Recipe(optimizer="sgd", learning_rate=0.1, weight_decay=0.01, warmup_epochs=1.0, label_smoothing=0.1)
    shared = setting(recipe)
    cell = cell_of(shared)
    plain = copy.deepcopy(cell.network)
    train_lockstep([cell], FixedStream(), shared, Watch())

    decayed = [p for p in plain.parameters() if p.ndim > 1]
    others = [p for p in plain.parameters() if p.ndim <= 1]
    optimizer = torch.optim.SGD(
        [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}],
        lr=0.1,
        momentum=0.9,
        nesterov=True,
        fused=True,
    )
    for batch in FixedStream().batches():
        images = shared.machine.images(batch.images, NORM.mean, NORM.std)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, batch.step, steps_per_epoch=STEPS_PER_EPOCH, total_steps=TOTAL)
        optimizer.zero_grad()
        functional.cross_entropy(plain(images), batch.labels, label_smoothing=0.1).backward()
        optimizer.step()
    for name, value in plain.state_dict().items():
        assert torch.equal(value, cell.network.state_dict()[name]), name
    assert (cell.status, cell.step) == ("trained", TOTAL)


def test_images_are_standardised_as_torchvision_does():
    from torchvision.transforms import v2

    pixels = torch.randint(0, 256, (2, 3, 5, 7), dtype=torch.uint8)
    expected = v2.functional.normalize(v2.functional.to_dtype(pixels, torch.float32, scale=True), NORM.mean, NORM.std)
    torch.testing.assert_close(Machine().images(pixels, NORM.mean, NORM.std), expected, rtol=1e-5, atol=1e-6)


def test_contenders_of_a_seed_see_the_very_same_batches_in_turn():
    shared, seen = setting(), {"one": [], "two": []}
    cells = [cell_of(shared, name=name, channels=channels) for name, channels in (("one", 3), ("two", 7))]
    for cell in cells:
        cell.network.register_forward_pre_hook(lambda _, given, name=cell.contender: seen[name].append(given[0]))
    watch = Watch()
    train_lockstep(cells, FixedStream(), shared, watch)
    assert len(seen["one"]) == TOTAL
    assert all(one is other for one, other in zip(seen["one"], seen["two"], strict=True))
    assert [name for name, _, _ in watch.steps] == ["one-seed0", "two-seed0"] * TOTAL
    assert watch.rounds == TOTAL


@pytest.mark.parametrize(
    ("recipe", "precision", "mixed"),
    [
        (Recipe(optimizer="sgd", learning_rate=0.1), "fp32", False),
        (Recipe(optimizer="adamw", ema_decay=0.9), "fp32", True),
        (Recipe(optimizer="adamw", clip_norm=1.0), "bf16", False),
        (Recipe(optimizer="lamb", learning_rate=0.02), "fp32", False),
    ],
    ids=["sgd", "adamw averaged, mixed labels", "adamw clipped, bf16", "lamb"],
)
@pytest.mark.parametrize("save_at", [(1, 1), (4, 4), (6, 5)], ids=["first step", "end of an epoch", "apart"])
def test_training_goes_on_bit_for_bit_from_what_was_saved(recipe, precision, mixed, save_at, tmp_path):
    shared = setting(recipe, precision)

    def fresh():
        return [cell_of(shared, name="one", drop=0.3), cell_of(shared, name="two", channels=7)]

    whole = fresh()
    train_lockstep(whole, FixedStream(mixed=mixed), shared, Watch(validation=0.5))

    killed = fresh()
    watch = Watch(folder=tmp_path, save_at=save_at, validation=0.5)
    with pytest.raises(InterruptedError):
        train_lockstep(killed, FixedStream(mixed=mixed), shared, watch)
    resumed = fresh()
    torch.manual_seed(99)  # whatever the new process draws
    for cell in resumed:
        cell.load(tmp_path / cell.name)
        assert cell.state_bytes == pytest.approx((tmp_path / cell.name).stat().st_size, abs=8000)  # and a header
    assert tuple(cell.step for cell in resumed) == save_at
    train_lockstep(resumed, FixedStream(mixed=mixed), shared, Watch(validation=0.5))

    for one, other in zip(whole, resumed, strict=True):
        assert_same_state(one, other)
        assert without_times(one.history) == without_times(other.history)


def test_the_state_keeps_every_weights_moments_where_parts_have_their_own_rates(tmp_path):
    recipe = Recipe(layer_decay=0.5)
    cells = [Cell.begin("resnet50", 0, build("resnet50+width=0.125+blocks=1-1-1-1", 3), recipe) for _ in range(2)]
    for number, weight in enumerate(cells[0].network.parameters()):
        weight.grad = torch.full_like(weight, 1.0 + number)
    set_learning_rate(cells[0].optimizer, 0.25)
    cells[0].optimizer.step()
    cells[0].save(tmp_path / "state")
    cells[1].load(tmp_path / "state")
    for ours, theirs in zip(*(cell.network.parameters() for cell in cells), strict=True):
        moments = [cell.optimizer.state[weight]["exp_avg"] for cell, weight in zip(cells, (ours, theirs), strict=True)]
        assert torch.equal(*moments)
    rates = [[(group["lr"], group["lr_scale"]) for group in cell.optimizer.param_groups] for cell in cells]
    assert rates[0] == rates[1]
    assert rates[1][0] == (0.25, 1.0)


def test_a_cell_that_is_trained_is_not_touched():
    shared, watch = setting(), Watch()
    cell = cell_of(shared)
    train_lockstep([cell], FixedStream(), shared, Watch())
    before = {name: value.clone() for name, value in state_of(cell).items()}
    train_lockstep([cell], FixedStream(), shared, watch)
    assert watch.steps == []
    assert all(torch.equal(value, before[name]) for name, value in state_of(cell).items())


def test_a_diverging_cell_stops_with_finite_weights_and_the_others_go_on():
    shared = setting()
    sound, broken = cell_of(shared, name="sound"), cell_of(shared, name="broken")
    alone = cell_of(shared, name="sound")
    train_lockstep([alone], FixedStream(), shared, Watch())

    calls = []

    def overflow(module, given, logits):
        calls.append(1)
        return logits * math.inf if len(calls) > 5 else logits

    broken.network.register_forward_hook(overflow)
    train_lockstep([broken, sound], FixedStream(), shared, Watch())
    assert (broken.status, broken.step) == ("diverged", 5)
    assert all(torch.isfinite(value.float()).all() for value in state_of(broken).values())
    assert math.isnan(broken.history[-1]["loss"])
    assert broken.history[-1]["step"] == 5
    assert sound.status == "trained"
    assert_same_state(sound, alone)


def test_weights_that_the_last_step_broke_are_not_called_trained():
    class Breaking(Watch):
        def lockstep(self, cells):
            super().lockstep(cells)
            if self.rounds == TOTAL:
                cells[0].network[0].weight.data[0] = math.inf

    shared = setting()
    cell = cell_of(shared)
    train_lockstep([cell], FixedStream(), shared, Breaking())
    assert (cell.status, cell.step) == ("diverged", TOTAL)


def test_training_ends_when_every_cell_has_diverged():
    shared, watch = setting(Recipe(learning_rate=1.0)), Watch()
    cell = cell_of(shared)
    cell.network.register_forward_hook(lambda *given: given[-1] * math.nan)
    train_lockstep([cell], FixedStream(), shared, watch)
    assert (cell.status, len(watch.steps)) == ("diverged", 1)


def test_history_tells_loss_and_accuracy_of_each_epoch():
    import polars as pl

    shared, watch = setting(), Watch(validation=0.25)
    cell = cell_of(shared)
    train_lockstep([cell], FixedStream(), shared, watch)
    assert [row["step"] for row in cell.history] == [4, 8, 12]
    assert [row["epoch"] for row in cell.history] == [1.0, 2.0, 3.0]
    losses = [loss for _, _, loss in watch.steps]
    means = np.array(losses).reshape(EPOCHS, STEPS_PER_EPOCH).mean(axis=1)
    np.testing.assert_allclose([row["loss"] for row in cell.history], means)
    assert all(row["val_accuracy"] == 0.25 and 0 <= row["train_accuracy"] <= 1 for row in cell.history)
    assert set(pl.DataFrame(cell.history).columns) == set(HISTORY)


def test_history_claims_no_training_accuracy_where_labels_are_mixed():
    shared = setting()
    cell = cell_of(shared)
    train_lockstep([cell], FixedStream(mixed=True), shared, Watch())
    assert all(row["train_accuracy"] is None for row in cell.history)


def test_averaged_weights_are_tested_and_are_an_average():
    shared = setting(Recipe(ema_decay=0.5, warmup_epochs=1.0))
    cell = cell_of(shared)
    train_lockstep([cell], FixedStream(), shared, Watch())
    assert cell.tested_network is not cell.network
    averaged, last = cell.tested_network[0].weight, cell.network[0].weight
    assert not torch.equal(averaged, last)
    assert torch.dist(averaged, last) < torch.dist(small_network()[0].weight, last)
    plain = cell_of(setting())
    assert plain.tested_network is plain.network


def test_dropout_depends_on_seed_and_step_and_not_on_what_was_drawn_before():
    shared = setting()
    states = []
    for noise in (1, 2):
        cell = cell_of(shared, drop=0.5)
        torch.manual_seed(noise)
        train_lockstep([cell], FixedStream(), shared, Watch())
        states.append(cell)
    assert_same_state(*states)


@pytest.mark.parametrize("damage", ["torn", "foreign", "other cell"])
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(damage, tmp_path):
    shared, path = setting(), tmp_path / "resume.safetensors"
    cell = cell_of(shared)
    other = cell_of(shared, name="other", seed=4)
    other.save(path)
    if damage == "torn":
        path.write_bytes(path.read_bytes()[:-100])
    if damage == "foreign":
        path.write_bytes(b"\x80\x04 no tensors here")
    before = {name: value.clone() for name, value in state_of(cell).items()}
    with pytest.raises(RecordError, match=r"resume\.safetensors: expected the state of"):
        cell.load(path)
    assert all(torch.equal(value, before[name]) for name, value in state_of(cell).items())
    assert cell.step == 0


def test_random_layers_follow_the_augmentations_seed_alone():
    def trained(seeds):
        shared = setting()
        cell = Cell.begin("small", seeds, shared.machine.place(small_network(drop=0.5)), shared.recipe)
        train_lockstep([cell], FixedStream(), shared, Watch())
        return cell

    kept = trained(0)
    for source in ("initialisation", "order", "nondeterminism"):  # weights and batches are handed in here
        assert_same_state(trained(Seeds.of(0).varying(source, 1)), kept)
    other = trained(Seeds.of(0).varying("augmentation", 1))
    assert any(not torch.equal(value, state_of(kept)[name]) for name, value in state_of(other).items())


def test_the_state_of_another_run_of_the_same_seed_is_refused(tmp_path):
    shared = setting()
    one, other = (
        Cell.begin("small", Seeds.of(0).varying("order", run), small_network(), shared.recipe) for run in (1, 2)
    )
    assert (one.name, other.name, one.seed) == ("small-order1", "small-order2", 0)
    one.save(tmp_path / "state.safetensors")
    with pytest.raises(RecordError, match="expected the state of small-order2; got small-order1"):
        other.load(tmp_path / "state.safetensors")


# --- out of memory ----------------------------------------------------------------------------------------------------

NO_MEMORY = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "cpu": RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried"),
    "library": RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    "python": MemoryError(),
}


def starved(cell, most, *, from_step=0, error=NO_MEMORY["cuda"]):
    """Let a network run out of memory, once its batch norm has seen the batch, at more images than `most`."""

    def refuse(_module, given):
        if len(given[0]) > most and cell.step >= from_step:
            raise error

    next(m for m in cell.network if isinstance(m, nn.Linear)).register_forward_pre_hook(refuse)
    return cell


@pytest.mark.parametrize("error", NO_MEMORY)
def test_a_batch_that_memory_does_not_hold_is_taken_in_parts_as_a_plain_loop_would(error):
    recipe = Recipe(optimizer="sgd", learning_rate=0.1, weight_decay=0.01, warmup_epochs=1.0, clip_norm=1.0)
    shared = setting(recipe)
    cell, watch = cell_of(shared), Watch()
    plain = copy.deepcopy(cell.network)
    train_lockstep([starved(cell, 3, from_step=5, error=NO_MEMORY[error])], FixedStream(), shared, watch)
    assert watch.halved_at == [("small-seed0", 5, 3)]
    assert (cell.halvings, cell.parts) == ([{"step": 5, "parts": 2}], 2)

    decayed, others = ([p for p in plain.parameters() if (p.ndim > 1) == more] for more in (True, False))
    optimizer = torch.optim.SGD(
        [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}],
        lr=0.1,
        momentum=0.9,
        nesterov=True,
    )
    losses = []
    for batch in FixedStream().batches():
        rate = learning_rate(recipe, batch.step, steps_per_epoch=STEPS_PER_EPOCH, total_steps=TOTAL)
        set_learning_rate(optimizer, rate)
        images = (batch.images.float() / 255 - torch.tensor(NORM.mean).view(3, 1, 1)) / torch.tensor(NORM.std).view(
            3, 1, 1
        )
        optimizer.zero_grad()
        total = 0.0
        for part in (range(6),) if batch.step < 5 else (range(3), range(3, 6)):
            logits = plain(images[list(part)])
            loss = functional.cross_entropy(logits, batch.labels[list(part)], label_smoothing=0.1, reduction="sum") / 6
            loss.backward()
            total += loss.item()
        nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        optimizer.step()
        losses.append(total)
    for name, value in plain.state_dict().items():
        assert torch.allclose(cell.network.state_dict()[name].float(), value.float(), atol=2e-5), name
    assert [loss for _, _, loss in watch.steps] == pytest.approx(losses, abs=1e-5)
    assert cell.network[1].num_batches_tracked == 5 + 2 * (TOTAL - 5)  # and no more: the step that failed left nothing


def test_parts_are_the_same_whether_resumed_or_not(tmp_path):
    shared = setting(Recipe(ema_decay=0.9))
    whole = starved(cell_of(shared, drop=0.3), 3, from_step=4)
    train_lockstep([whole], FixedStream(), shared, Watch())
    killed = starved(cell_of(shared, drop=0.3), 3, from_step=4)
    with pytest.raises(InterruptedError):
        train_lockstep([killed], FixedStream(), shared, Watch(folder=tmp_path, save_at=(7,)))
    resumed = cell_of(shared, drop=0.3)
    resumed.load(tmp_path / resumed.name)
    train_lockstep([resumed], FixedStream(), shared, Watch())
    assert_same_state(resumed, whole)
    assert resumed.halvings == whole.halvings == [{"step": 4, "parts": 2}]
    assert without_times(resumed.history) == without_times(whole.history)


def test_a_state_is_kept_before_the_first_step_in_parts(tmp_path):
    shared = setting()
    whole = starved(cell_of(shared), 3, from_step=4)
    train_lockstep([whole], FixedStream(), shared, Watch(folder=tmp_path))
    again = cell_of(shared)  # with memory enough, yet in the parts that were chosen
    again.load(tmp_path / again.name)
    assert (again.step, again.parts) == (4, 2)
    train_lockstep([again], FixedStream(), shared, Watch())
    assert_same_state(again, whole)


def test_one_network_short_of_memory_leaves_the_others_whole():
    shared = setting()
    alone, beside, starving = cell_of(shared), cell_of(shared), starved(cell_of(shared, "big", channels=7), 3)
    train_lockstep([alone], FixedStream(), shared, Watch())
    train_lockstep([starving, beside], FixedStream(), shared, Watch())
    assert_same_state(beside, alone)
    assert beside.halvings == []
    assert starving.parts == 2


def test_where_not_even_two_images_fit_the_error_stays():
    shared = setting()
    with pytest.raises(torch.OutOfMemoryError):
        train_lockstep([starved(cell_of(shared), 1)], FixedStream(), shared, Watch())


def torn_step(cell, error, at_step=2):
    """Let the optimiser fail midway at a step: some weights are changed, others are not."""
    step = cell.optimizer.step

    def fail():
        if cell.step < at_step:
            return step()
        with torch.no_grad():
            next(cell.network.parameters()).add_(1.0)
        raise error

    cell.optimizer.step = fail
    return cell


@pytest.mark.parametrize("error", NO_MEMORY)
def test_an_optimiser_that_memory_does_not_hold_is_not_halved_and_says_what_helps(error):
    shared, watch = setting(), Watch()
    with pytest.raises(MemoryError, match=r"small-seed0: the optimiser's moments do not fit .+ compare fewer networks"):
        train_lockstep([torn_step(cell_of(shared), NO_MEMORY[error])], FixedStream(), shared, watch)
    assert watch.halved_at == []
    assert [step for _, step, _ in watch.steps] == [1, 2]


def test_another_error_of_the_optimiser_keeps_its_words():
    shared = setting()
    with pytest.raises(RuntimeError, match="no such kernel"):
        train_lockstep([torn_step(cell_of(shared), RuntimeError("no such kernel"))], FixedStream(), shared, Watch())


def test_another_error_is_no_lack_of_memory():
    shared, watch = setting(), Watch()
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes"):
        train_lockstep(
            [starved(cell_of(shared), 3, error=RuntimeError("mat1 and mat2 shapes"))], FixedStream(), shared, watch
        )
    assert watch.halved_at == []


def test_mixed_targets_are_cut_as_their_images_are():
    shared, one, two = setting(), Watch(), Watch()
    train_lockstep([cell_of(shared)], FixedStream(mixed=True), shared, one)
    train_lockstep([starved(cell_of(shared), 3)], FixedStream(mixed=True), shared, two)
    assert two.halved_at == [("small-seed0", 0, 3)]
    assert two.steps[0][2] == pytest.approx(one.steps[0][2], abs=0.2)  # batch norm differs, the targets do not


def test_blocks_skipped_at_random_follow_the_seed(tiny_networks):
    """A network with random depth, trained twice: nothing but the seed decides which blocks are left out."""
    ends = []
    for disturbed in (False, True):
        if disturbed:
            torch.rand(7)
        network = build("resnet50+drop_path=0.5", len(CLASSES))
        shared = setting()
        cell = Cell.begin("resnet50+drop_path=0.5", 0, network, shared.recipe)
        images, labels = torch.zeros(4, 3, 32, 32, dtype=torch.uint8), torch.arange(4) % 3
        for step in range(3):
            take_step(cell, Batch(step, images, labels, labels), 1e-3, shared)
        ends.append(cell.network.state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


TEMPERATURE, WEIGHT = 3.0, 0.7


def teacher(channels=9):
    """A network whose running statistics are no longer those of a fresh one, in evaluation mode."""
    network = small_network(seed=7, channels=channels, drop=0.4)
    with torch.no_grad():
        network(torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(1)))
    return network.eval()


def taught_by(network, cell):
    cell.teacher = network
    return cell


def test_pupil_whose_teacher_has_no_weight_is_a_plain_training_bit_for_bit():
    shared = setting(Recipe(optimizer="adamw", ema_decay=0.9, teacher_weight=0.0))
    plain, pupil = cell_of(shared, drop=0.3), taught_by(teacher(), cell_of(shared, drop=0.3))
    train_lockstep([plain], FixedStream(), shared, Watch())
    train_lockstep([pupil], FixedStream(), shared, Watch())
    assert_same_state(plain, pupil)
    assert without_times(plain.history) == without_times(pupil.history)


def test_pupil_equals_a_plain_torch_loop_with_its_kl_div():
    recipe = Recipe(optimizer="sgd", learning_rate=0.1, weight_decay=0.01, warmup_epochs=1.0)
    shared = setting(replace(recipe, teacher_temperature=TEMPERATURE, teacher_weight=WEIGHT))
    guide = teacher()
    pupil = taught_by(guide, cell_of(shared))
    plain = copy.deepcopy(pupil.network)
    train_lockstep([pupil], FixedStream(), shared, Watch())

    groups = [
        {"params": [p for p in plain.parameters() if p.ndim > 1], "weight_decay": 0.01},
        {"params": [p for p in plain.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True, fused=True)
    for batch in FixedStream().batches():
        images = shared.machine.images(batch.images, NORM.mean, NORM.std)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, batch.step, steps_per_epoch=STEPS_PER_EPOCH, total_steps=TOTAL)
        optimizer.zero_grad()
        said = plain(images)
        hard = functional.cross_entropy(said, batch.labels, label_smoothing=0.1)
        with torch.no_grad():
            soft_targets = functional.log_softmax(guide(images) / TEMPERATURE, dim=1)
        softened = functional.log_softmax(said / TEMPERATURE, dim=1)
        soft = functional.kl_div(softened, soft_targets, reduction="batchmean", log_target=True)
        ((1 - WEIGHT) * hard + WEIGHT * TEMPERATURE**2 * soft).backward()
        optimizer.step()
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(pupil.network.state_dict()[name], value, rtol=1e-4, atol=1e-5)


def test_teacher_sees_the_very_same_batches_in_evaluation_mode_and_does_not_change():
    shared = setting()
    guide, seen = teacher(), {"teacher": [], "pupil": []}
    before = copy.deepcopy(guide.state_dict())
    pupil = taught_by(guide, cell_of(shared))
    for name, network in (("teacher", guide), ("pupil", pupil.network)):
        network.register_forward_pre_hook(lambda _, given, name=name: seen[name].append(given[0]))
    train_lockstep([pupil], FixedStream(), shared, Watch())
    assert len(seen["teacher"]) == TOTAL
    assert all(one is other for one, other in zip(seen["teacher"], seen["pupil"], strict=True))
    assert not any(module.training for module in guide.modules())
    assert all(torch.equal(value, before[name]) for name, value in guide.state_dict().items())
    assert all(weight.grad is None for weight in guide.parameters())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("save_at", [(1,), (6,)], ids=["first step", "amid an epoch"])
def test_pupil_goes_on_bit_for_bit_from_what_was_saved(precision, save_at, tmp_path):
    shared = setting(Recipe(optimizer="adamw", ema_decay=0.9), precision)
    whole = taught_by(teacher(), cell_of(shared, drop=0.3))
    train_lockstep([whole], FixedStream(), shared, Watch())
    stopped = taught_by(teacher(), cell_of(shared, drop=0.3))
    with pytest.raises(InterruptedError):
        train_lockstep([stopped], FixedStream(), shared, Watch(folder=tmp_path, save_at=save_at))
    again = taught_by(teacher(), cell_of(shared, drop=0.3))
    again.load(tmp_path / again.name)
    assert again.step == save_at[0]
    train_lockstep([again], FixedStream(), shared, Watch())
    assert_same_state(whole, again)
    assert without_times(whole.history) == without_times(again.history)
