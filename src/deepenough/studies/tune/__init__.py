"""The search for the network that suits a budget: `deepenough tune`.

Owns its folder, its plan, its trials and its record. Refuses to decide: the winner is trained anew, with fresh seeds
and on other splits, as a contender of an ordinary study beside ResNet-50 and ResNet-101.
"""

from deepenough.studies.tune.asked import Asked
from deepenough.studies.tune.laying import Laid, lay_out
from deepenough.studies.tune.whole import searched

__all__ = ["Asked", "Laid", "lay_out", "searched"]
