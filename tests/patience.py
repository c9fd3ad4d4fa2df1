"""How long tests wait for an event."""

import time

HANGING = 300
"""Seconds after which a process counts as hanging. No test measures time: a busy machine only makes it wait longer."""


def wait_until(condition, check=lambda: None) -> object:
    """The condition's value once it is true.

    check: called at each look; it raises where waiting on makes no sense.
    """
    for _ in range(50 * HANGING):
        if value := condition():
            return value
        check()
        time.sleep(0.02)
    raise AssertionError(f"waited {HANGING} s for nothing")
