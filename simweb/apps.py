"""The site itself: sign-in, start, errors, the command that runs everything."""

from django.apps import AppConfig


class SimwebConfig(AppConfig):
    """Commands and templates of the site."""

    name = "simweb"
