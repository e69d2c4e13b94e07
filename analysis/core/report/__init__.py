"""A comparison's report: one archive of machine-readable lists, figures, and a text for people."""

from analysis.core.report.data import Cell, DatasetHashes, DatasetPart, FurtherHashes, ReportData, SignalPart
from analysis.core.report.files import ReportFile, report_files

__all__ = [
    "Cell",
    "DatasetHashes",
    "DatasetPart",
    "FurtherHashes",
    "ReportData",
    "ReportFile",
    "SignalPart",
    "report_files",
]
