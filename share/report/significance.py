# SPDX-License-Identifier: GPL-2.0-only
"""Whether two samples differ by more than they vary.

Samples of independent values are compared by a permutation test of their means, which assumes
nothing of how the values are distributed. The intervals of one run are not independent: a second
resembles the one before. Each run is therefore cut into four parts, whose means are the sample, and
nothing is concluded where a run remembers longer than such a part is.
"""

from __future__ import annotations

import itertools
import math
import random
import statistics
from enum import Enum
from typing import NamedTuple

# A difference is called one if it would come about by chance this often or less.
LEVEL = 0.05
# Of fewer values in a sample nothing is concluded.
FEWEST = 3
# Two samples of four each are the smallest equal ones that can differ at LEVEL (2 of 70), and more
# batches of a run would be shorter.
BATCHES = 4
# Up to 9 values in each sample have fewer relabelings; of more, the test draws some.
MOST_RELABELINGS, DRAWN = 50_000, 20_000


class Verdict(Enum):
    """What can be said of a difference."""

    DIFFERS = "differs"
    NONE_SEEN = "no difference seen"
    CANNOT_TELL = "cannot tell"


class Judgement(NamedTuple):
    """A verdict, the chance of a difference of this size if there is none (None: not computed), and
    why there is no better verdict."""

    verdict: Verdict
    chance: float | None
    reason: str


def spread(values: list[float]) -> dict:
    """Mean and standard deviation, and the values themselves."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": statistics.fmean(values), "stdev": deviation, "values": values}


def chance(one: list[float], other: list[float]) -> float:
    """The probability that the means differ as much or more if the labels mean nothing: the
    permutation test, two-sided, over all relabelings or those drawn."""
    values = one + other
    whole, size = math.fsum(values), len(one)
    exact = math.comb(len(values), size) <= MOST_RELABELINGS
    if exact:
        relabelings = itertools.combinations(values, size)
    else:
        draw = random.Random(0).sample
        relabelings = (draw(values, size) for _ in range(DRAWN))

    def difference(part: float) -> float:
        return abs(part / size - (whole - part) / len(other))

    # Sums of the same values in another order may differ in the last bits.
    slack = 1e-9 * max(map(abs, values))
    seen = difference(math.fsum(one)) - slack
    verdicts = [difference(math.fsum(part)) >= seen for part in relabelings]
    # What was seen is one of the relabelings, be it drawn or not.
    return (sum(verdicts) + (not exact)) / (len(verdicts) + (not exact))


def least_chance(one: int, other: int) -> float:
    """The lowest chance that samples of these sizes can have."""
    relabelings = math.comb(one + other, one)
    return (2 if one == other else 1) / relabelings


def judge(one: list[float], other: list[float], unit: str = "values") -> Judgement:
    """Compares samples of independent values."""
    sizes = f"{len(one)} and {len(other)} {unit}"
    if min(len(one), len(other)) < FEWEST:
        return Judgement(Verdict.CANNOT_TELL, None, f"{sizes}: too few")
    if len({*one, *other}) == 1:
        return Judgement(Verdict.NONE_SEEN, 1.0, "all the same")
    taken, least = chance(one, other), least_chance(len(one), len(other))
    if least > LEVEL:
        return Judgement(
            Verdict.CANNOT_TELL, taken, f"{sizes}: too few, the chance is {least:.3g} at least")
    if taken <= LEVEL:
        return Judgement(Verdict.DIFFERS, taken, "")
    return Judgement(Verdict.NONE_SEEN, taken, "")


def autocorrelation(values: list[float]) -> float:
    """How much a value resembles the one before, from -1 to 1; 0 if all are the same."""
    middle = statistics.fmean(values)
    apart = [value - middle for value in values]
    squares = math.fsum(value * value for value in apart)
    # Rounding leaves this much of equal values.
    if squares <= len(values) * (1e-12 * middle) ** 2:
        return 0.0
    return math.fsum(first * second for first, second in zip(apart, apart[1:])) / squares


def memory(values: list[float]) -> float:
    """How many neighbouring values are worth one independent value, 1 or more: (1 + r) / (1 - r)
    for a series whose values resemble the one before by r and earlier ones through that alone. What
    N values show of r, if their mean is not known, is low by (1 + 3 r) / N on average (Kendall
    1954), which is made up for. Infinite for fewer than 4 values."""
    size = len(values)
    if size < 4:
        return math.inf
    likely = max((autocorrelation(values) + 1 / size) / (1 - 3 / size), 0)
    return (1 + likely) / (1 - likely) if likely < 1 else math.inf


def batch_means(values: list[float]) -> list[float] | None:
    """The means of the batches that a series is cut into; None if it remembers longer than a batch
    is. Values at the start, where a run still gathers way, are left out if they fill no batch."""
    length = len(values) // BATCHES
    if memory(values) > length:
        return None
    rest = len(values) % BATCHES
    return [
        statistics.fmean(values[first:first + length])
        for first in range(rest, len(values), length)]


def judge_series(one: list[float], other: list[float]) -> Judgement:
    """Compares two series of neighbouring values, each of one run."""
    samples = []
    for values in one, other:
        if len(values) < 2 * BATCHES:
            return Judgement(
                Verdict.CANNOT_TELL, None,
                f"{len(one)} and {len(other)} whole intervals: too few")
        means = batch_means(values)
        if means is None:
            return Judgement(
                Verdict.CANNOT_TELL, None,
                f"a run drifts: {memory(values):.2g} neighbouring intervals are worth one, and a "
                f"quarter of the run has {len(values) // BATCHES}")
        samples.append(means)
    return judge(*samples, "quarters of a run")
