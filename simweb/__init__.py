"""simweb: which images do our datasets share?"""

from simweb.celery import app as celery_app

__all__ = ["celery_app"]
