"""Tables of embeddings: figures by network, gains, dimensions needed, curves, and similarity by stage."""

from __future__ import annotations

from collections.abc import Sequence

from deepenough.records.embedding import EmbeddedRun, EmbeddingReport
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Table, table

KINDS = {
    "knn": "5 neighbours",
    "probe": "linear probe",
    "recall_at_1": "recall@1",
    "average_precision": "mAP",
}
CURVES = {
    "knn": "Accuracy of 5 neighbours over dimensions",
    "probe": "Accuracy of linear probe over dimensions",
    "recall_at_1": "Recall@1 over dimensions",
}
PROJECTIONS = {
    "pca": "principal components",
    "random": "random projection",
    "learned": "learned (Fisher)",
    "umap": "UMAP",  # where it was asked for
}


def runs_of(found: EmbeddingReport, name: str) -> list[EmbeddedRun]:
    """A contender's runs, by seed."""
    return [run for run in found.runs if run.contender == name]


def _spread(values: Sequence[float | None], decimals: int = 1, factor: float = 100.0) -> str:
    """A mean and, of several seeds, the least and the greatest."""
    known = [factor * value for value in values if value is not None]
    if not known:
        return numbers.ABSENT
    mean = numbers.fixed(sum(known) / len(known), decimals)
    return mean if len(known) == 1 else f"{mean} ({numbers.interval((min(known), max(known)), decimals)})"


def figures(found: EmbeddingReport) -> Table:
    """One row a figure, one column a network; the bare pixels last."""
    names = (found.small, found.big)
    rows = []
    for kind in (each for each in ("knn", "probe") if each in found.gains):
        title = KINDS[kind]
        pixels = numbers.share(found.pixels.get(kind)) if kind in found.pixels else numbers.ABSENT
        rows.append((f"{title}, %", *(_spread([getattr(r, kind) for r in runs_of(found, n)]) for n in names), pixels))
    for k in found.runs[0].recall:
        pixels = numbers.share(found.pixels["recall_at_1"]) if k == "1" else numbers.ABSENT
        rows.append((f"recall@{k}, %", *(_spread([r.recall[k] for r in runs_of(found, n)]) for n in names), pixels))
    rows.append(
        (
            "mAP, %",
            *(_spread([r.mean_average_precision for r in runs_of(found, n)]) for n in names),
            numbers.ABSENT,
        )
    )
    rows.append(
        (
            "dimension (TwoNN)",
            *(_spread([r.intrinsic_dimension for r in runs_of(found, n)], factor=1.0) for n in names),
            numbers.ABSENT,
        )
    )
    rows.append(("features", *(numbers.count(runs_of(found, n)[0].features) for n in names), numbers.ABSENT))
    note = (
        "Mean over seeds, in brackets least and greatest. mAP: mean average precision. TwoNN: intrinsic dimension. "
        "Pixels: the images at about 16 px, by the same measures."
    )
    heads = ["", *(display_name(name) for name in names), "pixels"]
    return table("embed-figures", f"Embeddings at {found.scale} px on the test images", heads, rows, note=note)


def gains(found: EmbeddingReport) -> Table:
    """One row a measure: big minus small with its interval."""
    rows = [
        (
            KINDS[kind],
            numbers.signed(pair.difference, 1),
            numbers.interval(pair.interval, 1),
            numbers.probability(pair.p_value),
        )
        for kind, pair in found.gains.items()
    ]
    heads = [f"gain of {display_name(found.big)}", "points", f"{numbers.confidence(found.level)} interval", "p"]
    return table("embed-gains", "What the deeper network's embedding gains", heads, rows)


def needed(found: EmbeddingReport) -> Table:
    """One row a judge and share: the fewest principal components that keep it, by seed."""
    rows = [
        (
            f"{KINDS[judge]}, {share} %",
            *(", ".join(_dimension(run.enough[judge][share]) for run in runs_of(found, name)) for name in names),
        )
        for names in ((found.small, found.big),)
        for judge in found.judges
        for share in found.runs[0].enough[judge]
    ]
    heads = ["", *(display_name(name) for name in (found.small, found.big))]
    note = "The fewest principal components from which on that share of the full figure is kept; one number a seed."
    return table("embed-needed", "How many dimensions each needs", heads, rows, note=note)


def _dimension(value: int | None) -> str:
    return numbers.count(value) if value is not None else "all"


def curve(found: EmbeddingReport, judge: str) -> Table:
    """One row a projection and number of dimensions, one column a network."""
    names = (found.small, found.big)
    rows = []
    for kind, title in PROJECTIONS.items():
        if kind not in found.runs[0].dimensions:
            continue
        counts = sorted({count for run in found.runs for count in run.dimensions[kind]})
        for count in counts:
            cells = [
                _spread(
                    [
                        run.curves[kind][judge][run.dimensions[kind].index(count)]
                        for run in runs_of(found, name)
                        if count in run.dimensions[kind]
                    ]
                )
                for name in names
            ]
            rows.append((f"{title}, {numbers.count(count)}", *cells))
    heads = ["projection, dimensions", *(f"{display_name(name)}, %" for name in names)]
    return table(f"embed-{judge.replace('_', '-')}", CURVES[judge], heads, rows)


def trust(found: EmbeddingReport) -> Table:
    """Trustworthiness of the principal components, by their number."""
    names = (found.small, found.big)
    counts = sorted({count for run in found.runs for count in run.dimensions["pca"]})
    rows = [
        (
            numbers.count(count),
            *(
                _spread(
                    [
                        run.trustworthiness[run.dimensions["pca"].index(count)]
                        for run in runs_of(found, name)
                        if count in run.dimensions["pca"]
                    ],
                    3,
                    1.0,
                )
                for name in names
            ),
        )
        for count in counts
    ]
    heads = ["principal components", *(display_name(name) for name in names)]
    return table("embed-trust", "Trustworthiness, 10 neighbours, test images", heads, rows)


def similarity(found: EmbeddingReport) -> Table:
    """Linear CKA, mean over seeds: the small network's stages down, the big one's across."""
    matrices = list(found.similarity.values())
    rows = [
        (
            f"{display_name(found.small)} {stage}",
            *(
                numbers.fixed(sum(matrix[row][column] for matrix in matrices) / len(matrices), 3)
                for column in range(len(found.stages))
            ),
        )
        for row, stage in enumerate(found.stages)
        if matrices
    ]
    heads = ["", *(f"{display_name(found.big)} {stage}" for stage in found.stages)]
    return table("embed-cka", "How alike the stages are (linear CKA, mean over seeds)", heads, rows)
