# SPDX-License-Identifier: GPL-2.0-only
"""The remote host where it is a machine of its own (`vm/run --two`)."""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .harness import Failed, Skipped, expect
from .nic import setting

# A second boot takes as long as the first, on a host that emulates two machines.
BOOT = 180


@dataclass(frozen=True)
class End:
    """How a command ended there."""

    code: int
    stdout: str
    stderr: str


class Job:
    """A command that runs there."""

    def __init__(self, peer: Peer, number: int) -> None:
        self._peer = peer
        self._number = number

    def wait(self, seconds: float = 60) -> End:
        """How it ended."""
        answer = self._peer.read_until(
            lambda answer: answer.get("id") == self._number, seconds, "the end of a command")
        return End(answer["status"], answer["stdout"], answer["stderr"])


class Peer:
    """The machine. It is asked by a port, which leads from machine to machine beside the cable."""

    def __init__(self) -> None:
        if not os.path.exists(setting("peer")):
            raise Skipped("there is no second machine")
        self._port = os.open(setting("peer"), os.O_RDWR)
        self._text = b""
        self._answers: list[dict[str, Any]] = []
        self._next = time.monotonic_ns()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._port)

    def start(self, *command: str) -> Job:
        """Starts a command there."""
        self._next += 1
        self.write({"id": self._next, "run": command})
        return Job(self, self._next)

    def run(self, *command: str, seconds: float = 60) -> str:
        """What a command that must succeed prints there."""
        end = self.start(*command).wait(seconds)
        expect(end.code == 0, f"there, {' '.join(command)}: {end.stderr.strip()}")
        return end.stdout

    def wait_ready(self) -> None:
        """Waits until the machine has come up and is asked for something."""
        self.read_until(lambda answer: answer.get("ready"), BOOT, "the second machine")

    def write(self, order: dict[str, object]) -> None:
        """Writes a line to it."""
        line = f"{json.dumps(order)}\n".encode()
        while line:
            line = line[os.write(self._port, line):]

    def read_until(
        self, is_it: Callable[[dict[str, Any]], object], seconds: float, what: str
    ) -> dict[str, Any]:
        """The first answer that is the one waited for; the others are kept."""
        deadline = time.monotonic() + seconds
        while True:
            for answer in self._answers:
                if is_it(answer):
                    self._answers.remove(answer)
                    return answer
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._port], [], [], left)[0]:
                raise Failed(f"{what} did not come within {seconds} s")
            self._text += os.read(self._port, 65536)
            *lines, self._text = self._text.split(b"\n")
            self._answers += [json.loads(line) for line in lines if line]
