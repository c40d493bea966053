# SPDX-License-Identifier: GPL-2.0-only
"""The statistics, against figures that were worked out otherwise."""

from __future__ import annotations

import itertools
import math
import random
import statistics
import unittest

from report import significance
from report.significance import Verdict, judge, judge_series


def series(length: int, memory: float, draw: random.Random, middle: float = 10) -> list[float]:
    """An autoregressive series of standard deviation 1."""
    value, values = draw.gauss(0, 1), []
    for _ in range(length):
        value = memory * value + draw.gauss(0, math.sqrt(1 - memory * memory))
        values.append(middle + value)
    return values


class Chance(unittest.TestCase):
    """The permutation test."""

    def test_as_scipy_has_it(self) -> None:
        """What scipy.stats.permutation_test of scipy 1.10 gives for the difference of means."""
        for one, other, expected in (
                ([1, 2, 3], [4, 5, 6], 2 / 20),
                ([12.1, 13.4, 11.9, 14.2, 12.8], [13.9, 15.1, 12.6, 14.8, 15.5], 16 / 252),
                ([1, 5, 2, 8], [3, 9, 4, 12, 7, 11], 32 / 210),
                ([68.9, 75.4, 57.6, 64.1, 72.3], [67.4, 93.0, 67.8, 89.1, 69.7], 54 / 252),
                ([1, 1, 2], [1, 2, 2, 2], 17 / 35)):
            self.assertAlmostEqual(significance.chance(one, other), expected, msg=f"{one}")

    def test_order_and_units_do_not_matter(self) -> None:
        one, other = [0.1, 0.2, 0.30000000000000004, 0.7], [0.3, 0.4, 0.6, 0.9]
        expected = significance.chance(one, other)
        for change in (lambda v: v * 1e9, lambda v: v * 1e-9, lambda v: v + 5, lambda v: -v):
            changed = [[change(value) for value in side] for side in (one, other)]
            self.assertAlmostEqual(significance.chance(*changed), expected)
        for shuffled in itertools.islice(itertools.permutations(one), 5):
            self.assertAlmostEqual(significance.chance(list(shuffled), other), expected)
        self.assertAlmostEqual(significance.chance(other, one), expected)

    def test_many_values_are_drawn(self) -> None:
        """Of 12 and 12 there are 2.7 million relabelings: the chance comes near the exact one,
        which for a difference of so many standard errors is that of the normal distribution."""
        draw = random.Random(5)
        one = [draw.gauss(0, 1) for _ in range(12)]
        other = [value + 0.8 for value in one[::-1]]
        apart = 0.8 / (statistics.pstdev(one + other) * math.sqrt(2 / 12 * 24 / 23))
        normal = 2 * (1 - statistics.NormalDist().cdf(apart))
        self.assertAlmostEqual(significance.chance(one, other), normal, delta=0.02)
        # What was seen is one of the relabelings: never 0.
        self.assertGreater(significance.chance(one, [value + 99 for value in one]), 0)

    def test_least(self) -> None:
        for one, other in ((3, 3), (3, 4), (4, 4), (3, 6), (5, 5)):
            apart = list(range(one)), [100 + value for value in range(other)]
            self.assertAlmostEqual(
                significance.chance(*map(list, apart)), significance.least_chance(one, other))

    def test_false_alarms(self) -> None:
        """Of samples from one distribution no more differ than the level says."""
        draw = random.Random(11)
        verdicts = [
            judge([draw.expovariate(1) for _ in range(5)],
                  [draw.expovariate(1) for _ in range(5)]).verdict for _ in range(400)]
        self.assertLess(verdicts.count(Verdict.DIFFERS) / 400, 0.075)
        self.assertEqual(verdicts.count(Verdict.CANNOT_TELL), 0)


class Judge(unittest.TestCase):
    """A difference within the spread is not called one."""

    def test_beyond_the_spread(self) -> None:
        judged = judge([10, 11, 10.5, 11.5], [12, 13, 12.5, 13.5])
        self.assertEqual(judged.verdict, Verdict.DIFFERS)
        self.assertAlmostEqual(judged.chance, 2 / 70)

    def test_within_the_spread(self) -> None:
        """The same means, each value further from its own."""
        judged = judge([6, 15, 8.5, 13.5], [8, 17, 10.5, 15.5])
        self.assertEqual(judged.verdict, Verdict.NONE_SEEN)
        self.assertGreater(judged.chance, 0.3)

    def test_too_few(self) -> None:
        for one, other in (([1], [2]), ([1, 2], [8, 9]), ([1, 1.1], [8, 9, 8.5, 8.7, 8.8, 9.1])):
            judged = judge(one, other)
            self.assertEqual((judged.verdict, judged.chance), (Verdict.CANNOT_TELL, None))
            self.assertIn("too few", judged.reason)

    def test_three_and_three_cannot_tell(self) -> None:
        """However far apart they are."""
        judged = judge([1, 2, 3], [1001, 1002, 1003])
        self.assertEqual(judged.verdict, Verdict.CANNOT_TELL)
        self.assertAlmostEqual(judged.chance, 0.1)
        self.assertIn("0.1 at least", judged.reason)

    def test_all_the_same(self) -> None:
        self.assertEqual(judge([100.0] * 4, [100.0] * 4).verdict, Verdict.NONE_SEEN)
        self.assertEqual(judge([0.0] * 3, [0.0] * 3).verdict, Verdict.NONE_SEEN)


class Series(unittest.TestCase):
    """Intervals of one run are not independent."""

    def test_autocorrelation(self) -> None:
        for values, expected in (
                ([1, 2, 3, 4, 5], 0.4), ([1, -1, 1, -1], -0.75), ([3, 3, 3], 0),
                ([0.1 + 0.2, 0.3, 0.3, 0.3], 0), ([2, 4, 2, 5, 1], -7.64 / 10.8)):
            self.assertAlmostEqual(significance.autocorrelation(values), expected)

    def test_memory(self) -> None:
        """Of a long series the length is (1 + r) / (1 - r)."""
        draw = random.Random(3)
        for memory in (0.0, 0.3, 0.6, 0.8):
            self.assertAlmostEqual(
                significance.memory(series(40_000, memory, draw)) / ((1 + memory) / (1 - memory)),
                1, delta=0.06)
        # Short ones seem to remember less than they do, which is made up for.
        for length in (10, 20, 40):
            middle = statistics.median(
                significance.memory(series(length, 0.5, draw)) for _ in range(2000))
            self.assertAlmostEqual(middle, 3, delta=0.4, msg=f"{length}")

    def test_batches(self) -> None:
        values = [99, 1, 3, 2, 2, 3, 1, 2, 2]
        self.assertEqual(significance.batch_means(values), [2, 2, 2, 2])
        self.assertIsNone(significance.batch_means(list(range(40))))

    def test_beyond_and_within_the_spread(self) -> None:
        draw = random.Random(1)
        one = series(40, 0.2, draw)
        self.assertEqual(judge_series(one, series(40, 0.2, draw, 13)).verdict, Verdict.DIFFERS)
        self.assertEqual(judge_series(one, series(40, 0.2, draw, 10.1)).verdict, Verdict.NONE_SEEN)

    def test_false_alarms(self) -> None:
        """As seldom as the level says, or nearly, although intervals resemble their neighbours; as
        independent values they would be called different far more often."""
        for memory, most in ((0.0, 0.07), (0.5, 0.08), (0.8, 0.1)):
            draw = random.Random(7)
            pairs = [[series(40, memory, draw) for _ in range(2)] for _ in range(300)]
            verdicts = [judge_series(*pair).verdict for pair in pairs]
            self.assertLess(verdicts.count(Verdict.DIFFERS) / 300, most, f"{memory}")
            if memory == 0.8:
                naive = sum(
                    abs(statistics.fmean(one) - statistics.fmean(other))
                    > 1.96 * math.sqrt(
                        (statistics.variance(one) + statistics.variance(other)) / 40)
                    for one, other in pairs)
                self.assertGreater(naive / 300, 0.3)

    def test_finds_what_there_is(self) -> None:
        draw = random.Random(8)
        verdicts = [
            judge_series(series(40, 0.3, draw), series(40, 0.3, draw, 12)).verdict
            for _ in range(100)]
        self.assertGreater(verdicts.count(Verdict.DIFFERS), 90)

    def test_too_few_and_drifting(self) -> None:
        few = judge_series([1, 2, 1, 2, 1, 2, 1], [9, 8] * 10)
        self.assertEqual(few.verdict, Verdict.CANNOT_TELL)
        self.assertIn("7 and 20 whole intervals", few.reason)
        drifting = judge_series([value / 10 for value in range(40)], [50, 51] * 20)
        self.assertEqual(drifting.verdict, Verdict.CANNOT_TELL)
        self.assertIn("drifts", drifting.reason)
