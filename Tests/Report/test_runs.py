# SPDX-License-Identifier: GPL-2.0-only
"""Which documents belong together, and what is compared with what."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import documents
from report import contents, runs, tables
from report.quantities import IDLE, RECEIVER_CPU, THROUGHPUT
from report.significance import Verdict


class Grouping(unittest.TestCase):
    """From files to groups and comparisons."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def report(self, given: list[dict], baseline: list[dict] | None = None) -> contents.Report:
        """The report of documents."""
        files = [documents.write(self.directory, "given.json", *given)]
        before = [documents.write(self.directory, "baseline.json", *baseline)] if baseline else []
        return contents.report(files, before, None)

    def findings(self, made: contents.Report) -> dict:
        """Those of the only comparison, by quantity."""
        comparison, = made.comparisons
        return {finding.quantity: finding for finding in comparison.findings}

    def test_keys(self) -> None:
        self.assertEqual([runs.key(index) for index in (0, 25, 26, 51, 52, 701, 702)],
                         ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"])

    def test_both_ends_are_one_run(self) -> None:
        for order in (1, -1):
            made = self.report([documents.automatic()[0], documents.sender()][::order])
            run, = made.runs
            self.assertEqual((run.receiver.role, run.sender.role), ("receive", "send"))
            self.assertEqual(made.comparisons, [])
            conditions = made.groups[0].conditions
            self.assertEqual(conditions["Sent from"], "host memory")
            self.assertEqual(conditions["Interface"], "dmnic0")
            self.assertEqual(conditions["Interface of the sender"], "dmnic1")

    def test_ends_of_different_runs_are_two(self) -> None:
        made = self.report([documents.automatic()[1], documents.sender()])
        self.assertEqual(len(made.runs), 2)
        self.assertEqual(made.comparisons, [], "a receiver is not compared with a sender")
        self.assertTrue(any("not compared" in notice for notice in made.notices))
        # One byte less in one flow
        other = documents.sender()
        other["flows"][0]["bytes"] -= 1
        self.assertEqual(len(self.report([documents.automatic()[0], other]).runs), 2)

    def test_ends_that_are_not_paired(self) -> None:
        alone = documents.sender()
        alone["configuration"]["paired"] = False
        self.assertEqual(len(self.report([documents.automatic()[0], alone]).runs), 2)

    def test_ambiguous_ends_stay_alone(self) -> None:
        one = documents.automatic()[0]
        self.assertEqual(len(self.report([one, one, documents.sender()]).runs), 3)

    def test_token_modes_are_compared(self) -> None:
        made = self.report(documents.manual() + documents.automatic())
        comparison, = made.comparisons
        self.assertTrue(comparison.by_token_mode)
        self.assertEqual(
            (comparison.before, comparison.after), ("token mode automatic", "token mode manual"))
        found = self.findings(made)
        self.assertEqual(found[IDLE].before, [46.78, 46.95, 55.97, 43.22])
        self.assertEqual(found[IDLE].judgement.verdict, Verdict.NONE_SEEN)
        self.assertAlmostEqual(found[IDLE].judgement.chance, 8 / 70)

    def test_within_and_beyond_the_spread(self) -> None:
        """Throughput from 0.098 to 0.179 in the baseline."""
        for factor, verdict in ((1.1, Verdict.NONE_SEEN), (0.95, Verdict.NONE_SEEN),
                                (2.2, Verdict.DIFFERS), (0.3, Verdict.DIFFERS)):
            made = self.report(
                [documents.scaled(one, factor) for one in documents.automatic()],
                documents.automatic())
            found = self.findings(made)[THROUGHPUT]
            self.assertEqual(found.judgement.verdict, verdict, f"{factor}")
            if verdict is Verdict.DIFFERS:
                self.assertEqual(found.direction, "better" if factor > 1 else "worse")
            else:
                self.assertEqual(found.direction, "")
            self.assertAlmostEqual(found.percent, (factor - 1) * 100)

    def test_three_repetitions_cannot_tell(self) -> None:
        found = self.findings(self.report(
            [documents.scaled(one, 9) for one in documents.automatic()[:3]],
            documents.automatic()[:3]))
        self.assertEqual(found[THROUGHPUT].judgement.verdict, Verdict.CANNOT_TELL)

    def test_two_runs_are_compared_by_intervals(self) -> None:
        model = documents.automatic()[0]
        low = documents.with_rates(model, [10, 12, 11, 13, 10, 12, 11, 13, 12, 10, 13, 11])
        for rates, verdict in (
                ([20, 22, 21, 23, 20, 22, 21, 23, 22, 20, 23, 21], Verdict.DIFFERS),
                ([12, 10, 13, 11, 13, 10, 12, 11, 10, 13, 11, 14], Verdict.NONE_SEEN),
                ([20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31], Verdict.CANNOT_TELL),
                ([20, 22, 21, 23, 20], Verdict.CANNOT_TELL)):
            made = self.report([low, documents.with_rates(model, rates)])
            found = self.findings(made)
            self.assertEqual(found[THROUGHPUT].judgement.verdict, verdict, f"{rates}")
            self.assertEqual(found[THROUGHPUT].before, [11.5])
            self.assertEqual(len(found[THROUGHPUT].parts[0]), 12)
            # The same value twice is no verdict on two runs.
            self.assertIn("One run of each", " ".join(made.comparisons[0].notes))
        worse = documents.with_rates(model, [5.0] * 12)
        worse["workers"][0]["thread_cpu_seconds"] += 100
        found = self.findings(self.report([low, worse]))
        self.assertEqual(found[RECEIVER_CPU].judgement.verdict, Verdict.CANNOT_TELL)

    def test_failed_runs_do_not_count(self) -> None:
        bad = documents.scaled(documents.manual()[0], 100)
        bad |= {"verdict": "failed", "exit_status": 1, "failure": {"text": "a wrong byte"}}
        made = self.report(documents.automatic() + documents.manual()[1:] + [bad])
        self.assertEqual(len(self.findings(made)[THROUGHPUT].after), 3)
        self.assertTrue(any("a wrong byte" in notice for notice in made.notices))
        self.assertIn("1 failed, and not counted", " ".join(made.comparisons[0].notes))

    def test_baseline_with_another_kernel(self) -> None:
        def on(kernel: str, several: list[dict]) -> list[dict]:
            return [one | {"host": one["host"] | {"kernel": kernel}} for one in several]

        made = self.report(on("7.4", documents.automatic() + documents.manual()),
                           on("7.3", documents.automatic() + documents.manual()))
        self.assertEqual(
            [(one.before, one.after) for one in made.comparisons],
            [("baseline: token mode automatic", "new: token mode automatic"),
             ("baseline: token mode manual", "new: token mode manual")])
        for comparison in made.comparisons:
            self.assertEqual(comparison.notes[0], "They differ in: kernel.")
        self.assertEqual([run.key for run in made.runs], list("ABCDEFGHIJKLMNOP"))

    def test_baseline_without_counterpart(self) -> None:
        made = self.report(
            documents.automatic(),
            [one | {"configuration": one["configuration"] | {"flows": flows}}
             for one in documents.manual() for flows in (8, 16)])
        self.assertEqual(made.comparisons, [])
        self.assertTrue(any("counterpart" in notice for notice in made.notices))

    def test_headline(self) -> None:
        made = contents.report(
            [documents.write(self.directory, "headline.json", documents.headline())], [], None)
        self.assertEqual([one.title for one in made.comparisons],
                         ["dmnic, 4 flows", "gve, 4 flows"])
        finding = next(one for one in made.comparisons[0].findings if one.quantity is IDLE)
        self.assertAlmostEqual(finding.judgement.chance, 8 / 70)
        instructions, contention = made.tables
        self.assertEqual(instructions.rows[-1], ["all of these", "700.5", "710.2", "120.1"])
        self.assertEqual(len(instructions.rows), 2)
        self.assertEqual(contention.rows[0][0], "2 threads, all of one buffer")

    def test_bench(self) -> None:
        made = contents.report(
            [documents.write(self.directory, "bench.json", documents.bench())], [], None)
        found = {one.quantity.name: one for one in made.comparisons[0].findings}
        self.assertEqual(found["MiB/s"].direction, "better")
        self.assertEqual(found["user s/GiB"].direction, "better")
        self.assertEqual(made.tables[0].rows[0], ["MiB/s", "1.19", "at least 1: met"])
        self.assertEqual(len(made.runs), 1)

    def test_one_sender_of_many(self) -> None:
        """That one run has its sender's document does not make it another kind of run."""
        made = self.report(documents.automatic() + documents.manual() + [documents.sender()])
        self.assertEqual([len(one.runs) for one in made.groups], [4, 4])
        self.assertTrue(made.comparisons[0].by_token_mode)

    def test_tables_of_long_runs(self) -> None:
        """A table has 120 rows at most, each the mean of its intervals."""
        document = documents.with_rates(documents.automatic()[0], list(range(300)))
        table = tables.intervals(self.report([document]).runs[0], self.report([document]).groups[0])
        self.assertEqual(len(table.rows), 100)
        self.assertEqual(table.rows[1][:2], ["3.0–6.0 s", "4"])
        self.assertIn("3 intervals", table.note)
