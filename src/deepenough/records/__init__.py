"""The narrow waist: what a study leaves on disk, and nothing else.

Above this module everything that decides, draws and prints reads these records; below it everything that computes
returns them. From here on neither torch, a GPU nor the images are needed. Tables are polars frames in Parquet with the
columns named here; single results are frozen dataclasses in JSON. Names are a contract: add, never rename.

Files are written whole under a temporary name in the same folder, flushed to disk and renamed, so a reader sees the old
file or the new one and never a torn one.
"""

from deepenough.records.files import (
    audit_from_json,
    read_json,
    read_table,
    to_json,
    verdict_from_json,
    write_atomically,
    write_json,
    write_table,
)
from deepenough.records.results import (
    Answer,
    Audit,
    ContenderResult,
    Finding,
    Needed,
    NoiseSource,
    PairResult,
    Scope,
    Trained,
    Verdict,
)
from deepenough.records.tables import COSTS, HISTORY, NOISE, QUARANTINE, SAMPLES, SCORES, SLICES

__all__ = [
    "COSTS",
    "HISTORY",
    "NOISE",
    "QUARANTINE",
    "SAMPLES",
    "SCORES",
    "SLICES",
    "Answer",
    "Audit",
    "ContenderResult",
    "Finding",
    "Needed",
    "NoiseSource",
    "PairResult",
    "Scope",
    "Trained",
    "Verdict",
    "audit_from_json",
    "read_json",
    "read_table",
    "to_json",
    "verdict_from_json",
    "write_atomically",
    "write_json",
    "write_table",
]
