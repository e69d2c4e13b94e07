"""What most hashes leave as it is."""

from __future__ import annotations

from analysis.core.hashes._rendition import Size


class HashBase:
    """Reads no reduction and has nothing to note; hashes that do say so."""

    def reductions(self, width: int, height: int) -> tuple[Size, ...]:
        """None; see `Hash`."""
        return ()

    def note(self, descriptor: bytes) -> str:
        """Nothing; see `Hash`."""
        return ""
