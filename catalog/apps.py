"""What people bring: projects, datasets, images, labels."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Datasets and their images."""

    name = "catalog"
