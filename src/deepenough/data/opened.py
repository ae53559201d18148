"""What is kept of a picture that was decoded once: enough to split, compare and judge it, without its pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from deepenough.data.entries import Entry


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """One picture that was decoded.

    Args:
        sample_id: the hash of its bytes.
        entry: where it is from.
        width: pixels, upright.
        height: the same.
        traits: what the rules had to do, see `decode.Picture`; also `wrong_ending`.
        bytes: of its file.
        format: Pillow's name of the file format.
        compression: the sum of a JPEG's quantisation tables, which is the greater the more was lost; 0 for others.
        copy: from `likeness.small_copy`.
        split: empty until it has been dealt out.
        stratum: within which it is dealt out, see `readings.Reading.strata`; its class where None.
    """

    sample_id: str
    entry: Entry
    width: int
    height: int
    traits: frozenset[str]
    bytes: int
    format: str
    compression: int
    copy: np.ndarray | None = field(repr=False)
    split: str = ""
    stratum: str | None = None

    def in_split(self, split: str) -> Opened:
        """The same picture in this split; in a quarter of the time that `dataclasses.replace` takes."""
        return Opened(
            sample_id=self.sample_id,
            entry=self.entry,
            width=self.width,
            height=self.height,
            traits=self.traits,
            bytes=self.bytes,
            format=self.format,
            compression=self.compression,
            copy=self.copy,
            split=split,
            stratum=self.stratum,
        )

    @property
    def target(self) -> str:
        """The class name."""
        return self.entry.target or ""

    @property
    def dealt_by(self) -> str:
        """The name among whose pictures it is dealt out."""
        return self.target if self.stratum is None else self.stratum
