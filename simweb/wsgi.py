"""The web application for a WSGI server."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "simweb.settings")


def settle() -> None:
    """Load the pages now, not with the first request, and have the garbage collector leave alone what stays for good.

    Its full collections look at every object of the process and hold all its threads up meanwhile. Libraries alone are
    hundreds of thousands of objects, so every twentieth request or so took several times as long as the others.
    """
    _ = get_resolver().url_patterns
    gc.collect()
    gc.freeze()


application = get_wsgi_application()
settle()
