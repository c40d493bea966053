# SPDX-License-Identifier: GPL-2.0-only
"""Which system calls a job makes, and one that fails in it, by strace.

What the dynamic loader and the start of Swift's run time do is not the tool's: everything of the
first thread up to its first `fcntl(0, F_GETFD)`, which is what the tool begins with
(`Descriptor.openStandard`). strace counts the calls of each thread by themselves. A place that lies
within the first thread's start is not taken in another thread either.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

# Where strace writes: in memory.
LOG = Path("/tmp/errors.trace")

_CALL = re.compile(r"(\d+) +([a-z]\w*)\((.*)")
_SOCKET = re.compile(r"\d+<([A-Z]+)")
_FILE = re.compile(r"\d+</(?:etc|proc|run|sys|usr)/")
_FIRST = re.compile(r"0\D.*F_GETFD")
# The word that says what the call is for.
_PURPOSE = {
    "fcntl": re.compile(r", (F_\w+)"),
    "ioctl": re.compile(r", (\w+)"),
    "prctl": re.compile(r"(PR_\w+)"),
    "socket": re.compile(r"(AF_\w+)"),
}
_OF_SOCKETS = {
    "accept4", "bind", "connect", "getsockopt", "listen", "recvfrom", "recvmsg",
    "sendmsg", "sendto", "setsockopt", "shutdown",
}


def kind(call: str, arguments: str) -> str:
    """A call, with what it is for where that decides what it can fail with."""
    if call == "close":
        return "close file" if _FILE.match(arguments) else call
    purpose = _SOCKET if call in _OF_SOCKETS else _PURPOSE.get(call)
    found = purpose and purpose.match(arguments) if call in _OF_SOCKETS else (
        purpose and purpose.search(arguments))
    return f"{call} {found[1]}" if found else call


def traced(words: list[str], *options: str) -> list[str]:
    """A command below strace, on one processor: on two, each stop is a way to the other one and
    back. A first word `-p` has a process that is there traced, by its number."""
    attached = words[0] == "-p"
    return [
        "taskset", "--cpu-list", str(max(os.sched_getaffinity(0))),
        "strace", "-f", "-yy", "-o", str(LOG), *options,
        *([] if attached else ["--kill-on-exit"]), *words,
    ]


def injecting(call: str, error: str, when: str, words: list[str]) -> list[str]:
    """The same, with a call that fails. Only this call stops the tool."""
    quick = [] if words[0] == "-p" else ["--seccomp-bpf"]
    return traced(
        words, *quick, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}")


@dataclass
class Call:
    """A call in a log."""

    thread: str
    kind: str
    name: str
    number: int
    line: str


def calls(is_started: bool) -> tuple[list[Call], Counter[str]]:
    """The calls of a log, and how many of each the first thread made before the tool began."""
    numbers: dict[str, Counter[str]] = defaultdict(Counter)
    before: Counter[str] = Counter()
    found: list[Call] = []
    first = None
    for line in LOG.read_text(encoding="utf-8", errors="replace").splitlines():
        match = _CALL.match(line)
        if not match:
            continue
        thread, name, arguments = match.groups()
        first = first or thread
        numbers[thread][name] += 1
        if not is_started and thread == first:
            is_started = name == "fcntl" and bool(_FIRST.match(arguments))
            if not is_started:
                before[name] += 1
                continue
        found.append(Call(thread, kind(name, arguments), name, numbers[thread][name], line))
    return found, before


def places(is_started: bool) -> dict[str, list[int]]:
    """The numbers of the calls that can be made to fail, by kind."""
    found, before = calls(is_started)
    result: dict[str, set[int]] = defaultdict(set)
    for call in found:
        if call.number > before[call.name]:
            result[call.kind].add(call.number)
    return {key: sorted(numbers) for key, numbers in result.items()}


def injected(planned: str) -> list[str]:
    """The kinds of the calls that were made to fail, in their order. One that another thread's line
    has cut in two counts as what was planned."""
    found = []
    for line in LOG.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.endswith("(INJECTED)"):
            match = _CALL.match(line)
            found.append(kind(match[2], match[3]) if match else planned)
    return found
