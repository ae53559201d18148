"""The section on how to do it again."""

from __future__ import annotations

from deepenough.report.document import Listing, Section
from deepenough.report.evidence import Evidence
from deepenough.report.language import later, say
from deepenough.report.tables import machine, results

_SEEDS = later(
    "A seed varies the initial weights, the order of the images and their augmentation; the images, the splits "
    "and the recipe are the same for every run. Within a seed all contenders were trained on the same batches."
)
_PROBE = later(
    "The networks stood still, and a linear head was fitted to what each sees of the training images as they are, "
    "its penalty chosen on validation. No seed has a part in that."
)


def section(evidence: Evidence) -> Section:
    """Command, versions, hardware and seeds, with the study file and every comparison beside."""
    lead = [say(_PROBE if evidence.verdict.trained == "head" else _SEEDS)]
    if evidence.environment is None:
        lead.append(say("The study folder holds no environment.json: versions and hardware are not on record."))
    study = () if evidence.study is None else (Listing(title=say("study.yaml, resolved"), text=evidence.study),)
    return Section(
        key="protocol",
        title=say("How to do it again"),
        lead=tuple(lead),
        blocks=(machine.protocol(evidence),),
        aside=(*study, results.pairs(evidence.verdict)),
    )
