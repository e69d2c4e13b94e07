"""Writes that people ask for directly: comparisons, splits, reports, projections. The work itself is a task's."""

from analysis.workspace._comparisons import BEING_DRAWN, begin_example, create_comparison
from analysis.workspace._jobs import queue_again
from analysis.workspace._models import MOST_NEIGHBOURS, delete_model_comparison, request_model_comparison
from analysis.workspace._outputs import MOST_SEED, NotCovered, create_split, request_report, require_covered
from analysis.workspace._projections import delete_projection, first_projection, request_projection
from analysis.workspace._verification import MOST_LOOKS, request_verification

__all__ = [
    "BEING_DRAWN",
    "MOST_LOOKS",
    "MOST_NEIGHBOURS",
    "MOST_SEED",
    "NotCovered",
    "begin_example",
    "create_comparison",
    "create_split",
    "delete_model_comparison",
    "delete_projection",
    "first_projection",
    "queue_again",
    "request_model_comparison",
    "request_projection",
    "request_report",
    "request_verification",
    "require_covered",
]
