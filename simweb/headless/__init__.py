"""The overlap of folders without a server or a database: read, compare, project, and write it into a folder."""

from simweb.headless.halves import Limits
from simweb.headless.output import SUMMARY, Output
from simweb.headless.overlap import overlap_of_folders
from simweb.headless.pictures import Advance
from simweb.headless.plan import Overlap, Plan
from simweb.headless.projections import Drawing
from simweb.headless.results import check_out, write_results
from simweb.headless.summary import sentences, summary

__all__ = [
    "SUMMARY",
    "Advance",
    "Drawing",
    "Limits",
    "Output",
    "Overlap",
    "Plan",
    "check_out",
    "overlap_of_folders",
    "sentences",
    "summary",
    "write_results",
]
