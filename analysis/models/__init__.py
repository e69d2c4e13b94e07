"""What is computed and said: descriptors, comparisons, review, exploration, outputs."""

from analysis.models.comparison import Block, Comparison, ComparisonSignal, Coverage, Measurement, Summary
from analysis.models.descriptors import Embedding, Hash, Signal
from analysis.models.exploration import ModelComparison, Projection
from analysis.models.outputs import Report, Split, SplitItem
from analysis.models.review import Decision, Verdict
from analysis.models.verification import Verification, VerificationRun

__all__ = [
    "Block",
    "Comparison",
    "ComparisonSignal",
    "Coverage",
    "Decision",
    "Embedding",
    "Hash",
    "Measurement",
    "ModelComparison",
    "Projection",
    "Report",
    "Signal",
    "Split",
    "SplitItem",
    "Summary",
    "Verdict",
    "Verification",
    "VerificationRun",
]
