# SPDX-License-Identifier: GPL-2.0-only
"""Registers test cases and runs them one after the other, each with a deadline."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path


class Failed(Exception):
    """The case found something that is not as it should be."""


class Skipped(Exception):
    """The case cannot be run here, for the reason given."""


@dataclass
class Case:
    """One test: a sentence and the function that proves it."""

    name: str
    function: Callable[[], None]
    deadline: int
    once: bool
    binds: bool


@dataclass
class Tally:
    """How the cases of a run ended."""

    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)


_cases: list[Case] = []


def case(
    name: str, deadline: int = 120, once: bool = False, binds: bool = True,
) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Registers a function as a case that may take so many seconds. One to be run `once` is about
    the tool alone: where several kernels are tested, the newest is enough for it. One that binds no
    receive queue, or brings a NIC of its own for that, is run on a NIC that can bind none, too."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        _cases.append(Case(name, function, deadline, once, binds))
        return function

    return register


def expect(condition: object, message: str) -> None:
    """Fails the case unless the condition holds."""
    if not condition:
        raise Failed(message)


def expect_equal(actual: object, expected: object, what: str) -> None:
    """Fails the case unless two values are equal."""
    if actual != expected:
        raise Failed(f"{what}: got {actual!r}, expected {expected!r}")


@contextlib.contextmanager
def holding(path: Path, text: str) -> Iterator[None]:
    """For a while, a file of the kernel's holds something else."""
    before = path.read_text(encoding="ascii")
    path.write_text(text, encoding="ascii")
    try:
        yield
    finally:
        path.write_text(before, encoding="ascii")


def wait_for(condition: Callable[[], object], seconds: float = 20) -> bool:
    """Whether something comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _alarm(_signal: int, _frame: object) -> None:
    raise Failed("took too long")


def takes(directory: Path, number: int) -> bool:
    """Takes a case, unless one of those that share the directory has taken it."""
    try:
        (directory / str(number)).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def run(
    pattern: str, is_mine: Callable[[int], bool], skips_once: bool, can_bind: bool,
    cleanup: Callable[[], None], mend: Callable[[], None],
) -> Tally:
    """Runs the cases whose name a regular expression matches, if there are any, but for those that
    are another machine's: `is_mine` is asked for each when its turn comes, by its number. Skips
    those to be run `once` if told to. Cleans up after each, and mends what a failed one may have
    left, so that it fails alone."""
    tally = Tally()
    signal.signal(signal.SIGALRM, _alarm)
    wanted = [(at, case_) for at, case_ in enumerate(_cases) if re.search(pattern, case_.name)]
    if not wanted:
        tally.failed.append(f"no case has a name like {pattern!r}")
    for number, case_ in wanted:
        if not is_mine(number):
            continue
        start = time.monotonic()
        try:
            signal.alarm(case_.deadline)
            try:
                if case_.once and skips_once:
                    raise Skipped("it is about the tool alone: the newest kernel is enough")
                if case_.binds and not can_bind:
                    raise Skipped("this NIC cannot restart a queue, so that nothing can be bound")
                case_.function()
            finally:
                cleanup()
                signal.alarm(0)
            tally.passed += 1
            outcome = "ok"
        except Skipped as reason:
            tally.skipped += 1
            outcome = f"skip ({reason})"
        except Exception as error:
            tally.failed.append(case_.name)
            outcome = f"FAIL: {error}"
            if not isinstance(error, Failed):
                traceback.print_exc()
            try:
                mend()
            except Failed as left:
                outcome += f" (not mended: {left})"
        print(f"{case_.name}: {outcome} [{time.monotonic() - start:.1f} s]", flush=True)
        sys.stderr.flush()
    return tally
