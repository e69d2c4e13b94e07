"""Methods that are tried beside each other: what stops one does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from analysis.core.errors import AnalysisError, UnknownName

Result = TypeVar("Result")


class Trial:
    """Keeps what stopped one method apart from the others; the last one that is stopped stops everything.

    Args:
        methods: all of them.

    Attributes:
        problems: method -> what stopped it.
    """

    def __init__(self, methods: Sequence[str]) -> None:
        self.problems: dict[str, AnalysisError] = {}
        self._methods = methods

    def run(self, method: str, work: Callable[[], Result]) -> Result | None:
        """The result; None where the method is stopped while others go on.

        Raises:
            UnknownName: somebody wrote a name wrongly: it is better to say so before hours of work.
            AnalysisError: no other method goes on.
        """
        try:
            return work()
        except UnknownName:
            raise
        except AnalysisError as error:
            self.stop(method, error)
            return None

    def stop(self, method: str, error: AnalysisError) -> None:
        """Note what stopped a method.

        Raises:
            AnalysisError: no other method goes on.
        """
        self.problems[method] = error
        if all(each in self.problems for each in self._methods):
            if len(self.problems) == 1:
                raise error
            raise AnalysisError("\n".join(f"{each}: {problem}" for each, problem in self.problems.items())) from error
