# SPDX-License-Identifier: GPL-2.0-only
"""What is written: the page and the pictures, as files."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import importlib.util
import json
import re
import stat
import tempfile
import unittest
import unittest.mock
import xml.dom.minidom
from pathlib import Path

import documents
from report import contents

HOSTILE = '</script><script>alert(1)</script><img src=x onerror=alert(2)>"\'&$x^2$<b>b</b>_'
# Not shown: a change of direction, an escape sequence, half of a surrogate
UNSEEN = "\u202e\x1b[31m\ud800"


def lacks(*modules: str) -> str:
    """Which of some modules are not installed."""
    return ", ".join(name for name in modules if importlib.util.find_spec(name) is None)


def hostile(document: dict) -> dict:
    """A document whose every string that may be anything is hostile."""
    changed = json.loads(json.dumps(document))
    changed["tool"] = HOSTILE + UNSEEN
    changed["host"] |= {"kernel": HOSTILE, "processor": HOSTILE, "cpu_governors": [HOSTILE]}
    changed["configuration"] |= {"driver": HOSTILE, "interface": HOSTILE}
    if changed["configuration"].get("memory"):
        changed["configuration"]["memory"]["kind"] = HOSTILE
    changed["options"][HOSTILE] = HOSTILE
    return changed


class Parser(html.parser.HTMLParser):
    """The elements of a page, with what a browser would run or fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "script":
            self.scripts[-1] += data
        elif self._within != "style":
            self.words.append(data)

    def of(self, tag: str) -> list[dict]:
        """The attributes of the elements of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]


class Output(unittest.TestCase):
    """Files that the program writes."""

    needs: tuple[str, ...] = ()

    def setUp(self) -> None:
        if missing := lacks(*self.needs):
            self.skipTest(f"{missing} is not installed")
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def written(self, form: str, *files: str, title: str | None = None) -> bytes:
        """A report in a format, made by this process, as it has the libraries by now."""
        made = contents.report(list(files), [], title)
        if form == "html":
            from report import page
            return page.write(made).encode("utf-8")
        from report import picture
        return picture.write(made, form)

    def by_program(self, form: str, *arguments: str, stdin: str = "") -> bytes:
        """A report in a format, made by the program."""
        output = self.directory / f"out.{form}"
        ended = documents.run(*arguments, "-o", str(output), stdin=stdin)
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, "", ""))
        self.assertEqual(stat.S_IMODE(output.stat().st_mode), 0o666 & ~self.umask())
        return output.read_bytes()

    @staticmethod
    def umask() -> int:
        """The process's."""
        text = Path("/proc/self/status").read_text(encoding="ascii")
        return int(re.search(r"Umask:\s*(\d+)", text).group(1), 8)

    def both_modes(self) -> list[str]:
        """Four runs of each token mode, and the sender of one of them."""
        return [str(documents.DOCUMENTS / name)
                for name in ("automatic.jsonl", "manual.jsonl", "sender.json")]


class Page(Output):
    """The page."""

    needs = ("plotly",)

    def setUp(self) -> None:
        super().setUp()
        from report import interactive
        # The library's 8 MB are as they are, and take a second to parse.
        self.library = interactive.library
        patch = unittest.mock.patch.object(interactive, "library", lambda: "/* plotly.js */")
        patch.start()
        self.addCleanup(patch.stop)

    def page(self, *files: str, title: str | None = None) -> Parser:
        """The parsed page."""
        return Parser(self.written("html", *files, title=title).decode("utf-8"))

    def test_parts(self) -> None:
        page = self.page(*self.both_modes())
        links = [one["href"][1:] for one in page.of("a")]
        self.assertEqual(links, ["token-modes", "runs", "time", "flows", "bytes", "cpu", "facts",
                                 "method"])
        identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        self.assertEqual(len(identifiers), len(set(identifiers)))
        self.assertLessEqual(set(links), set(identifiers))
        plots = [one for one in page.of("div") if one.get("class") == "plot"]
        self.assertGreaterEqual(len(plots), 8)
        for plot in plots:
            self.assertEqual(plot["role"], "img")
            self.assertGreater(len(plot["aria-label"]), 20)
        data = [one["data-plot"] for one in page.of("script") if "data-plot" in one]
        self.assertEqual(data, [plot["id"] for plot in plots])
        # Each table has its title, and each row a name.
        self.assertEqual(len(page.of("table")), len(page.of("caption")))
        words = "".join(page.words)
        for word in ("7.3.4-lab", "QEMU TCG CPU", "0-7", "dmnic", "udmabuf", "4, 5, 6, 7",
                     "306\u202f708\u202f480 (100.0 %)", "46.78"):
            self.assertIn(word, words)

    def test_latency(self) -> None:
        """Exchanges have a section with their curve, and are compared; streams have none."""
        ends = [documents.with_latency(document, factor) for document, factor in zip(
            documents.automatic()[:2], (1, 3))]
        names = [documents.write(self.directory, f"{place}.json", end)
                 for place, end in enumerate(ends)]
        page = self.page(*names)
        self.assertIn("#latency", [one["href"] for one in page.of("a")])
        words = "".join(page.words)
        for word in ("Latency of each run, µs", "99.9 %", "80.25", "240.8", "latency, median"):
            self.assertIn(word, words)
        figures = [json.loads(text) for text in page.scripts if '"tickvals"' in text]
        figure, = figures
        lines = figure["data"]
        self.assertEqual([line["y"] for line in lines], [[10, 20.5, 40, 90], [30, 61.5, 120, 270]])
        for line in lines:
            for place, expected in zip(line["x"], (0, 0.30103, 1, 3)):
                self.assertAlmostEqual(place, expected, 5)
        self.assertEqual(figure["layout"]["xaxis"]["ticktext"], ["0 %", "90 %", "99 %", "99.9 %"])
        # A run has one style, whether runs before it have exchanges or not.
        stream = documents.write(self.directory, "stream.json", documents.automatic()[2])
        figures = [json.loads(text) for text in self.page(stream, names[0]).scripts
                   if text.startswith("{")]
        over_time, = {
            line["line"]["dash"] for figure in figures for line in figure["data"]
            if figure["layout"]["xaxis"]["title"]["text"] == "seconds" and line["name"][0] == "B"}
        curve, = [figure for figure in figures if "tickvals" in json.dumps(figure)]
        self.assertEqual([line["line"]["dash"] for line in curve["data"]], [over_time])
        self.assertNotEqual(over_time, "solid")
        self.assertNotIn("Latency", "".join(self.page(*self.both_modes()).words))
        drawing = self.written("svg", *names).decode("utf-8")
        for word in ("exchanges that took no longer", "99.9 %", "Latency of each run"):
            self.assertIn(word, drawing.replace("\u00a0", " "))
        self.assertNotIn("{10", drawing)

    def test_needs_nothing_else(self) -> None:
        """No element fetches anything, the policy allows no other script, and it names the right
        ones."""
        text = self.by_program("html", *self.both_modes()).decode("utf-8")
        self.assertIn(self.library(), text)
        page = Parser(text)
        for tag, attributes in page.tags:
            for name in ("src", "srcset", "action", "data", "poster"):
                self.assertNotIn(name, attributes, tag)
            if tag != "a":
                self.assertNotIn("href", attributes, tag)
        for banned in ("link", "iframe", "object", "embed", "base", "form"):
            self.assertEqual(page.of(banned), [])
        policy = page.of("meta")[1]["content"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("script-src 'unsafe", policy)
        executed = [
            script for script, attributes in zip(page.scripts, page.of("script"))
            if "type" not in attributes]
        self.assertEqual(len(executed), 2)
        for script in executed:
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            self.assertIn(f"'sha256-{digest}'", policy)
        self.assertNotIn("@import", text[:text.index("</style>")])

    def test_hostile_strings(self) -> None:
        """Whatever a document says is text."""
        path = self.directory / 'a"><script>alert(3)<&script>.json'
        path.write_text("".join(
            json.dumps(one) + "\n" for one in (
                hostile(documents.automatic()[0]), hostile(documents.manual()[0]),
                hostile(documents.sender()),
                documents.automatic()[1] | {
                    "verdict": "failed", "failure": {"text": HOSTILE}})), encoding="utf-8")
        page = self.page(str(path), title=HOSTILE)
        harmless = self.page(*self.both_modes())
        kinds = {tag for tag, _ in harmless.tags}
        self.assertEqual({tag for tag, _ in page.tags} - kinds, set())
        self.assertEqual(
            len([1 for one in page.of("script") if "data-plot" not in one]), 2)
        for tag, attributes in page.tags:
            for name in attributes:
                self.assertFalse(name.startswith("on"), f"{tag} {name}")
        words = "".join(page.words)
        self.assertIn(HOSTILE, words)
        self.assertIn(HOSTILE + "\ufffd\ufffd[31m\ufffd", words)
        self.assertNotIn("<script>alert", "".join(
            script for script, one in zip(page.scripts, page.of("script")) if "type" in one))
        # plotly.js shows tags as such only where they are escaped.
        for script, one in zip(page.scripts, page.of("script")):
            if "type" not in one:
                continue
            figure = json.loads(script)
            labels = [trace.get("name", "") for trace in figure["data"]] + [
                note["text"] for note in figure["layout"].get("annotations", [])]
            for label in labels:
                self.assertNotIn("<", label)

    def test_omitted_intervals_are_marked(self) -> None:
        document = documents.automatic()[0]
        for interval in document["intervals"][:2]:
            interval["omitted"] = True
        page = self.page(documents.write(self.directory, "one.json", document))
        words = "".join(page.words)
        self.assertIn("0.0–1.0 s (omitted)", words)
        self.assertNotIn("2.0–3.0 s (omitted)", words)
        course = next(
            json.loads(script) for script, one in zip(page.scripts, page.of("script"))
            if "type" in one and "seconds" in script)
        self.assertEqual(course["layout"]["annotations"][0]["text"], "omitted")
        trace = course["data"][-1]
        self.assertEqual(trace["marker"]["symbol"][:3], ["circle-open", "circle-open", "circle"])

    def test_kinds_of_documents(self) -> None:
        """One run, one sender, a run whose NIC, CPUs and governors are not known; the headline and
        the bench."""
        for name, document, sections in (
                ("one", documents.automatic()[0], ["runs", "time", "flows"]),
                ("sender", documents.sender(), ["runs", "time", "flows"]),
                ("headline", documents.headline(), ["token-modes", "tables", "runs", "flows"]),
                ("bench", documents.bench(), ["changes", "tables", "runs", "flows"])):
            with self.subTest(name):
                page = self.page(documents.write(self.directory, f"{name}.json", document))
                links = [one["href"][1:] for one in page.of("a")]
                self.assertEqual(links[:len(sections)], sections)

    def test_same_bytes_twice(self) -> None:
        files = self.both_modes()
        self.assertEqual(self.written("html", *files), self.written("html", *files))

    def test_standard_input(self) -> None:
        page = self.by_program("html", "-", stdin=json.dumps(documents.automatic()[0]))
        self.assertTrue(page.endswith(b"</html>\n"))


class Colours(unittest.TestCase):
    """Lines can be told apart."""

    @staticmethod
    def luminance(colour: str) -> float:
        """As WCAG 2 defines it."""
        parts = [int(colour[place:place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
                  for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(self, one: str, other: str) -> float:
        """From 1 to 21."""
        high, low = sorted((self.luminance(one), self.luminance(other)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    def test_contrast(self) -> None:
        """At least 3 to 1 (WCAG 2, 1.4.11), on paper and in the dark."""
        from report.drawings import COLOURS
        for colour in COLOURS:
            for paper in ("#ffffff", "#14171a"):
                self.assertGreaterEqual(self.contrast(colour, paper), 3, f"{colour} on {paper}")

    def test_words(self) -> None:
        """At least 4.5 to 1 for text, in both sets of colours."""
        style = (documents.ROOT / "share/report/page.css").read_text(encoding="utf-8")
        sets = [dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in re.findall(
            r":root \{(.*?)\}", style, re.S)]
        self.assertEqual(len(sets), 3)
        for colours in sets[:2]:
            for word in ("ink", "faint", "link"):
                self.assertGreaterEqual(self.contrast(colours[word], colours["paper"]), 4.5)
            for under in ("shade", "note"):
                self.assertGreaterEqual(self.contrast(colours["ink"], colours[under]), 4.5)

    def test_without_colour(self) -> None:
        """Of the first lines no two have the same dashes and markers."""
        from report.drawings import COLOURS, DASHES, MARKERS
        styles = {(DASHES[index % len(DASHES)], MARKERS[index % len(MARKERS)])
                  for index in range(3 * len(COLOURS))}
        self.assertEqual(len(styles), 3 * len(COLOURS))


class Pictures(Output):
    """Pictures."""

    needs = ("matplotlib",)

    def test_png(self) -> None:
        content = self.by_program("png", str(documents.DOCUMENTS / "sender.json"))
        self.assertEqual(content[:8], b"\x89PNG\r\n\x1a\n")
        width, height = (int.from_bytes(content[place:place + 4], "big") for place in (16, 20))
        self.assertEqual(width, 1240)
        self.assertGreater(height, 2000)

    def test_svg(self) -> None:
        """It has its text as text, the figures among it, and is the same twice."""
        content = self.written("svg", *self.both_modes())
        drawing = xml.dom.minidom.parseString(content)
        text = "\n".join(
            "".join(node.data for node in one.childNodes if node.nodeType == node.TEXT_NODE)
            for one in drawing.getElementsByTagName("text"))
        for word in ("8 measurements with ncdevmem", "idle time of the workers' CPUs", "46.78",
                     "7.3.4-lab", "bytes by kind", "no difference seen"):
            self.assertIn(word, text.replace("\u00a0", " "))
        self.assertEqual(drawing.getElementsByTagName("script"), [])
        self.assertEqual(self.by_program("svg", *self.both_modes()), content)

    def test_pdf(self) -> None:
        content = self.written("pdf", *self.both_modes())
        self.assertTrue(content.startswith(b"%PDF-"))
        pages = len(re.findall(rb"/Type /Page\b", content))
        self.assertGreaterEqual(pages, 3)

    def test_hostile_strings(self) -> None:
        """None is taken for a formula, and none for an element."""
        one, other = documents.automatic()[0], documents.manual()[0]
        for document in (one, other):
            document["host"]["kernel"] = "$\\frac{" + HOSTILE
        content = self.written("svg", documents.write(self.directory, "x.json", one, other))
        drawing = xml.dom.minidom.parseString(content)
        self.assertEqual(drawing.getElementsByTagName("script"), [])
        self.assertEqual(drawing.getElementsByTagName("img"), [])
        self.assertIn(b"$\\frac{&lt;/script&gt;", content)

    def test_kinds_of_documents(self) -> None:
        for name, document in (("headline", documents.headline()), ("bench", documents.bench()),
                               ("sender", documents.sender())):
            with self.subTest(name):
                content = self.written("svg", documents.write(self.directory, name, document))
                xml.dom.minidom.parseString(content)
