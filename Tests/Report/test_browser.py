# SPDX-License-Identifier: GPL-2.0-only
"""The page in a real browser. With SCREENSHOTS=DIRECTORY its pictures are kept there."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import zlib
from collections.abc import Iterator
from pathlib import Path

import browser
import documents
from report import contents
from test_output import Colours, hostile, lacks

WIDTHS = (360, 1280)
# Text in a plot that is cut off at an edge of the window
CUT = """
Array.from(document.querySelectorAll('.plot text')).filter((text) => {
  const box = text.getBoundingClientRect();
  return box.width > 0 && (box.left < 0 || box.right > innerWidth + 1);
}).map((text) => text.textContent)
"""
# What is wider than the window, and does not scroll by itself
WIDE = """
Array.from(document.querySelectorAll('body *')).filter((one) =>
  !one.closest('.scroll') && !one.closest('svg')
  && one.getBoundingClientRect().right > innerWidth + 1
).map((one) => one.outerHTML.slice(0, 100))
"""


def inflated(content: bytes) -> Iterator[bytes]:
    """The streams of a PDF."""
    for part in re.findall(rb"stream\r?\n(.*?)endstream", content, re.S):
        with contextlib.suppress(zlib.error):
            yield zlib.decompressobj().decompress(part)


@unittest.skipUnless(browser.program(), "chromium is not installed")
@unittest.skipIf(lacks("plotly"), "python3-plotly is not installed")
class Browsing(unittest.TestCase):
    """One browser for all tests."""

    view: browser.Browser

    @classmethod
    def setUpClass(cls) -> None:
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.directory = Path(directory.name)
        cls.view = browser.Browser()
        cls.addClassCleanup(cls.view.close)

    def setUp(self) -> None:
        self.view.media("screen")

    def page(self, name: str, *given: dict) -> Path:
        """A page of documents, made once."""
        from report import page
        path = self.directory / f"{name}.html"
        if path.exists():
            return path
        files = [documents.write(self.directory, f"{name}.json", *given)]
        path.write_text(page.write(contents.report(files, [], None)), encoding="utf-8")
        return path

    def both_modes(self) -> Path:
        """Four runs in each mode, the first with its sender; two intervals are omitted."""
        automatic = documents.automatic()
        for interval in automatic[0]["intervals"][:2]:
            interval["omitted"] = True
        return self.page(
            "modes", *automatic, *documents.manual(), documents.sender())

    def keep(self, name: str, content: bytes) -> None:
        """Keeps a picture for whoever wants to look at it."""
        if directory := os.environ.get("SCREENSHOTS"):
            Path(directory).mkdir(parents=True, exist_ok=True)
            (Path(directory) / name).write_bytes(content)

    def quiet(self) -> None:
        """The page has complained of nothing, and asked for nothing but itself."""
        self.assertEqual(self.view.complaints, [])
        strangers = [url for url in self.view.requests if not re.match("(file|data|blob):", url)]
        self.assertEqual(strangers, [])
        self.assertTrue(self.view.requests)

    def show(self, width: int) -> None:
        """The page of both modes, drawn for this width."""
        self.view.open(self.both_modes(), width)
        self.resize(width)

    def resize(self, width: int) -> None:
        """Changes the window, and waits for the plots."""
        self.view.resize(width)
        self.view.wait(
            "document.querySelector('.plot svg').getBoundingClientRect().width"
            f" == document.querySelector('div.plot').clientWidth && innerWidth == {width}")

    def test_widths(self) -> None:
        """Nothing is wider than a phone or a screen, all plots are drawn, and no label is cut."""
        for name, path in (
                ("modes", self.both_modes()),
                ("two", self.page("two", documents.automatic()[0], documents.manual()[0])),
                ("headline", self.page("headline", documents.headline())),
                ("bench", self.page("bench", documents.bench()))):
            self.view.open(path, WIDTHS[-1])
            for width in WIDTHS:
                with self.subTest(name, width=width):
                    self.resize(width)
                    plots = self.view.evaluate("document.querySelectorAll('div.plot').length")
                    self.assertGreaterEqual(plots, 3)
                    self.assertEqual(self.view.evaluate(
                        "Array.from(document.querySelectorAll('div.plot')).filter("
                        "(one) => one.querySelector('svg.main-svg .traces, svg.main-svg .trace'))"
                        ".length"), plots)
                    self.assertLessEqual(
                        self.view.evaluate("document.documentElement.scrollWidth"), width)
                    self.assertEqual(self.view.evaluate(WIDE), [])
                    self.assertEqual(self.view.evaluate(CUT), [])
                    if "SCREENSHOTS" in os.environ:
                        self.keep(f"{name}-{width}.png", self.view.screenshot())
                    self.quiet()

    def test_sections_have_their_tables(self) -> None:
        self.show(1280)
        for link in self.view.evaluate(
                "Array.from(document.querySelectorAll('nav a')).map((one) => one.hash.slice(1))"):
            self.assertTrue(self.view.evaluate(f"!!document.getElementById({json.dumps(link)})"))
        words = self.view.evaluate("document.body.innerText")
        for word in ("Token modes", "Set-up", "7.3.4-lab", "46.78",
                     "0.1792", "no difference seen"):
            self.assertIn(word, words)

    def test_hovering(self) -> None:
        """A point shows its run, interval and value."""
        self.show(1280)
        place = self.view.evaluate("""(() => {
          const plot = document.querySelector('#time').nextElementSibling;
          plot.scrollIntoView();
          const box = plot.querySelector('.scatterlayer .points path').getBoundingClientRect();
          return [box.x + box.width / 2, box.y + box.height / 2];
        })()""")
        for shift in (3, 0):
            self.view.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0] + shift,
                           y=place[1])
        shown = self.view.evaluate("""new Promise((done) => setTimeout(() => done(
          Array.from(document.querySelectorAll('.hoverlayer .hovertext')).map(
            (one) => one.textContent).join()), 500))""")
        self.assertRegex(shown, r"A: token mode automatic, 0\.0–1\.0 s: 0\.\d+ Gbit/s")
        self.quiet()

    def test_bars_are_seen(self) -> None:
        """Each part of a bar has its colour, that with a pattern as well."""
        document = documents.automatic()[0]
        document["total"] |= {"linear_bytes": 90_000_000, "plain_bytes": 120_000_000}
        self.view.open(self.page("bars", document, documents.sender()), 1280)
        shades = self.view.evaluate("""
          Array.from(document.querySelectorAll('.barlayer .point path')).map((bar) => {
            const fill = getComputedStyle(bar).fill;
            const name = (/#([^")]+)/.exec(fill) || [])[1];
            const shown = name ? document.getElementById(name).querySelector('rect') : bar;
            return bar.getBoundingClientRect().width > 5 && getComputedStyle(shown).fill;
          })""")
        # Three kinds of bytes of a run, two ends' CPU time
        self.assertEqual(len(shades), 5)
        for shade in shades:
            parts = [int(part) for part in re.findall(r"\d+", shade)[:3]]
            colour = "#" + "".join(f"{part:02x}" for part in parts)
            self.assertGreaterEqual(Colours().contrast("#ffffff", colour), 3, shade)
        if "SCREENSHOTS" in os.environ:
            self.keep("bars.png", self.view.screenshot())

    def test_dark(self) -> None:
        """Words stand out in the dark, in plots as well; and again in the light."""
        self.show(1280)
        for scheme in ("dark", "light"):
            self.view.media("screen", scheme)
            self.view.wait("getComputedStyle(document.querySelector('.xtick text')).fill"
                           " == getComputedStyle(document.body).color")
            paper, ink, tick = (
                "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", colour)[:3])
                for colour in self.view.evaluate("""[
                  getComputedStyle(document.body).backgroundColor,
                  getComputedStyle(document.body).color,
                  getComputedStyle(document.querySelector('.xtick text')).fill]"""))
            luminance = Colours.luminance(paper)
            self.assertTrue(luminance < 0.05 if scheme == "dark" else luminance > 0.9, paper)
            for colour in (ink, tick):
                self.assertGreaterEqual(Colours().contrast(paper, colour), 4.5, colour)
            if scheme == "dark":
                self.keep("modes-dark.png", self.view.screenshot())

    def test_print(self) -> None:
        """On paper all tables are open, plots are as wide as the paper and on white; what was
        closed is closed again on the screen."""
        self.show(1280)
        # Without a kind of its own: printing is to take the one for paper.
        self.view.media("", "dark")
        closed = "document.querySelectorAll('details:not([open])').length"
        before = self.view.evaluate(closed)
        self.assertGreater(before, 3)
        content = self.view.printed()
        self.keep("modes-print.pdf", content)
        self.assertTrue(content.startswith(b"%PDF-"))
        self.assertEqual(self.view.evaluate(closed), before)
        # A dark page would be a rectangle of its colour, which PDF has from 0 to 1.
        self.assertNotIn(b".07843", b"".join(inflated(content)))
        if not shutil.which("pdftotext"):
            self.skipTest("pdftotext (poppler-utils) is not installed; the PDF was made")
        text = subprocess.run(
            ["pdftotext", "-layout", "-", "-"], input=content, capture_output=True,
            check=True).stdout.decode()
        for word in ("46.78", "0.1792", "0.0–1.0 s (omitted)", "no difference seen", "udmabuf",
                     "idle time of the workers"):
            self.assertIn(word, text)

    def test_print_widths(self) -> None:
        """When the page is about to be printed, its plots fit the paper."""
        self.show(1280)
        wide = ("Math.max(...Array.from(document.querySelectorAll('.plot svg')).map("
                "(one) => one.getBoundingClientRect().width))")
        self.assertGreater(self.view.evaluate(wide), 900)
        self.view.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        self.assertLessEqual(self.view.evaluate(wide), 680)
        self.assertEqual(
            self.view.evaluate("document.querySelectorAll('details:not([open])').length"), 0)
        self.view.evaluate("window.dispatchEvent(new Event('afterprint'))")
        self.assertGreater(self.view.evaluate(wide), 900)

    def test_resizing(self) -> None:
        """A phone that is turned shows plots as wide as it is then."""
        self.show(720)
        for width in (360, 720):
            self.resize(width)
            self.assertLessEqual(
                self.view.evaluate("document.documentElement.scrollWidth"), width)
            self.assertGreater(self.view.evaluate(
                "document.querySelector('.plot svg').getBoundingClientRect().width"), width - 60)

    def test_hostile_strings(self) -> None:
        """They are shown, and nothing comes of them."""
        path = self.page("hostile", hostile(documents.automatic()[0]),
                         hostile(documents.manual()[0]), hostile(documents.sender()))
        self.view.open(path, 1280)
        self.quiet()
        self.assertEqual(self.view.evaluate("document.querySelectorAll('img, b, iframe').length"),
                         0)
        self.assertEqual(self.view.evaluate(
            "document.querySelectorAll('.plot a, main script:not([type])').length"), 0)
        self.assertIn("</script><script>alert(1)", self.view.evaluate("document.body.innerText"))

    def test_a_script_from_elsewhere_does_not_run(self) -> None:
        """The page's policy holds even if something slipped through."""
        path = self.page("policy", documents.automatic()[0])
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(
            "<main>", "<main><script>document.title = 'broken'</script>"
            "<img src='http://192.0.2.1/x.png'>"), encoding="utf-8")
        self.view.open(path, 1280)
        self.assertNotEqual(self.view.evaluate("document.title"), "broken")
        self.assertGreaterEqual(len(self.view.complaints), 2)
