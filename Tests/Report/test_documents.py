# SPDX-License-Identifier: GPL-2.0-only
"""What is read, and what is refused with a reason."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path

import documents
from report.documents import Members, Unusable, read
from report.measurement import measurement
from report.runs import pair


class Reading(unittest.TestCase):
    """The forms of a file, and a document's figures."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def read(self, text: str) -> list:
        """The documents in a text."""
        path = self.directory / "text.json"
        path.write_text(text, encoding="utf-8")
        return read(str(path))

    def test_forms_of_files(self) -> None:
        one, other = documents.automatic()[:2]
        for text in (
                f"{json.dumps(one)}\n{json.dumps(other)}\n", json.dumps([one, other], indent=1),
                f"\n{json.dumps(one)}\n\n{json.dumps(other)}"):
            self.assertEqual([read_.members for read_ in self.read(text)], [one, other])
        self.assertEqual(len(self.read(json.dumps(one, indent=2))), 1)

    def test_stream(self) -> None:
        """What --json-stream prints is read as the document that it is as a whole."""
        one = documents.automatic()[0]
        intervals = one.pop("intervals")
        events = [
            {"event": "start", "data": {"role": "receive"}},
            *({"event": "interval", "data": interval} for interval in intervals),
            {"event": "missing", "data": {"events": 2}}, {"event": "end", "data": one}]
        text = "".join(json.dumps(event) + "\n" for event in events)
        whole = {"intervals": intervals, **one}
        self.assertEqual([read_.members for read_ in self.read(text + text)], [whole, whole])
        with self.assertRaisesRegex(Unusable, "has no document: the run has not ended"):
            self.read("".join(json.dumps(event) + "\n" for event in events[:-1]))

    def test_latency(self) -> None:
        """The end that asked has the times of its exchanges, and the run has them from it."""
        asked, answered = documents.with_latency(documents.automatic()[0]), documents.sender()
        answered["latency"] = None
        taken = [measurement(document) for document in self.read(json.dumps([asked, answered]))]
        run, = pair(taken)
        self.assertEqual(run.latency, taken[0].latency)
        self.assertIsNone(taken[1].latency)
        self.assertEqual(
            (run.latency.exchanges, run.latency.median, run.latency.p99_9, run.latency.maximum),
            (1000, 20.5, 80.25, 90))
        self.assertEqual(run.latency.distribution, ((0, 10), (50, 20.5), (90, 40), (100, 90)))
        self.assertEqual(taken[0].conditions["Request"], "64 bytes")
        # A run without an exchange has no times.
        asked["latency"] |= {"exchanges": 0, "p50_microseconds": None}
        self.assertIsNone(measurement(self.read(json.dumps(asked))[0]).latency)

    def test_both_directions(self) -> None:
        """A document of both directions, or a stream of them, is two documents of one."""
        ends = {"receive": documents.automatic()[0], "send": documents.sender()}
        head = ["schema", "tool", "role", "verdict", "exit_status", "failure", "options"]
        parts = {role: {name: value for name, value in end.items() if name not in head}
                 for role, end in ends.items()}
        whole = {name: ends["receive"][name] for name in head} | {
            "schema": "ncdevmem-bidirectional-1", "role": "both", **parts}
        read = [document.members for document in self.read(json.dumps(whole))]
        self.assertEqual([one["role"] for one in read], ["receive", "send"])
        for one in read:
            part = parts[one["role"]]
            self.assertEqual({name: one[name] for name in part}, part)
            measurement(Members(one, "x"))
        events = []
        for role, part in parts.items():
            events += [{"event": "interval", "data": {"direction": role, **interval}}
                       for interval in part.pop("intervals")]
        events.append({"event": "end", "data": whole})
        streamed = self.read("".join(json.dumps(event) + "\n" for event in events))
        for one, other in zip(read, (document.members for document in streamed)):
            self.assertEqual(
                other["intervals"],
                [{"direction": one["role"], **interval} for interval in one["intervals"]])
        del whole["send"]
        with self.assertRaisesRegex(Unusable, "is of form ncdevmem-bidirectional-1"):
            self.read(json.dumps(whole))

    def test_figures(self) -> None:
        document, = self.read(json.dumps(documents.automatic()[0]))
        taken = measurement(document)
        self.assertEqual(taken.role, "receive")
        self.assertEqual(taken.gigabits, 0.179218)
        self.assertEqual(taken.idle, 46.78)
        self.assertEqual(taken.kinds, {"device": 306708480, "linear": 0, "plain": 0})
        self.assertEqual(len(taken.intervals), 14)
        # The last one has 0.7 s.
        self.assertEqual(len(taken.whole_intervals()), 13)
        self.assertEqual(taken.conditions["Token mode"], "automatic")
        self.assertEqual(taken.conditions["RX queues"], "4, 5, 6, 7")
        self.assertIn("udmabuf", taken.conditions["Memory"])
        spent = sum(worker["thread_cpu_seconds"] for worker in documents.automatic()[0]["workers"])
        self.assertAlmostEqual(taken.cpu_seconds_per_gib, spent / 306708480 * (1 << 30))

    def test_sender(self) -> None:
        document, = self.read(json.dumps(documents.sender()))
        taken = measurement(document)
        self.assertEqual(taken.conditions["Sent from"], "host memory")
        self.assertNotIn("Token mode", taken.conditions)
        self.assertEqual(taken.kinds, {"device": 0, "plain": 306708480})
        self.assertIsNone(taken.fragments)

    def test_options_to_come(self) -> None:
        """An option that this version does not know is a condition; a member it does not know does
        no harm, and intervals may be omitted."""
        document = documents.automatic()[0]
        document["options"] |= {"mss": "1000", "port": "1", "omit": "2"}
        document["jitter"] = {"unknown": [1]}
        document["intervals"][0]["omitted"] = True
        read_, = self.read(json.dumps(document))
        taken = measurement(read_)
        self.assertEqual(taken.conditions["Other options"], "cpus 4-7, mss 1000, omit 2")
        self.assertEqual([one.omitted for one in taken.intervals[:2]], [True, False])
        self.assertEqual(len(taken.whole_intervals()), 12)

    def refused(self, change, *words: str) -> None:
        """A document is refused in these words after a change."""
        document = documents.automatic()[0]
        change(document)
        with self.assertRaises(Unusable) as caught:
            measurement(self.read(json.dumps(document))[0])
        for word in ("text.json: ", *words):
            self.assertIn(word, str(caught.exception))

    def test_wrong_members(self) -> None:
        def put(*path):
            *way, name, value = path

            def change(document):
                for step in way:
                    document = document[step]
                document[name] = value
            return change

        self.refused(lambda one: one.pop("total"), "the document lacks total")
        self.refused(lambda one: one["host"].pop("cpu_governors"), "host lacks cpu_governors")
        self.refused(put("total", "bytes", "many"), "total.bytes is a string, not a number")
        self.refused(put("total", "bytes", True), "total.bytes is true or false, not a number")
        self.refused(put("total", "bytes", None), "total.bytes is null, not a number")
        self.refused(put("total", "bytes", -1), "total.bytes is -1, which no measurement gives")
        self.refused(put("total", "bytes", 10 ** 400), "which no measurement gives")
        self.refused(put("flows", {}), "flows is an object, not an array")
        self.refused(put("workers", 0, []), "workers[0] is an array, not an object")
        self.refused(put("intervals", 2, "flows", []), "intervals[2] has 0 of 4 flows")
        self.refused(put("intervals", 1, "end_seconds", 0.5), "intervals[1] ends before it begins")
        self.refused(put("intervals", 1, "omitted", 3), "omitted is a number, neither true")
        self.refused(put("role", "spy"), "role is 'spy'")
        self.refused(put("intervals", []), "has no intervals (--interval 0")


class Refusing(unittest.TestCase):
    """The program's errors: on one line, with the file's name, and nothing written."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.output = self.directory / "out.html"
        self.output.write_text("before", encoding="utf-8")

    def expect(self, code: int, words: str, *arguments: str, stdin: str = "") -> None:
        """A run ends so, and leaves the output as it was, and nothing beside it."""
        before = sorted(os.listdir(self.directory))
        ended = documents.run(*arguments, "-o", str(self.output), stdin=stdin)
        self.assertEqual(ended.returncode, code, ended.stderr)
        self.assertIn(words, ended.stderr)
        self.assertNotIn("Traceback", ended.stderr)
        self.assertEqual(self.output.read_text(encoding="utf-8"), "before")
        self.assertEqual(sorted(os.listdir(self.directory)), before)

    def test_files(self) -> None:
        run_document = {
            "schema": "ncdevmem-run-1", "verdict": "failed",
            "failure": {"text": "cannot bind: EBUSY"}}
        for name, content, words in (
                ("empty", b"", "is empty"),
                ("words", b"no json", "is no JSON: "),
                ("bytes", b"\xff\xfe\x00", "is no text in UTF-8"),
                ("half", json.dumps(documents.automatic()[0]).encode()[:-9], "is no JSON: "),
                ("nan", b'{"schema": NaN}', "NaN is no number of JSON"),
                ("deep", b"[" * 200_000, "nested too deeply"),
                ("number", b"17", "the document is a number, not an object"),
                ("array", b"[]", "is an array without documents"),
                ("other", b'{"start": {}, "end": {}}', "is not of ncdevmem"),
                ("old", b'{"schema": "ncdevmem-measurement-1"}',
                 "is of form ncdevmem-measurement-1; this program reads ncdevmem-measurement-2"),
                ("check", b'{"schema": "ncdevmem-run-1", "failure": null}',
                 "is of form ncdevmem-run-1, not of a measurement"),
                ("failed", json.dumps(run_document).encode(),
                 "is of a run that failed: cannot bind: EBUSY")):
            path = self.directory / name
            path.write_bytes(content)
            with self.subTest(name):
                self.expect(2, f"{path}: {words}" if name not in ("nan", "deep") else words,
                            str(path))
            path.unlink()

    def test_escape_sequences(self) -> None:
        """Nothing that a document says acts on the terminal."""
        path = documents.write(self.directory, "x", {
            "schema": "ncdevmem-run-1", "failure": {"text": "a\x1b[2Jb\u202ec\ud800d"}})
        self.expect(2, "failed: a\ufffd[2Jb\ufffdc\ufffdd", path)

    def test_no_file(self) -> None:
        self.expect(2, "absent.json: No such file or directory", "absent.json")
        self.expect(2, f"{self.directory}: Is a directory", str(self.directory))

    def test_good_file_beside_a_bad_one(self) -> None:
        good = documents.write(self.directory, "good.json", documents.automatic()[0])
        bad = documents.write(self.directory, "bad.json", {"schema": "ncdevmem-measurement-3"})
        self.expect(2, f"{bad}: is of form", good, bad)
        self.expect(2, f"{good}: is given twice", good, good)

    def test_forms_do_not_mix(self) -> None:
        good = documents.write(self.directory, "good.json", documents.automatic()[0])
        other = documents.write(self.directory, "headline.json", documents.headline())
        self.expect(2, "whose report has no other files", good, other)

    def test_options(self) -> None:
        good = documents.write(self.directory, "good.json", documents.automatic()[0])
        self.output = self.directory / "out.gif"
        self.output.write_text("before", encoding="utf-8")
        self.expect(2, "must end in .html, .png, .svg or .pdf", good)
        self.assertEqual(documents.run("-o", "x.html").returncode, 2)
        self.assertEqual(documents.run("-", "-", "-o", "x.html").returncode, 2)

    def test_place_that_cannot_be_written(self) -> None:
        good = documents.write(self.directory, "good.json", documents.automatic()[0])
        ended = documents.run(good, "-o", "/nowhere/out.html")
        self.assertEqual(ended.returncode, 1)
        self.assertIn("cannot write /nowhere/out.html: No such file", ended.stderr)
        ended = documents.run(good, "-o", "/proc/out.html")
        self.assertEqual(ended.returncode, 1)
