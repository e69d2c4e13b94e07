"""Bit counting for the compiled kernels: LLVM's own instructions, which numba does not expose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8
"""Values that `near_lanes` compares at once: one 512-bit register, or two or four smaller ones."""


def _vector() -> Any:
    return ir.VectorType(ir.IntType(64), LANES)


def _load(builder: Any, array: Any, offset: Any) -> Any:
    """LANES values of an array, from an offset on."""
    loaded = builder.load(builder.bitcast(builder.gep(array.data, [offset]), _vector().as_pointer()))
    loaded.align = 8
    return loaded


def _spread(builder: Any, value: Any) -> Any:
    """One value in every lane."""
    undefined = ir.Constant(_vector(), ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


def _differing(builder: Any, left: Any, right: Any) -> Any:
    """In each lane, the number of bits in which two values differ."""
    name = f"llvm.ctpop.v{LANES}i64"
    count = builder.module.globals.get(name)
    if count is None:
        count = ir.Function(builder.module, ir.FunctionType(_vector(), [_vector()]), name)
    return builder.call(count, [builder.xor(left, right)])


def _lanes_within(builder: Any, distance: Any, limit: Any) -> Any:
    """A bit mask of the lanes that are at most `limit`, lowest lane first."""
    within = builder.icmp_unsigned("<=", distance, _spread(builder, limit))
    return builder.zext(builder.bitcast(within, ir.IntType(LANES)), ir.IntType(64))


def _popcount(_typing: Any, value: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(value), generate


def _lowest_bit(_typing: Any, value: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(value), generate


# The arguments of the functions below are numba's types of the arguments in the kernels, used here or not.
def _near_lanes(_typing: Any, values: Any, _offset: Any, rows: Any, _row: Any, _limit: Any) -> Any:
    signature = types.uint64(values, types.int64, rows, types.int64, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values, offset, rows, row, limit = args
        values = context.make_array(signature.args[0])(context, builder, values)
        rows = context.make_array(signature.args[2])(context, builder, rows)
        value = builder.load(builder.gep(rows.data, [row]))
        distance = _differing(builder, _load(builder, values, offset), _spread(builder, value))
        return _lanes_within(builder, distance, limit)

    return signature, generate


def _near_lanes_of_words(
    _typing: Any, columns: Any, _stride: Any, _offset: Any, words: Any, _row: Any, _limit: Any
) -> Any:
    signature = types.uint64(columns, types.int64, types.int64, words, types.int64, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        columns, stride, offset, words, row, limit = args
        columns = context.make_array(signature.args[0])(context, builder, columns)
        words = context.make_array(signature.args[3])(context, builder, words)
        width = builder.extract_value(words.shape, 1)
        first = builder.mul(row, width)
        with builder.goto_entry_block():
            total = builder.alloca(_vector())
        builder.store(ir.Constant(_vector(), [0] * LANES), total)
        with cgutils.for_range(builder, width) as loop:
            value = builder.load(builder.gep(words.data, [builder.add(first, loop.index)]))
            there = _load(builder, columns, builder.add(builder.mul(loop.index, stride), offset))
            builder.store(builder.add(builder.load(total), _differing(builder, there, _spread(builder, value))), total)
        return _lanes_within(builder, builder.load(total), limit)

    return signature, generate


popcount = cast(Callable[[Any], Any], intrinsic(_popcount))
"""Number of bits set in a uint64."""

lowest_bit = cast(Callable[[Any], Any], intrinsic(_lowest_bit))
"""Position of the lowest bit set in a uint64 that is not zero."""

near_lanes = cast(Callable[[Any, Any, Any, Any, Any], Any], intrinsic(_near_lanes))
"""(values, offset, rows, row, limit): which of `values[offset : offset + LANES]` are near `rows[row]`.

Near is at most `limit` bits apart. A bit mask, lowest lane first. Written out as vectors because LLVM's loop vectoriser
serves long loops, and most buckets hold a handful of rows. The array must reach LANES values beyond any row asked for.
"""

near_lanes_of_words = cast(Callable[[Any, Any, Any, Any, Any, Any], Any], intrinsic(_near_lanes_of_words))
"""(columns, stride, offset, words, row, limit): `near_lanes` for rows of several words.

`columns` holds word w of row j at `w * stride + j`; `words[row]`, of shape (n, width), is the row compared with them.
"""
