"""Trackers: what a study does, written to TensorBoard or MLflow as it goes.

A tracker is told; it decides nothing, and the study's folder holds all that it is told. One that fails while a study
runs is left behind with a word, since hours of training must not hang on another program's server.
"""

from deepenough.studies.trackers.tracking import KINDS, Tracking, open_tracker

__all__ = ["KINDS", "Tracking", "open_tracker"]
