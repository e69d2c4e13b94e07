"""Two coordinates for each embedding, so that likeness can be seen: PCA, t-SNE and UMAP."""

from analysis.core.projection.methods import METHODS, InvalidProjection, Method, Pca, Tsne, Umap, method_from, suggested
from analysis.core.projection.project import Projected, Report, project

__all__ = [
    "METHODS",
    "InvalidProjection",
    "Method",
    "Pca",
    "Projected",
    "Report",
    "Tsne",
    "Umap",
    "method_from",
    "project",
    "suggested",
]
