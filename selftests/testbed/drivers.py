# SPDX-License-Identifier: GPL-2.0-only
"""The tool's jobs, done on the software NIC while it behaves as the driver of another NIC does."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import pair
from .harness import Failed, expect, expect_equal, wait_for
from .hosts import LOCAL, NIC, free_port, pattern, ring_recreations
from .sending import check_sent
from .state import expect_released, unchanged
from .summary import check_summary
from .tool import RUNTIME, finish, guards, listen, receive, run

# Its queues cannot be restarted one by one, so that nothing can be bound.
UNABLE = ("bnxt-vf",)

LENGTH = 100_000


@dataclass(frozen=True)
class Done:
    """What a job came to, and what it cost the NIC."""

    verdict: str
    ring_recreations: int
    carrier_changes: int

    def __str__(self) -> str:
        return f"{self.verdict} {self.ring_recreations}/{self.carrier_changes}"


def do(job: str, personality: str) -> Done:
    """Does a job on the NIC as it is loaded, which must be afterwards as it was before."""
    before = _cost()
    with unchanged():
        if personality in UNABLE and job in REFUSED:
            REFUSED[job]()
            verdict = "refused"
        else:
            JOBS[job]()
            verdict = "ok"
        expect_released()
    recreations, changes = (now - then for now, then in zip(_cost(), before))
    return Done(verdict, recreations, changes)


def _cost() -> tuple[int, int]:
    """How often the NIC has made its rings anew, and how often its carrier has gone or come."""
    changes = Path(f"/sys/class/net/{NIC}/carrier_changes").read_text(encoding="ascii")
    return ring_recreations(), int(changes)


def _probe() -> None:
    result = run("-f", NIC, "--json").expect(0)
    expect(json.loads(result.stdout)["supported"], "it is not supported")


def _check() -> None:
    """A check finds nothing that is missing, and where it cannot find out, one with a bind does."""
    result = run("--check", "-f", NIC, "--json")
    expect(result.code in (0, 4), f"exit status {result.code}: {result.stderr}")
    missing = [item["item"] for item in json.loads(result.stdout)["items"]
               if item["verdict"] == "missing"]
    expect_equal(missing, [], "missing by the check")
    run("--check", "--probe", "-f", NIC).expect(0)


def _receive(*options: str) -> None:
    result = receive(LENGTH, "-v", "7", "--json", *options).expect(0)
    check_summary(result, LENGTH)


def _send() -> None:
    check_sent(b"".join(pattern(LENGTH)))


def _measure() -> None:
    report = pair.measure(2, ["-t", "2", "-q", "2", "-v", "7"], ["--bytes", str(LENGTH)])
    expect_equal(report["total"]["bytes"], 2 * LENGTH, "bytes")


def _kill() -> None:
    """A run that is killed leaves nothing, since its guard brings the NIC back."""
    process = listen(4, free_port(), "-v", "7")
    process.kill()
    finish(process, 60).expect(-signal.SIGKILL, f"brought back {NIC}")
    expect(wait_for(lambda: not guards()), "the guard is still there")
    expect_equal(sorted(RUNTIME.iterdir()), [], "journals left")


JOBS: dict[str, Callable[[], None]] = {
    "probe": _probe,
    "check": _check,
    "receive": _receive,
    "receive -L": lambda: _receive("-L"),
    "send": _send,
    "two queues": lambda: _receive("-t", "2", "-q", "2"),
    "measure": _measure,
    "kill": _kill,
}


def _refuse(*options: str) -> None:
    run("-f", NIC, *options).expect(4)


def _refuse_receive(*options: str) -> None:
    _refuse("-l", "-s", LOCAL[4], "-p", str(free_port()), *options)


def _check_unable() -> None:
    """A check does not say that a run can work, and one with a bind says that none can."""
    result = run("--check", "-f", NIC)
    expect(result.code != 0, "the check found nothing that is missing")
    result = run("--check", "--probe", "-f", NIC)
    expect_equal(result.code, 1, "exit status of a check with a bind")


# The same jobs where nothing can be bound for receiving: the tool skips them, and says why.
REFUSED: dict[str, Callable[[], None]] = {
    "probe": _refuse,
    "check": _check_unable,
    "receive": lambda: _refuse_receive("-v", "7"),
    "receive -L": lambda: _refuse_receive("-v", "7", "-L"),
    "two queues": lambda: _refuse_receive("-v", "7", "-t", "2", "-q", "2"),
    "measure": lambda: _refuse_receive("-v", "7", "-t", "2", "-q", "2", "--flows", "2"),
    "kill": lambda: _refuse_receive("-v", "7"),
}


@contextlib.contextmanager
def failures_by_name(job: str) -> Iterator[None]:
    """Has a failure name the job."""
    try:
        yield
    except (Failed, SystemExit) as failure:
        raise Failed(f"{job}: {failure}") from failure
