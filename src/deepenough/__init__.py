"""deepenough: is ResNet-50 deep enough for your images, or do you need ResNet-101, and at which scale?"""

from __future__ import annotations

__version__ = "0.1.0"
