# SPDX-License-Identifier: GPL-2.0-only
"""Each command of the how-tos works as it stands there."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from testbed.containers import IMAGE, engine
from testbed.harness import case, expect, expect_equal, wait_for
from testbed.hosts import NIC, REMOTE_NIC, is_listening
from testbed.state import expect_released, unchanged
from testbed.tool import finish, run, track

DOCS = Path(__file__).resolve().parents[2] / "docs"
PROMPT = re.compile(r"    (receiver|sender)# (.+)")
REASON = re.compile(r"<!-- not run: (.+) -->")


class Command(NamedTuple):
    """A line behind a prompt."""

    host: str
    words: str
    # Why it is not run; empty if it is.
    reason: str

    @property
    def waits(self) -> bool:
        """Whether it is a receiver, to which a sender has to come."""
        return " -l " in self.words


def commands(page: Path) -> list[Command]:
    """All commands of a page. A reason holds for the block behind it."""
    found: list[Command] = []
    reason, is_inside = "", False
    for line in page.read_text(encoding="utf-8").splitlines():
        if why := REASON.fullmatch(line):
            reason, is_inside = why[1], False
        elif prompt := PROMPT.fullmatch(line):
            found.append(Command(prompt[1], prompt[2], reason))
            is_inside = True
        elif line and is_inside:
            reason, is_inside = "", False
    return found


def begin(command: Command, directory: str) -> subprocess.Popen[bytes]:
    """Starts a command on its host, in a shell."""
    nic, host = (NIC, []) if command.host == "receiver" else (
        REMOTE_NIC, ["ip", "netns", "exec", "remote"])
    words = command.words.replace("eth1", nic).replace(" IMAGE ", f" {shlex.join(IMAGE)} ")
    return track(subprocess.Popen(
        [*host, "sh", "-c", words], cwd=directory, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"PATH": "/usr/local/bin:" + os.environ["PATH"]}))


def ports(command: Command) -> list[int]:
    """Where a receiver listens, the control port first."""
    words = shlex.split(command.words)
    return [int(words[words.index(name) + 1]) for name in ("--control", "-p") if name in words]


def end(command: Command, process: subprocess.Popen[bytes]) -> None:
    """Waits for the end of a command, which must succeed."""
    result = finish(process, 120)
    # A check alone may leave open what only a probe shows.
    may_doubt = " --check " in command.words and " --probe " not in command.words
    expect(result.code == 0 or (may_doubt and result.code == 4),
           f"`{command.words}` ended with {result.code}: {result.stderr}")
    if " -v " in command.words:
        expect_equal(result.stdout, b"Validated buffer\n", command.words)


def try_page(name: str) -> None:
    """Runs all commands of a page in turn, a receiver beside what comes to it."""
    skipped: list[str] = []
    needs_engine = any(" IMAGE " in command.words for command in commands(DOCS / name))
    with contextlib.ExitStack() as stack, unchanged():
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        if needs_engine:
            stack.enter_context(engine())
        waiting: tuple[Command, subprocess.Popen[bytes]] | None = None
        for command in commands(DOCS / name):
            if command.reason:
                skipped.append(f"`{command.words.split(' -')[0]} ...`: {command.reason}")
                continue
            expect(waiting is None or command.host == "sender", f"nothing is sent: {waiting}")
            process = begin(command, directory)
            if command.waits:
                wait_for(lambda: process.poll() is not None or is_listening(ports(command)[0]), 60)
                waiting = command, process
                continue
            end(command, process)
            if waiting:
                end(*waiting)
                waiting = None
        expect(waiting is None, f"nothing is sent: {waiting}")
    expect_released()
    for line in skipped:
        print(f"  not run: {line}")


def _pages() -> list[str]:
    return sorted(page.name for page in DOCS.glob("*.md") if commands(page))


for _page in _pages():
    case(f"the commands of docs/{_page} work", once=True)(
        lambda name=_page: try_page(name))


@case("docs/bring-up.md explains each item of the check", once=True)
def explained() -> None:
    page = (DOCS / "bring-up.md").read_text(encoding="utf-8")
    for item in json.loads(run("--check", "-f", NIC, "--json").stdout)["items"]:
        name = re.sub("^memory-.*", "memory-...", item["item"])
        expect(f"`{name}`" in page, f"nothing is said of {name}")


@case("each page of docs/ is linked, and nothing else", once=True)
def linked() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([a-z-]+\.md)\)", index)
    pages = sorted(page.name for page in DOCS.glob("*.md") if page.name != "README.md")
    expect_equal(sorted(links), pages, "links of docs/README.md")
