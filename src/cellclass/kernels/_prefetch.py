"""Ask the processor to load memory that is needed soon."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

_READ, _TO_SECOND_LEVEL, _DATA = 0, 2, 1


def _prefetch(_context: Any, array: Any, position: Any) -> Any:  # noqa: ANN401 - types of numba
    """Start to load the cache line of ``array[position]``; for compiled functions only.

    Rows visited in an order of their own begin far from each other, and the processor notices a
    new row too late by itself. `array` is contiguous; a `position` out of bounds does no harm.
    """
    signature = types.void(array, position)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = builder.module.declare_intrinsic(
            "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        )
        address = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        builder.call(function, [address, number(_READ), number(_TO_SECOND_LEVEL), number(_DATA)])
        return context.get_dummy_value()

    return signature, generate


prefetch: Any = intrinsic(_prefetch)
