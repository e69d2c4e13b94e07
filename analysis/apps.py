"""What is computed on the datasets: descriptors, comparisons, review, splits."""

from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    """Everything computed."""

    name = "analysis"

    def ready(self) -> None:
        """Let uploads hand every decoded image to the extraction, so that no file is decoded twice."""
        from analysis.pipeline.extract import IngestDescriptors
        from catalog.hooks import observe

        observe(IngestDescriptors())
