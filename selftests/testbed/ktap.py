# SPDX-License-Identifier: GPL-2.0-only
"""Reads what the kernel's Python tests print: KTAP, with the reasons among the comments."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

PLAN = re.compile(r"^1\.\.(\d+)$")
RESULT = re.compile(r"^(not )?ok \d+ ([^ ]+)(?: # (\w+) ?(.*))?$")
EXCEPTION = re.compile(r"^(?:# (?:Defer )?Exception\| ?)?((?:\w+\.)*\w+): (.*)$")
STDERR = re.compile(r"^(?:# (?:Defer )?Exception\| )? *STDERR: (.*)$")


@dataclass(frozen=True)
class Outcome:
    """How a test ended: ok, fail, skip or xfail, and why."""

    verdict: str
    reason: str = ""
    # How often it was tried.
    tries: int = 1


def tried(first: Outcome, most: int, again: Callable[[], Outcome]) -> Outcome:
    """The outcome of a case that is tried again until it passes, as often as may be; it says so."""
    for number in range(2, most + 1):
        if again().verdict == "ok":
            return Outcome("ok", f"ok at try {number} of {most}: before, {first.reason}", number)
    return Outcome(first.verdict, f"at each of {most} tries: {first.reason}", most)


def parse(test: str, output: str, end: str) -> dict[str, Outcome]:
    """The outcome of each case of a test that ended so."""
    outcomes: dict[str, Outcome] = {}
    planned = None
    remarks: list[str] = []
    for line in output.splitlines():
        if plan := PLAN.match(line):
            planned = int(plan[1])
            remarks.clear()
        elif result := RESULT.match(line):
            failed, name, directive, reason = result.groups()
            # A directive counts more: a check may fail on the way to a skip.
            if directive:
                outcomes[name] = Outcome(directive.lower(), reason)
            else:
                outcomes[name] = Outcome("fail", _reason(remarks)) if failed else Outcome("ok")
            remarks.clear()
        else:
            remarks.append(line)
    if planned is None:
        reason = _reason(remarks) or end
        kind, _, text = reason.partition(": ")
        skips = {"KsftSkipEx": "skip", "KsftXfailEx": "xfail"}
        verdict = skips.get(kind.rpartition(".")[2])
        outcomes[test] = Outcome(verdict, text) if verdict else Outcome("fail", reason)
    elif len(outcomes) < planned:
        outcomes[f"{test} (rest)"] = Outcome(
            "fail", f"{end} after {len(outcomes)} of {planned} cases")
    return outcomes


def _reason(remarks: list[str]) -> str:
    """What says most about why a case failed: the words of the command that did, a check, an
    exception."""
    for number, line in enumerate(remarks):
        if found := STDERR.match(line):
            words = [found[1]]
            for more in remarks[number + 1:]:
                text = more.removeprefix("# Exception|")
                if not text.startswith("          "):
                    break
                words.append(text.strip())
            reasons = [word for word in words if word and not word.startswith("hint:")]
            return reasons[-1] if reasons else ""
    for line in remarks:
        if line.startswith("# Check failed"):
            return line.removeprefix("# ")
    for line in reversed(remarks):
        if found := EXCEPTION.match(line):
            return f"{found[1]}: {found[2]}"
    return ""
