"""Measures of embeddings against scikit-learn, closed forms and data of known dimension."""

import warnings

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import RidgeClassifier
from sklearn.manifold import trustworthiness as sklearn_trustworthiness
from sklearn.metrics import average_precision_score
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from deepenough.comparison.embedding import Embedded, decide_embedding, measures, projections
from deepenough.stats import nested


def clouds(samples, features=12, classes=4, seed=0, spread=1.5):
    rng = np.random.default_rng(seed)
    labels = np.arange(samples) % classes
    centres = np.random.default_rng(99).standard_normal((classes, features)) * spread
    return centres[labels] + rng.standard_normal((samples, features)), labels


def test_neighbours_are_those_of_scikit_learn():
    (train, known), (test, asked) = clouds(200, spread=0.6), clouds(90, seed=1, spread=0.6)
    for count in (1, 3):
        truth = KNeighborsClassifier(count, algorithm="brute").fit(train, known).predict(test)
        hits = measures.knn_hits(train, known, test, asked, neighbours=count)
        votes = KNeighborsClassifier(count, algorithm="brute").fit(train, known).predict_proba(test)
        clear = np.sort(votes, axis=1)[:, -1] > np.sort(votes, axis=1)[:, -2]  # ties are ours to decide
        assert (hits == (truth == asked))[clear].all()


def test_nearer_class_wins_when_votes_tie():
    train, labels = np.array([[0.0], [1.0], [3.0], [4.0]]), np.array([0, 0, 1, 1])
    assert measures.knn_hits(train, labels, np.array([[1.2]]), np.array([0]), neighbours=4).tolist() == [1.0]


def test_retrieval_is_scikit_learns_average_precision_without_the_sample_itself():
    vectors, labels = clouds(40, spread=0.5)
    found, precision = measures.retrieval(vectors, labels, (1, 3))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for place in range(40):
        others = np.delete(np.arange(40), place)
        alike, right = unit[others] @ unit[place], labels[others] == labels[place]
        assert precision[place] == pytest.approx(average_precision_score(right, alike))
        order = np.argsort(-alike)
        assert found[1][place] == right[order[0]]
        assert found[3][place] == right[order[:3]].any()


def test_equally_near_samples_count_as_scikit_learn_counts_them_and_a_stranger_comes_first():
    vectors = np.repeat(np.eye(3), [4, 3, 3], axis=0)  # each direction several times: nothing but ties
    labels = np.array([0, 0, 1, 1, 2, 2, 2, 0, 1, 2])
    found, precision = measures.retrieval(vectors, labels, (1, 3))
    for place in range(len(labels)):
        others = np.delete(np.arange(len(labels)), place)
        truth = average_precision_score(labels[others] == labels[place], vectors[others] @ vectors[place])
        assert precision[place] == pytest.approx(truth)
    assert found[1].tolist() == [0, 0, 0, 0, 1, 1, 1, 0, 0, 0]
    assert found[3].tolist() == [1, 1, 1, 1, 1, 1, 1, 0, 0, 0]


def test_sample_that_is_alone_in_its_class_has_no_retrieval():
    vectors, labels = clouds(9)
    labels[0] = 7
    found, precision = measures.retrieval(vectors, labels, (1,))
    assert np.isnan(precision[0])
    assert np.isnan(found[1][0])
    assert not np.isnan(precision[1:]).any()


def test_samples_of_one_group_do_not_find_each_other():
    vectors, labels = clouds(40, spread=0.2)
    twins = np.concatenate([vectors, vectors + 1e-6])
    both, groups = np.concatenate([labels, labels]), np.arange(80) % 40
    assert np.nanmean(measures.retrieval(twins, both, (1,))[0][1]) == 1.0  # each finds its twin
    apart, precision = measures.retrieval(twins, both, (1,), groups)
    single, _ = measures.retrieval(vectors, labels, (1,))
    assert apart[1][:40].tolist() == single[1].tolist()
    assert np.nanmean(precision) < 1.0


def test_trustworthiness_is_scikit_learns():
    vectors, _ = clouds(120)
    low = vectors[:, :2]
    for count in (3, 10):
        truth = sklearn_trustworthiness(vectors, low, n_neighbors=count)
        assert measures.trustworthiness(vectors, low, neighbours=count) == pytest.approx(truth)
    assert measures.trustworthiness(vectors, vectors) == 1.0
    with pytest.raises(ValueError, match="fewer than half"):
        measures.trustworthiness(vectors[:10], low[:10], neighbours=5)


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_intrinsic_dimension_is_that_of_a_cube_however_it_lies(dimension):
    rng = np.random.default_rng(dimension)
    cube = rng.random((1500, dimension)) @ np.linalg.qr(rng.standard_normal((20, 20)))[0][:dimension]
    assert measures.two_nn(cube) == pytest.approx(dimension, rel=0.12)
    assert measures.two_nn(np.concatenate([cube, cube[:300]])) == pytest.approx(measures.two_nn(cube), rel=1e-6)


def test_intrinsic_dimension_is_unknown_when_hardly_two_vectors_differ():
    assert np.isnan(measures.two_nn(np.ones((10, 3))))


def test_cka_forgets_rotation_and_scale_and_is_the_same_through_features_or_samples():
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((60, 8)), rng.standard_normal((60, 5))
    turned = 3.0 * one @ np.linalg.qr(rng.standard_normal((8, 8)))[0] + 4.0
    assert measures.linear_cka(one, turned) == pytest.approx(1.0)
    centre = np.eye(60) - 1 / 60  # Kornblith et al., equation 3: HSIC of linear kernels
    left, right = (centre @ each @ each.T @ centre for each in (one, other))
    truth = np.sum(left * right) / np.sqrt(np.sum(left * left) * np.sum(right * right))
    assert measures.linear_cka(one, other) == pytest.approx(truth)
    wide = np.hstack([one, np.zeros((60, 100))])
    assert measures.linear_cka(wide, np.hstack([other, np.zeros((60, 100))])) == pytest.approx(truth)


def test_principal_components_are_orthonormal_and_lose_nothing_when_all_are_kept():
    vectors, _ = clouds(50)
    mean, axes = projections.principal(vectors)
    assert axes.T @ axes == pytest.approx(np.eye(12), abs=1e-9)
    assert (vectors - mean) @ axes @ axes.T + mean == pytest.approx(vectors)
    spread = ((vectors - mean) @ axes).var(0)
    assert (np.diff(spread) <= 1e-9).all()
    assert projections.principal(np.hstack([vectors, vectors]))[1].shape == (24, 12)


def test_random_projection_keeps_squared_lengths_on_average():
    directions = projections.random(50, 4000, np.random.default_rng(0))
    vector = np.random.default_rng(1).standard_normal(50)
    assert np.sum((vector @ directions) ** 2) == pytest.approx(np.sum(vector**2), rel=0.1)


def test_learned_directions_span_those_of_linear_discriminant_analysis():
    vectors, labels = clouds(400)
    mean, own = projections.learned(vectors, labels, shrinkage=0.0)
    theirs = LinearDiscriminantAnalysis(solver="eigen").fit(vectors, labels).scalings_[:, :3]
    assert own.shape == (12, 3)
    cosines = np.linalg.svd(np.linalg.qr(own)[0].T @ np.linalg.qr(theirs)[0])[1]
    assert cosines == pytest.approx(1.0, abs=1e-6)
    assert mean == pytest.approx(vectors.mean(0))


def test_probe_is_ridge_regression_on_class_indicators(monkeypatch):
    monkeypatch.setattr(projections, "PENALTIES", (0.5,))
    (train, known), (test, asked) = clouds(150, spread=0.4), clouds(80, seed=1, spread=0.4)
    centred = train - train.mean(0)
    unit = (centred**2).sum() / train.shape[1]
    truth = RidgeClassifier(alpha=0.5 * unit).fit(train, known).predict(test)
    hits = projections.Probe(4).hits((train, known), (test, asked), (test, asked))
    assert (hits == (truth == asked)).all()


def test_enough_is_the_point_from_which_accuracy_stays():
    assert projections.enough([1, 2, 4], [0.95, 0.5, 1.0], 1.0, 0.95) == 4
    assert projections.enough([1, 2, 4], [0.95, 0.96, 1.0], 1.0, 0.95) == 1
    assert projections.enough([1, 2, 4], [0.5, 0.6, 0.7], 1.0, 0.95) is None


def embedded(name, seed, noise):
    heads, labels = {}, {}
    for place, (split, size) in enumerate({"train": 80, "val": 40, "test": 48}.items()):
        vectors, labels[split] = clouds(size, seed=100 * seed + place, spread=1.0)
        extra = np.random.default_rng([seed, place]).standard_normal(vectors.shape)
        heads[split] = vectors + noise * extra
    stages = {"C2": heads["test"][:, :6], "C3": heads["test"]}
    return Embedded(contender=name, seed=seed, heads=heads, stages=stages), labels


def test_report_compares_runs_by_the_estimator_of_verdicts():
    made = [embedded(name, seed, noise) for name, noise in (("a", 2.0), ("b", 0.1)) for seed in range(3)]
    labels = made[0][1]
    squares = {split: np.zeros((len(part), 32, 32, 3), np.uint8) for split, part in labels.items()}
    runs = [run for run, _ in made]
    found = decide_embedding(runs, labels, squares, pair=("a", "b"), scale=32, margin=1.0, source="s", weights="random")
    hits = [
        np.stack(
            [
                measures.knn_hits(run.heads["train"], labels["train"], run.heads["test"], labels["test"])
                for run in runs
                if run.contender == name
            ]
        )
        for name in ("a", "b")
    ]
    truth = nested(hits[1], hits[0])
    assert found.gains["knn"].interval == pytest.approx([100 * end for end in truth.interval])
    assert found.gains["recall_at_1"].difference > 0
    assert set(found.similarity) == {"0", "1", "2"}
    for run in found.runs:
        assert run.dimensions["pca"] == [1, 2, 4, 8, 12]
        assert run.dimensions["learned"] == [1, 2, 3]
        assert run.curves["pca"]["knn"][-1] == pytest.approx(run.knn)  # all components are a rotation
        assert run.trustworthiness[-1] == pytest.approx(1.0)


@pytest.mark.slow  # its compiler takes half a minute to start
def test_umap_is_laid_out_on_training_alone_and_judged_like_any_projection():
    library = pytest.importorskip("umap", reason="umap-learn is not installed: pip install 'deepenough[embed]'")
    made, labels = embedded("a", 0, 0.5)
    other, _ = embedded("b", 0, 0.5)
    squares = {split: np.zeros((len(part), 32, 32, 3), np.uint8) for split, part in labels.items()}
    asked = {"pair": ("a", "b"), "scale": 32, "margin": 1.0, "source": "s", "weights": "random"}
    found = decide_embedding([made, other], labels, squares, umap=True, **asked)
    run = found.runs[0]
    assert run.dimensions["umap"] == [2, 8]  # of 12 features
    mean, axes = projections.principal(made.heads["train"])
    flat = {split: ((part - mean) @ axes).astype(np.float32) for split, part in made.heads.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = library.UMAP(n_components=2, n_neighbors=15, random_state=0, n_jobs=1).fit(flat["train"])
        places = {split: own.transform(part) for split, part in flat.items()}
    hits = measures.knn_hits(places["train"], labels["train"], places["test"], labels["test"])
    assert run.curves["umap"]["knn"][0] == hits.mean()
    assert run.curves["umap"]["knn"][0] > 0.5  # of four classes
    assert "umap" not in decide_embedding([made, other], labels, squares, **asked).runs[0].curves


def test_first_hits_are_those_of_the_whole_retrieval():
    for vectors, labels, groups in (
        (*clouds(60, spread=0.4), None),
        (*clouds(60, spread=0.4), np.arange(60) // 3),
        (np.repeat(np.eye(3), [4, 3, 3], axis=0), np.array([0, 0, 1, 1, 2, 2, 2, 0, 1, 3]), None),
    ):
        truth = measures.retrieval(vectors, labels, (1,), groups)[0][1]
        assert measures.first_hits(vectors, labels, groups) == pytest.approx(truth, nan_ok=True)


def test_classes_that_training_never_saw_are_judged_by_what_finds_each_other():
    made = [embedded(name, seed, noise) for name, noise in (("a", 2.0), ("b", 0.1)) for seed in range(3)]
    labels = {split: part + 4 * place for place, (split, part) in enumerate(made[0][1].items())}
    squares = {split: np.zeros((len(part), 32, 32, 3), np.uint8) for split, part in labels.items()}
    runs, pair = [run for run, _ in made], ("a", "b")
    asked = {"pair": pair, "scale": 32, "margin": 1.0, "source": "s", "weights": "trained"}
    found = decide_embedding(runs, labels, squares, clusters=labels["test"], new_classes=True, **asked)
    assert (found.judges, found.new_classes, set(found.pixels)) == (["recall_at_1"], True, {"recall_at_1"})
    assert set(found.gains) == {"recall_at_1", "average_precision"}
    for run, record in zip(runs, found.runs, strict=True):
        near = NearestNeighbors(n_neighbors=2, metric="cosine").fit(run.heads["test"])
        others = near.kneighbors(return_distance=False)[:, 0]
        assert record.recall["1"] == (labels["test"][others] == labels["test"]).mean()
        reduced = PCA(2).fit(run.heads["train"]).transform(run.heads["test"])
        others = NearestNeighbors(n_neighbors=1, metric="cosine").fit(reduced).kneighbors(return_distance=False)[:, 0]
        assert record.curves["pca"]["recall_at_1"][1] == (labels["test"][others] == labels["test"]).mean()
        assert (record.knn, record.probe, set(record.enough)) == (None, None, {"recall_at_1"})
    hits = [
        np.stack([measures.first_hits(run.heads["test"], labels["test"]) for run in runs if run.contender == name])
        for name in pair
    ]
    by_class = [each.reshape(3, 12, 4).mean(axis=1) for each in hits]  # the classes by turns, as many of each
    truth = nested(by_class[1], by_class[0])
    assert found.gains["recall_at_1"].interval == pytest.approx([100 * end for end in truth.interval])
