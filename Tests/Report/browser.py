# SPDX-License-Identifier: GPL-2.0-only
"""Drives a real browser, Chromium, by its DevTools protocol over a pair of pipes."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

# Seconds; a browser starts and draws within a few, but not on a machine that has much else to do.
DEADLINE = 120
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def program() -> str | None:
    """The browser that is installed, if one is."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def offline() -> list[str]:
    """The words before a command that take every network away from it, if that can be done."""
    words = ["unshare", "--map-root-user", "--net"]
    possible = subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    return words if possible else []


class Browser:
    """A browser with one page, and all that the page complained of or asked the network for."""

    def __init__(self) -> None:
        self._profile = tempfile.TemporaryDirectory()
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        found = program()
        assert found
        # The browser reads its commands at 3 and writes the answers at 4.
        script = 'exec 3<&"$0" 4>&"$1"; shift; exec "$@"'
        self._process = subprocess.Popen(
            [*offline(), "sh", "-c", script, str(commands), str(answers), found, "--headless",
             "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe",
             f"--user-data-dir={self._profile.name}"],
            pass_fds=(commands, answers), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(answers)
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.path: Path | None = None
        self.complaints: list[str] = []
        self.requests: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call(
            "Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """Ends the browser."""
        os.close(self._commands)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._answers)
        # Its children may still write there for a moment.
        shutil.rmtree(self._profile.name, ignore_errors=True)

    def call(self, method: str, **parameters: object) -> dict:
        """Has the browser do something, and gives its answer."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + DEADLINE
        while True:
            answer = self._receive(end)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def _receive(self, end: float) -> dict:
        """The next message."""
        while b"\0" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                raise TimeoutError(f"the browser does not answer within {DEADLINE} s")
            data = os.read(self._answers, 1 << 20)
            if not data:
                raise RuntimeError("the browser has ended")
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict) -> None:
        """Keeps what a page should not do."""
        parameters = event.get("params", {})
        match event.get("method"):
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(parameters["exceptionDetails"])[:500])
            case "Runtime.consoleAPICalled":
                self.complaints.append(json.dumps(parameters["args"])[:500])
            case "Log.entryAdded":
                self.complaints.append(parameters["entry"]["text"])
            case "Page.javascriptDialogOpening":
                self.complaints.append(f"dialog: {parameters['message']}")
                # Whose answer comes some time.
                self._number += 1
                os.write(self._commands, json.dumps({
                    "id": self._number, "method": "Page.handleJavaScriptDialog",
                    "sessionId": self._session, "params": {"accept": True}}).encode() + b"\0")
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])

    def evaluate(self, expression: str) -> object:
        """The value of an expression in the page."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def resize(self, width: int) -> None:
        """Changes the window; a narrow one is a phone's."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                  deviceScaleFactor=1, mobile=width < 500)

    def open(self, path: Path, width: int) -> None:
        """Shows a file in a window of this width, and waits until its plots are drawn. One that is
        there already is not loaded again."""
        self.resize(width)
        if path == self.path:
            return
        self.path = path
        self.complaints.clear()
        self.requests.clear()
        self.call("Page.navigate", url=path.as_uri())
        self.wait(
            f"location.href == {json.dumps(path.as_uri())} && document.readyState == 'complete'"
            " && 'drawn' in document.documentElement.dataset")

    def wait(self, condition: str) -> None:
        """Waits until something holds in the page."""
        end = time.monotonic() + DEADLINE
        while not self.evaluate(condition):
            if time.monotonic() > end:
                raise TimeoutError(f"{condition}: not within {DEADLINE} s: {self.complaints}")
            time.sleep(0.05)

    def media(self, kind: str, scheme: str = "light") -> None:
        """Shows the page as on a screen or on paper, light or dark."""
        self.call("Emulation.setEmulatedMedia", media=kind,
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self) -> bytes:
        """The whole page as PNG."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    def printed(self) -> bytes:
        """The page as it is printed, as PDF on A4."""
        answer = self.call(
            "Page.printToPDF", preferCSSPageSize=True, paperWidth=8.27, paperHeight=11.69,
            printBackground=True)
        return base64.b64decode(answer["data"])
