"""How a number of bytes is said, the same wherever it is said."""

from __future__ import annotations


def in_bytes(count: int) -> str:
    """A size as “812 bytes”, “4.2 KiB”, “13 MiB”."""
    if count < 1024:
        return f"{count} byte{'' if count == 1 else 's'}"
    power = min((count.bit_length() - 1) // 10, 4)
    size, unit = count / 1024**power, ("KiB", "MiB", "GiB", "TiB")[power - 1]
    return f"{size:.1f} {unit}" if size < 10 else f"{size:,.0f} {unit}"
