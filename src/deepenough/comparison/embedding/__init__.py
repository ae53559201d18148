"""What embeddings are worth: neighbours, a linear probe, how many dimensions they need, how alike two networks' are.

Owns measures of vectors and labels, in numpy alone. Refuses networks and images; what is written and drawn is left to
`report`.
"""

from deepenough.comparison.embedding.deciding import Embedded, decide_embedding

__all__ = ["Embedded", "decide_embedding"]
