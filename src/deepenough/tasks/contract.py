"""What a task must say for itself; everything after it (training, scores, verdict, report) is the same for all.

A sample's score is what it adds to the metric: over the samples of a run the scores average to the metric, and vary as
it does. For accuracy that is 0 or 1; a metric of the whole test set (AUROC, mAP) gives one influence value a sample
(`stats.linearise`, `stats.jackknife`). So nothing that pairs, clusters, decides or draws has to know the task.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from deepenough.tasks.values import Exhibit, Given, Metric, Run, Seen, Targets, View

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor, nn

    from deepenough.data.augment import Augmentation


class Task(ABC):
    """One kind of question put to pictures: a frozen value that holds what the data decides, and no state.

    Abstract methods are what every task says. The others have the usual answer: one network output a picture, nothing
    that moves with the pixels, a picture is a sample; a task says otherwise where it is otherwise.

    Attributes:
        name: as a study file writes it.
        sample: what one sample is, in a word for people: image, pair, ...
        one_class: a sample is of one class and the prediction one too, so that a confusion matrix has a meaning.
        confidence_is_probability: the confidence is meant as the probability that the prediction is the target, and can
            be held against how often it is; else it only has an order.
        fit: how a picture becomes a test square: `crop` (short side resized, centre cut out), `pad` (all of it, in the
            upper left corner, the rest black) or `cut` (the centre at its own resolution).
        mixes: mixup and CutMix have a meaning.
        averages: what a network says at several sides can be averaged (`probabilities`).
        teaches: one network can learn from what another says (`apart`).
        emphasises: the loss knows `class_weights` and `focal` of a recipe.
        probed: a linear head on what the backbone sees says all, so a linear probe has a meaning.
    """

    name: str
    sample: str = "image"
    one_class: bool = False
    confidence_is_probability: bool = False
    fit: Literal["crop", "pad", "cut"] = "crop"
    mixes: bool = False
    averages: bool = False
    probed: bool = False
    teaches: bool = False
    emphasises: bool = False

    @property
    @abstractmethod
    def metric(self) -> Metric:
        """What the mean of the scores is called."""

    @property
    @abstractmethod
    def row(self) -> np.dtype:
        """The fields of what is kept of every picture at test, of fixed size.

        Those beyond `prediction`, `score` and `confidence` go to `outcomes.parquet`.
        """

    # --- what there is ------------------------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def of(cls, given: Given) -> Task:
        """The task on this data.

        Raises:
            InputError: the data or an option does not fit it.
        """

    @abstractmethod
    def targets(self, samples: pl.DataFrame) -> Targets:
        """The target of each picture, in the order of the rows; something with a length that can be sliced."""

    def units(self, samples: pl.DataFrame) -> pl.DataFrame | None:
        """The samples that a split's pictures make, as columns of `records.SAMPLES`; None where each picture is one.

        A sample of two groups has the second in a column `group_other`. `judged` is handed them again, so a column may
        say what it needs, such as the places of a sample's pictures; a nested one is never sliced by.
        """
        del samples
        return None

    # --- training -----------------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def outputs(self) -> int:
        """How many outputs the backbone's own linear head needs; 1 where `assemble` makes another head."""

    def assemble(self, backbone: nn.Module) -> nn.Module:
        """The network to train, with a backbone (`networks.ResNet`: `features`, `embed`, `taps`, `fc`) in it.

        A network of its own holds the backbone as `backbone`. In evaluation mode it takes float images
        (batch, 3, side, side), a batch of none too, and gives one float tensor whose first axis is the batch. Weights
        that it makes are drawn from torch's global generator, which the caller seeds.
        """
        return backbone

    def vectors(self, network: nn.Module, seen: Tensor) -> Tensor:
        """What others may use of pictures instead of answers, (batch, values): usually what the head sees.

        Args:
            network: of `assemble`, in evaluation mode.
            seen: what its backbone's linear head sees of the pictures, (batch, values).
        """
        del network
        return seen

    def view(self, augmentation: Augmentation, side: int) -> View | None:
        """How a training picture and its target are augmented together; None where the target stays as it is.

        It can be pickled, and draws from torch's global generator, which the caller seeds by seed, epoch and picture.
        """
        del augmentation, side
        return None

    @property
    def views_an_epoch(self) -> int:
        """How many random views of each training picture an epoch shows."""
        return 1

    def collate(self, targets: Sequence[Any]) -> Any:  # noqa: ANN401  what `loss` takes
        """The targets of a batch: a tensor whose first axis is the batch, or a list with an entry a picture."""
        return torch.as_tensor(np.asarray(targets))

    @abstractmethod
    def example(self, images: Tensor) -> Any:  # noqa: ANN401
        """Some targets of a batch, to time a training step with; images uint8 (batch, 3, side, side)."""

    def forward(self, network: nn.Module, images: Tensor, targets: Any) -> Any:  # noqa: ANN401
        """What a network in training says of a batch; some networks need the targets for it."""
        del targets
        return network(images)

    @abstractmethod
    def loss(self, outputs: Any, targets: Any, smoothing: float = 0.0) -> Tensor:  # noqa: ANN401
        """The scalar to minimise, a mean over the batch, with gradient; `outputs` are what `forward` gave."""

    def apart(self, outputs: Tensor, taught: Tensor, temperature: float) -> Tensor:
        """How far a pupil's outputs are from its teacher's, of the same pictures; a scalar, with the pupil's gradient.

        A mean over the batch, times the squared temperature, so that its gradient keeps its size beside the loss's.
        """
        del outputs, taught, temperature
        raise NotImplementedError(f"{self.name} has no teachers")

    def hits(self, outputs: Any, targets: Any) -> int | None:  # noqa: ANN401
        """How many pictures of a training batch were answered rightly; None where that has no meaning."""
        del outputs, targets
        return None

    # --- test ---------------------------------------------------------------------------------------------------------

    def inputs(self, squares: np.ndarray, sample_ids: Sequence[str]) -> np.ndarray:
        """What the network is shown of the test squares, each by itself; uint8 (pictures, side, side, 3) both."""
        del sample_ids
        return squares

    def completed(self, outputs: Tensor, shown: np.ndarray) -> Tensor:
        """What `outcomes` takes, of what a network gave and was shown; for networks that say what to add to a picture.

        Args:
            outputs: float32 (batch, ...), on the CPU.
            shown: uint8 (batch, side, side, 3), after `inputs`.
        """
        del shown
        return outputs

    @abstractmethod
    def outcomes(self, outputs: Tensor, targets: Targets, squares: np.ndarray) -> np.ndarray:
        """What is kept of each picture, of type `row`; depends on no other picture of the batch.

        Args:
            outputs: float32 (batch, ...) of the network in evaluation mode, on the CPU, `completed`.
            targets: of the batch.
            squares: uint8 (batch, side, side, 3), before `inputs`.
        """

    @abstractmethod
    def judged(self, run: Run, reference: Run | None = None) -> pl.DataFrame:
        """Columns `target`, `prediction` (text, null where there is none), `score`, `confidence`, one row a sample.

        Args:
            run: of a whole split; where the metric is `alone`, of any part of it.
            reference: the same network on validation, for what must be chosen there (a threshold); None on validation
                itself, where it is chosen on what it is used on.

        Raises:
            InputError: the samples do not hold what the metric takes, whatever the network said of them; `of` refuses
                that of val and test.
        """

    def also(self) -> tuple[Task, ...]:
        """The same task by further metrics, from the same rows; reported beside the verdict, never deciding."""
        return ()

    def baselines(self, squares: np.ndarray, targets: Targets, sample_ids: Sequence[str]) -> Mapping[str, np.ndarray]:
        """What methods without a trained network say of each picture, by their name for people; shown by every figure.

        Args:
            squares: uint8 (pictures, side, side, 3), before `inputs`; some of a split's, or none.
            targets: of the pictures.
            sample_ids: of the pictures.

        Returns:
            Rows that `judged` takes, (pictures,) for each name; each picture's depends on no other. The same names for
            any pictures. They need not be of type `row`: what a method lacks may be left out or have another size.
        """
        del squares, targets, sample_ids
        return {}

    def exhibits(self, seen: Seen, place: int) -> tuple[Exhibit, ...]:
        """What people are shown of the test sample at a place, both networks side by side; () where nothing is.

        Asked of the few samples that divide the networks the most. What is not asked of `seen` is not computed.
        """
        del seen, place
        return ()

    def decisions(self, outputs: Tensor) -> Tensor | None:
        """What rounding may flip, int64 (batch, ...); None where an output is no decision."""
        del outputs
        return None

    def probabilities(self, outputs: Tensor) -> Tensor:
        """What is averaged where a sample is seen at several sides."""
        raise NotImplementedError(f"{self.name} averages nothing")

    def from_probabilities(self, mean: Tensor) -> Tensor:
        """Outputs with such probabilities."""
        raise NotImplementedError(f"{self.name} averages nothing")

    # --- in use -------------------------------------------------------------------------------------------------------

    def kept(self, reference: Run | None) -> Mapping[str, Any]:
        """What an exported file must know of the task to give its answers, in plain values that JSON can hold.

        Args:
            reference: the network on validation, for what must be chosen there; None where no rows are kept of it.
        """
        del reference
        return {}

    @classmethod
    @abstractmethod
    def again(cls, classes: tuple[str, ...], kept: Mapping[str, Any]) -> Task:
        """The task as an exported file knows it: it assembles its network and answers, but can train or judge nothing.

        Raises:
            ValueError, TypeError, KeyError: what is kept fits no such task.
        """

    def said(self, outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """What a network in use gives, one tensor for each of `Answers.outputs` (`registry.Entry.answers`).

        Args:
            outputs: float32 (batch, ...), for each side that is averaged over.
        """
        (only,) = outputs
        return (only,)

    def outputs_of(self, said: Sequence[Tensor]) -> Tensor:
        """Outputs that `outcomes` takes, of what `said` gave."""
        return said[0]
