"""What can go wrong with what people bring, as types. `simweb.errors` maps them to HTTP and the command line."""


class CatalogError(Exception):
    """Something that cannot be taken into the catalogue.

    Args:
        message: what is wrong, in plain words, with the place (file, line) where there is one.
        remedy: what the person can do about it; may be empty.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class RefusedArchive(CatalogError):
    """An archive that is refused whole: broken, hostile, or beyond the limits."""


class RefusedImage(CatalogError):
    """One file that is refused while the rest goes on.

    Args:
        code: a short stable key of the reason, e.g. ``truncated``, ``not-an-image``, ``too-large``.
    """

    def __init__(self, code: str, message: str, *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.code = code


class BrokenTable(CatalogError):
    """A label, class or fingerprint file that cannot be read; the message names the file and the line."""


class NotAllowed(CatalogError):
    """The person may see the project but their role does not allow this."""


class Conflict(CatalogError):
    """The request contradicts what is already there, such as a name that is taken."""
