"""Bit counting for the compiled kernels: LLVM's own instructions, which numba does not expose."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8
"""Values that `near_lanes` compares at once: one 512-bit register, or two or four smaller ones."""


@intrinsic  # type: ignore[untyped-decorator]
def popcount(_typing: Any, value: Any) -> Any:
    """Number of bits set in a uint64."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(value), generate


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(_typing: Any, value: Any) -> Any:
    """Position of the lowest bit set in a uint64 that is not zero."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(value), generate


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
    count = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(_vector(), [_vector()]), f"llvm.ctpop.v{LANES}i64"
    )
    return builder.call(count, [builder.xor(left, right)])


def _lanes_within(builder: Any, distance: Any, limit: Any) -> Any:
    """A bit mask of the lanes that are at most `limit`, lowest lane first."""
    within = builder.icmp_unsigned("<=", distance, _spread(builder, limit))
    return builder.zext(builder.bitcast(within, ir.IntType(LANES)), ir.IntType(64))


@intrinsic  # type: ignore[untyped-decorator]
def near_lanes(_typing: Any, values: Any, offset: Any, value: Any, limit: Any) -> Any:
    """Which of `values[offset : offset + LANES]` are at most `limit` bits from `value`: a bit mask, lowest lane first.

    Written out as vectors because LLVM's loop vectoriser serves long loops, and most buckets hold a handful of rows.
    The array must reach LANES values beyond any row that is asked for.
    """
    signature = types.uint64(values, types.int64, types.uint64, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        distance = _differing(builder, _load(builder, array, args[1]), _spread(builder, args[2]))
        return _lanes_within(builder, distance, args[3])

    return signature, generate


@intrinsic  # type: ignore[untyped-decorator]
def near_lanes_of_words(_typing: Any, columns: Any, stride: Any, offset: Any, words: Any, row: Any, limit: Any) -> Any:
    """`near_lanes` for rows of several words.

    `columns` holds word w of row j at `w * stride + j`; `words` (n, width) holds the row compared with them.
    """
    signature = types.uint64(columns, types.int64, types.int64, words, types.int64, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        columns, stride, offset, words, row, limit = args
        columns = context.make_array(signature.args[0])(context, builder, columns)
        words = context.make_array(signature.args[3])(context, builder, words)
        width = builder.extract_value(words.shape, 1)
        first = builder.mul(row, width)
        total = cgutils.alloca_once_value(builder, ir.Constant(_vector(), [0] * LANES))
        with cgutils.for_range(builder, width) as loop:
            value = builder.load(builder.gep(words.data, [builder.add(first, loop.index)]))
            there = _load(builder, columns, builder.add(builder.mul(loop.index, stride), offset))
            builder.store(builder.add(builder.load(total), _differing(builder, there, _spread(builder, value))), total)
        return _lanes_within(builder, builder.load(total), limit)

    return signature, generate
