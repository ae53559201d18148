"""The narrow waist: what a study leaves on disk, and nothing else.

Above this module everything that decides, draws and prints reads these records; below it everything that computes
returns them. From here on neither torch, a GPU nor the images are needed. Tables are polars frames in Parquet with the
columns named here; single results are frozen dataclasses in JSON. Names are a contract: add, never rename.

Files are written whole under a temporary name in the same folder, flushed to disk and renamed, so a reader sees the old
file or the new one and never a torn one; each holds its checksum, so what a disk or a hand does to it is noticed.
"""

from deepenough.records.files import (
    audit_from_json,
    read_json,
    read_table,
    read_verdict,
    samples_of,
    to_json,
    verdict_from_json,
    write_json,
    write_table,
    write_table_in_parts,
)
from deepenough.records.measures import Measure, Measures, Tempered, measures_from_json
from deepenough.records.results import (
    AboutSamples,
    Answer,
    Audit,
    BaselineResult,
    ContenderResult,
    Finding,
    NearDuplicate,
    Needed,
    NoiseSource,
    PairResult,
    Scope,
    Trained,
    Verdict,
)
from deepenough.records.seals import require_whole_table, require_whole_text, seal_text, unpanicked
from deepenough.records.tables import (
    ANNOTATIONS,
    BASELINES,
    CAMS,
    COSTS,
    EXHIBITS,
    HISTORY,
    NOISE,
    OTHER_GROUP,
    OUTCOMES,
    QUARANTINE,
    SAMPLES,
    SCORES,
    SLICES,
)
from deepenough.records.third import AVERAGE, CASCADE, CascadeTiming, ThirdAnswers, Threshold, third_from_json
from deepenough.records.writing import DISK_FULL, make_folder, sweep, write_atomically

__all__ = [
    "ANNOTATIONS",
    "AVERAGE",
    "BASELINES",
    "CAMS",
    "CASCADE",
    "COSTS",
    "DISK_FULL",
    "EXHIBITS",
    "HISTORY",
    "NOISE",
    "OTHER_GROUP",
    "OUTCOMES",
    "QUARANTINE",
    "SAMPLES",
    "SCORES",
    "SLICES",
    "AboutSamples",
    "Answer",
    "Audit",
    "BaselineResult",
    "CascadeTiming",
    "ContenderResult",
    "Finding",
    "Measure",
    "Measures",
    "NearDuplicate",
    "Needed",
    "NoiseSource",
    "PairResult",
    "Scope",
    "Tempered",
    "ThirdAnswers",
    "Threshold",
    "Trained",
    "Verdict",
    "audit_from_json",
    "make_folder",
    "measures_from_json",
    "read_json",
    "read_table",
    "read_verdict",
    "require_whole_table",
    "require_whole_text",
    "samples_of",
    "seal_text",
    "sweep",
    "third_from_json",
    "to_json",
    "unpanicked",
    "verdict_from_json",
    "write_atomically",
    "write_json",
    "write_table",
    "write_table_in_parts",
]
