"""Thread pools after a fork: the child gets the simulator's memory and none of its threads.

Stepping such a copy would hang, and so would freeing it, which waits for the threads. So it is marked `orphaned`, for
the engine to make a new one from its state, and its pool is kept for ever.
"""

import ctypes
import functools
import os
import weakref
from typing import Any


def survive_fork(simulator: Any, pool: Any) -> None:
    """Mark a simulator `orphaned` in forked children, and keep its pool from being freed there.

    The pool may outlive its simulator: arrays of components hold on to it until the garbage collector comes.
    """
    if not hasattr(os, "register_at_fork"):
        return
    held: list[Any] = []  # the pool, while a fork is under way
    os.register_at_fork(
        before=functools.partial(hold, weakref.ref(pool), held),
        after_in_parent=held.clear,
        after_in_child=functools.partial(orphan, weakref.ref(simulator), held),
    )


def hold(pool_ref: "weakref.ref[Any]", held: list[Any]) -> None:
    """Keep a pool alive before a fork: in the child, garbage may be collected before anything else that could run."""
    pool = pool_ref()
    if pool is not None:
        held.append(pool)


def orphan(simulator_ref: "weakref.ref[Any]", held: list[Any]) -> None:
    """Mark a simulator in a forked child, and keep its pool for ever."""
    simulator = simulator_ref()
    if simulator is not None:
        simulator.orphaned = True
    for pool in held:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(pool))
    held.clear()
