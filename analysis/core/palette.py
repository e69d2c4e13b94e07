"""The colours of datasets and groups outside the pages; `tokens.css` has the same six for datasets."""

from __future__ import annotations

DATASETS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Okabe–Ito, told apart by all eyes, in the order in which pages give them to datasets."""

GROUPS = (*DATASETS, "#332288", "#999933", "#882255", "#44aa99")
"""For other groups: the same and four of Paul Tol's muted colours. More than these no eye keeps apart."""

REST = "#8f9198"
"""Groups beyond these, and what belongs to none."""
