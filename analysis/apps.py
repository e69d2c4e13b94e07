"""What is computed on the datasets: descriptors, comparisons, review, splits."""

from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    """Everything computed."""

    name = "analysis"

    def ready(self) -> None:
        """Let uploads hand every decoded image to the extraction, so that no file is decoded twice."""
        from django.db.models.signals import post_delete

        from analysis.imports import ImportObserver
        from analysis.models import Report, Split
        from analysis.models.outputs import delete_archive
        from catalog.hooks import observe

        observe(ImportObserver())
        # Rows go with their dataset, comparison or project; a signal is the one place that sees all three.
        post_delete.connect(delete_archive, sender=Split)
        post_delete.connect(delete_archive, sender=Report)
