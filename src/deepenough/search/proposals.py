"""Who proposes what to try: Optuna, its state in a store of its own that many processes and machines share.

A trial's user attributes hold all that others need of it: which contender it is, its configuration's digest, what its
rungs said, and its scores there, packed. So a search that is shared needs nothing but the store.
"""

from __future__ import annotations

import base64
import contextlib
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from deepenough.errors import StudyError
from deepenough.training.seeds import derive_seed

if TYPE_CHECKING:
    import optuna

NAME = "deepenough"
SAMPLERS = ("tpe", "random")
FEWEST_FOR_IMPORTANCE = 8  # whole trainings
Scores = npt.NDArray[np.float64]
STARTUP = 6  # trials before the sampler learns from them, the beginnings among them


def open_proposals(store: str | Path, *, sampler: str, seed: int) -> Proposals:
    """Open the search in a store, or begin it there.

    Args:
        store: a file for Optuna's journal, which several processes may write, or a URL such as `sqlite:///tune.db` or
            `postgresql://HOST/DATABASE`.
        sampler: of `SAMPLERS`; `tpe` is the tree-structured Parzen estimator (J. Bergstra et al., "Algorithms for
            hyper-parameter optimization", NeurIPS 2011; Optuna's, multivariate, trials above budget told apart by a
            constraint).
        seed: of the proposals; a trial's own follows from it and the trial's number.

    Raises:
        StudyError: Optuna is not installed, or the store cannot be opened.
    """
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        raise StudyError("tune", "Optuna", "no such package", "pip install 'deepenough[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with _refused(store):
        storage = (
            optuna.storages.RDBStorage(store)
            if isinstance(store, str)
            else optuna.storages.JournalStorage(JournalFileBackend(str(store)))
        )
        study = optuna.create_study(
            storage=storage,
            study_name=NAME,
            direction="maximize",
            load_if_exists=True,
            sampler=_seeded(sampler, seed),
        )
    return Proposals(study)


@contextlib.contextmanager
def _refused(store: str | Path) -> Iterator[None]:
    """What a database's library says of a URL it cannot open, in a line."""
    if not isinstance(store, str):
        yield
        return
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, ArgumentError, ImportError) as error:
        said = str(error).splitlines()[0]
        expected = "a URL that Optuna can open, such as sqlite:///tune.db or postgresql://HOST/DATABASE"
        raise StudyError(f"--storage {without_password(store)}", expected, said) from None


def without_password(url: str) -> str:
    """A URL as it may be shown.

    >>> without_password("postgresql://ada:secret@host/db"), without_password("sqlite:///tune.db")
    ('postgresql://ada:***@host/db', 'sqlite:///tune.db')
    """
    scheme, mark, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    if not (mark and at and ":" in login):
        return url
    return f"{scheme}://{login.partition(':')[0]}:***@{place}"


def _seeded(kind: str, seed: int) -> Any:  # noqa: ANN401  a sampler; Optuna is an extra
    """A sampler whose draws follow from the seed and the trial's number, so that no two processes draw alike."""
    from optuna.samplers import BaseSampler, RandomSampler, TPESampler

    class Seeded(BaseSampler):
        def __init__(self) -> None:
            self._inner: BaseSampler = RandomSampler(seed=0)

        def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
            own = derive_seed(seed, "trial", trial.number) % 2**32
            tpe = kind == "tpe"
            self._inner = TPESampler(seed=own, n_startup_trials=STARTUP) if tpe else RandomSampler(seed=own)

        def infer_relative_search_space(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> Any:  # noqa: ANN401
            return self._inner.infer_relative_search_space(study, trial)

        def sample_relative(self, study: optuna.Study, trial: optuna.trial.FrozenTrial, search_space: Any) -> Any:  # noqa: ANN401
            return self._inner.sample_relative(study, trial, search_space)

        def sample_independent(
            self,
            study: optuna.Study,
            trial: optuna.trial.FrozenTrial,
            param_name: str,
            param_distribution: optuna.distributions.BaseDistribution,
        ) -> Any:  # noqa: ANN401
            return self._inner.sample_independent(study, trial, param_name, param_distribution)

    return Seeded()


class Proposals:
    """The trials of a search as its store holds them, whoever made them.

    A trial's `status` is `trained`, `ended` (at a rung), `diverged`, `over_budget`, `surplus` (asked for as the
    last one began elsewhere), or `running`.
    """

    def __init__(self, study: optuna.Study) -> None:
        self._study = study

    @property
    def facts(self) -> dict[str, Any] | None:
        """What the search was begun with; None before `begin`."""
        return self._study.user_attrs.get("facts")

    def begin(self, facts: Mapping[str, Any], first: Sequence[Mapping[str, Any]]) -> None:
        """Keep what the search is about, and the points to try first."""
        self._study.set_user_attr("facts", dict(facts))
        for point in first:
            self._study.enqueue_trial(dict(point), skip_if_exists=True)

    def ask(self, most: int) -> optuna.Trial | None:
        """The next trial to draw; None where `most` are there already, those above budget not counted."""
        if self._counted() >= most:
            return None
        trial = self._study.ask()
        if self._counted(before=trial.number) >= most:  # another process asked at the same moment
            self.end(trial, "surplus", None)
            return None
        return trial

    def take_up(self, number: int) -> optuna.Trial:
        """A trial that was begun, to go on with: what it drew is drawn again alike."""
        import optuna

        known = self._study.get_trials(deepcopy=False)[number]
        return optuna.Trial(self._study, known._trial_id)

    def say(self, trial: optuna.Trial, **said: Any) -> None:  # noqa: ANN401  what JSON holds
        """Keep something of a trial."""
        for name, value in said.items():
            trial.set_user_attr(name, value)

    def reached(self, trial: optuna.Trial, epoch: int, judgement: Mapping[str, Any], scores: Scores) -> None:
        """Keep what a rung said, and the scores there, for all who come after."""
        trial.report(float(judgement["mean"]), epoch)
        self.say(trial, **{f"scores {epoch}": packed(scores), f"rung {epoch}": dict(judgement)})

    def rivals(self, epoch: int, but: int) -> dict[int, Scores]:
        """Scores at a rung of all other trials that reached it, by number."""
        return {
            trial.number: unpacked(trial.user_attrs[f"scores {epoch}"])
            for trial in self._study.get_trials(deepcopy=False)
            if trial.number != but and f"scores {epoch}" in trial.user_attrs
        }

    def end(self, trial: optuna.Trial, status: str, value: float | None, *, over: float = 0.0) -> None:
        """A trial's end.

        Args:
            trial: that ends.
            status: how.
            value: its mean score after its whole training; None where it had none.
            over: by how much it is above the budget, in shares of that.
        """
        from optuna.trial import TrialState

        self.say(trial, status=status)
        if over > 0.0:
            trial.set_constraint("over budget", over)
        if status == "surplus":
            self._study.tell(trial, state=TrialState.FAIL)
        elif value is None:
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            self._study.tell(trial, value)

    def known(self) -> list[dict[str, Any]]:
        """Every trial with what is kept of it, without scores; in the order in which they were asked for."""
        return [
            {
                "number": trial.number,
                "status": "running",
                **{key: value for key, value in trial.user_attrs.items() if not key.startswith(("scores ", "rung "))},
                "drawn": dict(trial.params),
                "rungs": {
                    key.removeprefix("rung "): value
                    for key, value in trial.user_attrs.items()
                    if key.startswith("rung ")
                },
            }
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state.name != "WAITING" and trial.user_attrs.get("status") != "surplus"
        ]

    def running(self) -> list[int]:
        """The trials that were begun and have not ended, by number."""
        return [each["number"] for each in self.known() if each["status"] == "running"]

    def importances(self) -> dict[str, float]:
        """How much each part of the space has to do with who is among the best, shares of 1; empty where few ended.

        Optuna's PED-ANOVA: S. Watanabe et al., "PED-ANOVA: efficiently quantifying hyperparameter importance in
        arbitrary subspaces", IJCAI 2023.
        """
        import optuna

        done = self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        if len(done) < FEWEST_FOR_IMPORTANCE:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where a part had one value alone it says so and leaves it out
            found: Mapping[str, float] = optuna.importance.get_param_importances(self._study)
        return {name: float(value) for name, value in found.items()}

    def _counted(self, before: int | None = None) -> int:
        """Trials begun that count; those with numbers below `before` where given."""
        counted = [
            trial.number
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state.name != "WAITING" and trial.user_attrs.get("status") not in ("over_budget", "surplus")
        ]
        return sum(before is None or number < before for number in counted)


def packed(scores: Scores) -> str:
    """Scores as text that a store holds: a bit each where all are 0 or 1, else float32.

    >>> unpacked(packed(np.array([1.0, 0.0, 1.0]))).tolist(), unpacked(packed(np.array([0.5, 2.0]))).tolist()
    ([1.0, 0.0, 1.0], [0.5, 2.0])
    """
    binary = bool(np.isin(scores, (0.0, 1.0)).all())
    content = np.packbits(scores.astype(bool)) if binary else scores.astype(np.float32)
    text = base64.b85encode(zlib.compress(content.tobytes())).decode()
    return f"{'b' if binary else 'f'}{len(scores)}:{text}"


def unpacked(text: str) -> Scores:
    """Scores of `packed`, (samples,)."""
    head, _, body = text.partition(":")
    content, samples = zlib.decompress(base64.b85decode(body)), int(head[1:])
    if head[0] == "b":
        return np.unpackbits(np.frombuffer(content, np.uint8))[:samples].astype(np.float64)
    return np.frombuffer(content, np.float32).astype(np.float64)
