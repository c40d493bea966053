# SPDX-License-Identifier: GPL-2.0-only
"""People watch a run: a line on the terminal that is rewritten, and one on request."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator

from testbed.harness import Failed, case, expect, wait_for
from testbed.hosts import LOCAL, NIC, Sender, free_port, pattern, wait_listening
from testbed.state import expect_released, unchanged
from testbed.tool import BINARY, LITTLE_MEMORY, finish, listen, track

ERASURE = "\r\x1b[K"
# Of the stream: whole patterns of 7 bytes, 585.9 KiB.
HALF = 599_998


class Screen:
    """A terminal that the tool's standard error is."""

    def __init__(self, columns: int = 200) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        self.text = ""

    def receive(
        self, port: int, *options: str, stdout: int = subprocess.PIPE
    ) -> subprocess.Popen[bytes]:
        """Starts a receiver on it."""
        process = track(subprocess.Popen(
            [BINARY, "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), *LITTLE_MEMORY, *options],
            stdin=subprocess.DEVNULL, stdout=stdout, stderr=self.slave,
            env=os.environ | {"TERM": "xterm"}))
        wait_listening(port, process)
        return process

    def has(self, *words: str) -> bool:
        """Whether all of this was written so far."""
        while select.select([self.master], [], [], 0)[0]:
            self.text += os.read(self.master, 65536).decode()
        return all(word in self.text for word in words)

    def await_(self, *words: str) -> None:
        """Waits until all of this is written."""
        expect(wait_for(lambda: self.has(*words)), f"no {words} in {self.text!r}")

    def lines(self) -> list[str]:
        """What is left of it for people: what was not erased."""
        self.has()
        return [line.split(ERASURE)[-1].rstrip() for line in self.text.split("\n")]

    def close(self) -> None:
        """Ends it."""
        os.close(self.master)
        os.close(self.slave)


def slowly(gate: Callable[[], bool]) -> Iterator[bytes]:
    """A stream of two halves: the second comes when something is seen."""
    yield from pattern(HALF)
    if not wait_for(gate):
        raise Failed("the first half was not seen")
    yield from pattern(HALF)


@case("a terminal has a line that is rewritten, and is left clean", once=True)
def rewritten() -> None:
    screen = Screen()
    with unchanged():
        port = free_port()
        process = screen.receive(port, "-v", "7", "--expect-bytes", str(2 * HALF))
        screen.await_(f"{ERASURE}setting up {NIC}", f"{ERASURE}waiting for a connection on ")
        half = "received 585.9 KiB of 1.1 MiB, ", " 0 wrong in 585.9 KiB checked, device 585.9 KiB"
        sender = Sender(4, port, slowly(lambda: screen.has(*half)))
        sender.start()
        code = process.wait(60)
        sender.join()
    expect(code == 0, screen.text)
    expect(screen.has(" MiB/s now, ", " s left, ", f"{ERASURE}putting {NIC} back as it was"),
           screen.text)
    lines = screen.lines()
    expect(not any(" now, " in line or "setting up" in line for line in lines), str(lines))
    expect(any(line.startswith(f"received {2 * HALF} bytes in ") for line in lines), str(lines))
    expect(lines[-1] == "", str(lines))
    screen.close()
    expect_released()


@case("a terminal has no such line with --quiet, or where the payload goes there", once=True)
def unwanted() -> None:
    for options in (("--quiet", "-v", "7"), ()):
        screen = Screen()
        port = free_port()
        process = screen.receive(port, *options, stdout=screen.slave)
        Sender(4, port, pattern(6000)).start()
        expect(process.wait(60) == 0, screen.text)
        expect(not screen.has("\x1b"), repr(screen.text))
        if options:
            expect(screen.text.strip() == "Validated buffer", repr(screen.text))
        screen.close()


@case("SIGUSR1 has a line printed while a run waits and while it receives", once=True)
def asked() -> None:
    with unchanged():
        port = free_port()
        process = listen(4, port, "-v", "7", "--quiet")
        process.send_signal(signal.SIGUSR1)
        time.sleep(0.5)

        def is_half_there() -> bool:
            process.send_signal(signal.SIGUSR1)
            ready = select.select([process.stderr], [], [], 0.1)[0]
            if ready:
                seen.append(os.read(process.stderr.fileno(), 65536).decode())
            return "received 585.9 KiB, " in "".join(seen)

        seen: list[str] = []
        goes_on = threading.Event()
        Sender(4, port, slowly(goes_on.is_set)).start()
        expect(wait_for(is_half_there), str(seen))
        goes_on.set()
        result = finish(process, 60).expect(0)
        text = "".join(seen) + result.stderr
        lines = text.splitlines()
        expect(lines[0] == f"waiting for a connection on {LOCAL[4]}, port {port}", text)
        expect(any(line.startswith("received 585.9 KiB, ") and " MiB/s on average, " in line
                   for line in lines), text)
        expect("now" not in text and "Waiting or connection" not in text, text)
    expect_released()
