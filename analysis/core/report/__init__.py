"""A comparison's report: one archive of machine-readable lists, figures, and a text for people."""

from analysis.core.report.agreement import LabelAgreement, label_agreement
from analysis.core.report.data import Cell, DatasetHashes, DatasetPart, FurtherHashes, ReportData, SignalPart
from analysis.core.report.files import ReportFile, report_files
from analysis.core.report.study import study_files

__all__ = [
    "Cell",
    "DatasetHashes",
    "DatasetPart",
    "FurtherHashes",
    "LabelAgreement",
    "ReportData",
    "ReportFile",
    "SignalPart",
    "label_agreement",
    "report_files",
    "study_files",
]
