"""What can go wrong in a computation, as types. `simweb.errors` maps them to HTTP and the command line."""


class AnalysisError(Exception):
    """A request that cannot be computed.

    Args:
        message: what is wrong, in plain words, with the place (file, line, row) where there is one.
        remedy: what the person can do about it; may be empty.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class InvalidArray(AnalysisError, ValueError):
    """An array whose shape, dtype or values are not what the arithmetic needs."""


class UnknownName(AnalysisError, LookupError):
    """A name that no registry knows."""


class ModelUnavailable(AnalysisError):
    """An encoder that cannot be used here: absent, broken, changed, or too large; what else was asked for goes on."""


class TooManyPairs(AnalysisError):
    """A join that would give more pairs than its caller accepts; names the hubs that cause it.

    Args:
        limit: the largest number of pairs that the caller accepts.
        hubs: (row, number of pairs that row takes part in), the largest first.
    """

    def __init__(self, message: str, *, limit: int, hubs: list[tuple[int, int]], remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.limit = limit
        self.hubs = hubs
