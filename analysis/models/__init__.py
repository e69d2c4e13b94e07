"""What is computed and said: descriptors, comparisons, review, outputs."""

from analysis.models.comparison import Block, Comparison, ComparisonSignal, Coverage, Measurement, Summary
from analysis.models.descriptors import Hash, Signal
from analysis.models.outputs import Report, Split, SplitItem
from analysis.models.review import Decision, Verdict

__all__ = [
    "Block",
    "Comparison",
    "ComparisonSignal",
    "Coverage",
    "Decision",
    "Hash",
    "Measurement",
    "Report",
    "Signal",
    "Split",
    "SplitItem",
    "Summary",
    "Verdict",
]
