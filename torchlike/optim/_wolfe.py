"""A line search for the strong Wolfe conditions.

Nocedal and Wright, "Numerical Optimization", algorithms 3.5 (widen) and 3.6 (narrow).

Steps and losses are Python floats, slopes NumPy numbers of the gradient's dtype, as PyTorch has them floats and
0-dim tensors: where the two meet, both libraries round to the gradient's dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Point", "strong_wolfe"]

SUFFICIENT, CURVATURE = 1e-4, 0.9


class Point(NamedTuple):
    """The objective at step `t`: value, flat gradient, and slope along the search direction."""

    t: Any
    value: float
    grad: Any
    slope: Any


def minimum_of_cubic(a: Point, b: Point, low: Any, high: Any) -> Any:
    """Where the cubic through two points and slopes is least, within [low, high]; else the middle."""
    mean = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = mean * mean - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2.0
    left, right = (a, b) if a.t <= b.t else (b, a)
    root = np.sqrt(square)
    bottom = right.slope - left.slope + 2 * root
    position = right.t - (right.t - left.t) * ((right.slope + root - mean) / bottom)
    return min(max(position, low), high)


def strong_wolfe(
    evaluate: Callable[[Any], Point], start: Point, t: Any, size: Any, tolerance: float, max_evals: int
) -> tuple[Point, int]:
    """Searches along a direction for a step with sufficient decrease and a flat enough slope.

    Args:
        evaluate: the objective at a step.
        start: the objective at step 0.
        t: the first step to try. size: the largest element of the direction.
        tolerance: a bracket shorter than this is not divided further. max_evals: bound on iterations.

    Returns:
        The point found and the number of evaluations.
    """

    def too_high(p: Point) -> bool:
        return p.value > start.value + SUFFICIENT * p.t * start.slope

    def flat(p: Point) -> bool:
        return abs(p.slope) <= -CURVATURE * start.slope

    previous, here, evals, rounds = start, evaluate(t), 1, 0
    while True:  # widen until a bracket holds a good step
        if rounds >= max_evals:
            ends = [start, here]
            break
        if too_high(here) or (rounds > 1 and here.value >= previous.value):
            ends = [previous, here]
            break
        if flat(here):
            return here, evals
        if here.slope >= 0:
            ends = [previous, here]
            break
        following = minimum_of_cubic(previous, here, here.t + 0.01 * (here.t - previous.t), here.t * 10)
        previous, here = here, evaluate(following)
        evals += 1
        rounds += 1

    low, high = (0, 1) if ends[0].value <= ends[1].value else (1, 0)
    stalled = False
    while rounds < max_evals:  # narrow the bracket
        if abs(ends[1].t - ends[0].t) * size < tolerance:
            break
        left, right = sorted(p.t for p in ends)
        t = minimum_of_cubic(ends[0], ends[1], left, right)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:  # too near an end: once is fine, twice moves it inside
            if stalled or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stalled = False
            else:
                stalled = True
        else:
            stalled = False
        here = evaluate(t)
        evals += 1
        rounds += 1
        if too_high(here) or here.value >= ends[low].value:
            ends[high] = here
            low, high = (0, 1) if ends[0].value <= ends[1].value else (1, 0)
        else:
            if flat(here):
                return here, evals
            if here.slope * (ends[high].t - ends[low].t) >= 0:
                ends[high] = ends[low]
            ends[low] = here
    return ends[low], evals
