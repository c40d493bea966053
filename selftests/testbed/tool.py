# SPDX-License-Identifier: GPL-2.0-only
"""Runs the tool under test, alone or against a sender."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .harness import Failed, expect, expect_equal, wait_for
from .hosts import LOCAL, NIC, Sender, free_port, need, pattern, wait_listening


def _installed(binary: str) -> str:
    """A copy in memory: of the checkout's files each exec reads all that it needs anew."""
    return shutil.copy(binary, "/usr/local/bin/ncdevmem")


BINARY = _installed(os.environ.get("NCDEVMEM", ".build/release/ncdevmem"))

# Most of a run's start goes into the 16000 pages of the default memory, which few cases are about.
# These 3072 are as many as a ring of the NIC (1024) and a socket's largest buffer (6 MiB) hold.
LITTLE_MEMORY = ("--memory-size", "12M")

# With one of these, arguments are about the memory, or the run takes none.
ABOUT_MEMORY = {"--memory", "--memory-size", "--host-memory", "--engine", "--restore"}

# Where runs have their journals.
RUNTIME = Path("/run/ncdevmem")


@dataclass
class Result:
    """How a run of the tool ended."""

    code: int
    stdout: bytes
    stderr: str

    def expect(self, code: int, *texts: str) -> Result:
        """Fails the case unless the run ended with this status, and printed these texts on the
        standard error."""
        if self.code != code:
            raise Failed(f"exit status {self.code}, expected {code}: {self.stderr.strip()}")
        for text in texts:
            if text not in self.stderr:
                raise Failed(f"no {text!r} in: {self.stderr.strip()}")
        return self


_started: list[subprocess.Popen[bytes]] = []


def on_nic(options: tuple[str, ...]) -> tuple[str, ...]:
    """The option that names the NIC, unless the options name an interface themselves."""
    return () if "-f" in options else ("-f", NIC)


def start(
    *arguments: str, binary: str = BINARY, stdout: int = subprocess.PIPE,
    descriptors: tuple[int, ...] = (), memory: tuple[str, ...] = LITTLE_MEMORY
) -> subprocess.Popen[bytes]:
    """Starts the tool, which inherits some descriptors. What takes memory gets options for that
    unless its arguments are about it."""
    if {"-l", "-f"} & set(arguments) and not ABOUT_MEMORY & set(arguments):
        arguments += memory
    return track(subprocess.Popen(
        [binary, *arguments], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
        pass_fds=descriptors))


def wait_for_signals(process: subprocess.Popen[bytes]) -> None:
    """Waits until a run takes stop signals: one that comes before ends it without a word."""
    status = Path(f"/proc/{process.pid}/status")

    def takes_them() -> bool:
        masks = re.findall(r"^Sig(?:Blk|Cgt):\s*(\w+)$", status.read_text("ascii"), re.MULTILINE)
        return any(int(mask, 16) >> (signal.SIGTERM - 1) & 1 for mask in masks)

    expect(wait_for(takes_them), "the run takes no signals")


def track(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    """Has a process ended with the case, if it then still runs."""
    _started.append(process)
    return process


def end_all() -> None:
    """Ends what a case that failed has left running."""
    for process in _started:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
    _started.clear()


def guards() -> list[int]:
    """The pids of all guards."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/comm", "rb", buffering=0) as comm:
            if comm.read() == b"ncdevmem-guard\n":
                found.append(int(name))
    return found


def forget() -> None:
    """Ends all guards and drops all journals, with what they would have brought back."""
    for pid in guards():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(RUNTIME, ignore_errors=True)


def finish(process: subprocess.Popen[bytes], seconds: float = 60) -> Result:
    """Waits for the end of a run."""
    try:
        stdout, stderr = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        process.kill()
        _, stderr = process.communicate()
        raise Failed(f"still running after {seconds} s: {stderr.decode()}") from error
    return Result(process.returncode, stdout, stderr.decode(errors="replace"))


def run(
    *arguments: str, binary: str = BINARY, seconds: float = 60,
    descriptors: tuple[int, ...] = (), memory: tuple[str, ...] = LITTLE_MEMORY
) -> Result:
    """Runs the tool to its end."""
    return finish(
        start(*arguments, binary=binary, descriptors=descriptors, memory=memory), seconds)


def listen(
    version: int, port: int, *options: str, binary: str = BINARY, stdout: int = subprocess.PIPE,
    descriptors: tuple[int, ...] = (), memory: tuple[str, ...] = LITTLE_MEMORY
) -> subprocess.Popen[bytes]:
    """Starts the tool as a receiver and waits until it listens."""
    need(version)
    process = start(
        "-l", *on_nic(options), "-s", LOCAL[version], "-p", str(port), *options, binary=binary,
        stdout=stdout, descriptors=descriptors, memory=memory)
    wait_listening(port, process)
    return process


def receive(
    length: int, *options: str, version: int = 4, period: int = 7, seconds: float = 120,
    descriptors: tuple[int, ...] = (), memory: tuple[str, ...] = LITTLE_MEMORY
) -> Result:
    """Has the tool receive a pattern of so many bytes from the remote host."""
    port = free_port()
    process = listen(version, port, *options, descriptors=descriptors, memory=memory)
    sender = Sender(version, port, pattern(length, period), source_port=port)
    sender.start()
    result = finish(process, seconds)
    sender.join(10)
    if result.code == 0:
        expect_equal(sender.error, None, "sending")
        expect_equal(sender.sent, length, "bytes sent")
    return result
