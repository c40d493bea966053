# SPDX-License-Identifier: GPL-2.0-only
"""Runs in containers, with the system calls that Docker and Podman leave them: they do their job,
or say which flag they lack."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from testbed.containers import IMAGE, PROFILES, engine
from testbed.drm import vgem
from testbed.harness import case, expect, expect_equal, wait_for
from testbed.hosts import LOCAL, NIC, REMOTE, Sender, free_port, output, pattern, wait_listening
from testbed.pair import sender
from testbed.recovery import RESTORED, expect_back, journals_with_changes
from testbed.sending import Receiver
from testbed.state import expect_released, has_command, nic_state, unchanged
from testbed.tool import LITTLE_MEMORY, RUNTIME, Result, finish, run, track

SIZE = 100_000
NAME = "ncdevmem"

# What docs/containers.md gives a container.
GIVEN = (
    "--init", "--network", "host", "--cap-drop", "ALL", "--cap-add", "NET_ADMIN",
    "--security-opt", "no-new-privileges", "--device", "/dev/udmabuf",
    "-v", f"{RUNTIME}:{RUNTIME}")


def start(flags: tuple[str, ...], *arguments: str) -> subprocess.Popen[bytes]:
    """Starts the tool in a container."""
    return track(subprocess.Popen(
        ["podman", "run", "--rm", "--name", NAME, *flags, *IMAGE, "ncdevmem", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE))


def probe(flags: tuple[str, ...], *arguments: str) -> Result:
    """Has a container bind and unbind."""
    return finish(start(flags, "-f", NIC, *LITTLE_MEMORY, *arguments))


def listen(flags: tuple[str, ...], port: int, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts a receiver in a container, and waits until it listens."""
    process = start(
        flags, "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), "-v", "7", *LITTLE_MEMORY,
        *arguments)
    wait_listening(port, process)
    return process


def processes(name: str) -> list[int]:
    """The pids that processes of this name have outside of their containers."""
    found = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text(encoding="ascii") == f"{name}\n":
                found.append(int(pid))
    return found


def status(pid: int) -> dict[str, str]:
    """What the kernel says of a process."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


@contextlib.contextmanager
def host() -> Iterator[None]:
    """A host with Podman, a directory for the journals, and a NIC that is in the end as it was."""
    RUNTIME.mkdir(exist_ok=True)
    with engine(), unchanged():
        yield
    expect_released()


def receives(flags: tuple[str, ...]) -> None:
    """Receives in a container, below its filter and the tool's own."""
    port = free_port()
    process = listen(flags, port)
    [pid] = processes("ncdevmem")
    expect(wait_for(lambda: status(pid)["CapEff"] == "0" * 16), f"{status(pid)}")
    theirs = int(status(int(status(pid)["PPid"]))["Seccomp_filters"])
    both = int(status(pid)["Seccomp_filters"])
    expect(0 < theirs < both, f"{theirs} filters of the container, {both} of the run")
    expect(journals_with_changes(), "there is no journal outside of the container")
    Sender(4, port, pattern(SIZE)).start()
    result = finish(process).expect(0)
    expect_equal(result.stdout, b"Validated buffer\n", "output")


def sends(flags: tuple[str, ...]) -> None:
    """Sends in a container what comes to its standard input."""
    if not has_command("bind-tx"):
        return
    remote = Receiver(4, free_port())
    remote.start()
    remote.listening.wait(10)
    payload = b"".join(pattern(SIZE))
    process = start(
        ("-i", *flags), "-f", NIC, "-s", REMOTE[4], "-p", str(remote.port), *LITTLE_MEMORY)
    stdout, stderr = process.communicate(payload, timeout=60)
    Result(process.returncode, stdout, stderr.decode()).expect(0)
    remote.join(30)
    expect(remote.received == payload, f"{len(remote.received)} bytes came, or other ones")


def measures(flags: tuple[str, ...]) -> None:
    """Measures in a container, by a thread for each of two flows."""
    port, control = free_port(), free_port()
    process = start(
        flags, "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), "--control", str(control),
        "-v", "7", "--interval", "0", "--timeout", "30")
    wait_listening(control, process)
    talking = sender(
        port, "--control", str(control), "--interval", "0", "--flows", "2", "--bytes", "1M",
        "--host-memory")
    finish(process).expect(0)
    finish(talking).expect(0)


for _engine in PROFILES:
    @case(f"in a container with the seccomp profile of {_engine}, each kind of run does its job",
          deadline=300, once=True)
    def works(profile: Path = PROFILES[_engine]) -> None:
        flags = (*GIVEN, "--security-opt", f"seccomp={profile}")
        with host():
            receives(flags)
            sends(flags)
            measures(flags)
            probe(flags).expect(0)
            finish(start(flags, "--check", "--probe", "-f", NIC, *LITTLE_MEMORY)).expect(0)


def without(*flags: str) -> tuple[str, ...]:
    """What a container is given, without some of it."""
    given = list(GIVEN)
    for flag in flags:
        at = given.index(flag)
        del given[at:at + (1 if flag == "--init" else 2)]
    return tuple(given)


# What a container has, how a run ends there, and what it says.
LACKING: list[tuple[tuple[str, ...], int, tuple[str, ...]]] = [
    (without("--device"), 4, ("ENOENT", "--device /dev/udmabuf")),
    ((*without("--device"), "-v", "/dev/udmabuf:/dev/udmabuf"), 1,
     ("EPERM", "--device /dev/udmabuf")),
    (without("--cap-add"), 1, ("EPERM", "--cap-add NET_ADMIN")),
    ((*GIVEN, "--uidmap", "0:100000:65536"), 1, ("EPERM", "user namespace that owns", "rootless")),
    ((*GIVEN, "--user", "1000"), 1, ("EACCES", "the group that /dev/udmabuf belongs to")),
    ((*without("--network"), "--network", "none"), 2, ("ENODEV", "--network host")),
    (without("--init"), 0, ("first process", f"-v {RUNTIME}:{RUNTIME}", "--restore")),
    ((*without("-v"), "--read-only", "--read-only-tmpfs=false"), 0,
     ("EROFS", f"-v {RUNTIME}:{RUNTIME}")),
    ((*without("--init"), "--pids-limit", "1"), 1, ("cannot start the guard", "EAGAIN")),
]


@contextlib.contextmanager
def another_user() -> Iterator[tuple[str, ...]]:
    """What a container is given that does not run as root."""
    device = Path("/dev/udmabuf")
    group, before = 36, device.stat()
    with tempfile.TemporaryDirectory(dir="/run") as journals, contextlib.ExitStack() as undo:
        os.chown(journals, 1000, 1000)
        undo.callback(os.chmod, device, before.st_mode & 0o777)
        undo.callback(os.chown, device, before.st_uid, before.st_gid)
        os.chown(device, before.st_uid, group)
        os.chmod(device, 0o660)
        yield (*without("-v"), "--user", "1000:1000", "--group-add", str(group),
               "-v", f"{journals}:/journal", "-e", "RUNTIME_DIRECTORY=/journal")


@case("a container that lacks something is told the flag that gives it", deadline=300, once=True)
def lacks() -> None:
    with host():
        for flags, code, words in LACKING:
            result = probe(flags).expect(code, *words)
            expect(result.stderr.count("ncdevmem: cannot set") <= 1, result.stderr)
            expect_equal(journals_with_changes(), [], f"journals of {flags}")
        with another_user() as flags:
            probe(flags).expect(0)
        check = finish(start(without("--device"), "--check", "-f", NIC)).stdout.decode()
        expect("no /dev/udmabuf -> the kernel has it: start the container with --device" in check,
               check)


@case("a container that lacks a device of another kind of memory is told so", deadline=300,
      once=True)
def lacks_other_devices() -> None:
    with host():
        probe(GIVEN, "--memory", "heap:system").expect(4, "--device /dev/dma_heap/system")
        flags = (*GIVEN, "--device", "/dev/dma_heap/system")
        probe(flags, "--memory", "heap:system").expect(0)
        with vgem():
            probe(GIVEN, "--memory", "drm").expect(4, "--device /dev/dri/card0")
            flags = (*GIVEN, "--device", "/dev/dri/card0")
            probe(flags, "--memory", "drm").expect(0)
            expect_released()


@case("a container that is stopped brings the NIC back; of one that is killed a journal is left",
      deadline=300, once=True)
def ends() -> None:
    with host():
        before = nic_state()
        process = listen(GIVEN, free_port())
        output("podman", "stop", NAME)
        finish(process).expect(128 + signal.SIGTERM)
        expect_back(before)
        for flags in (GIVEN, without("--init")):
            process = listen(flags, free_port())
            output("podman", "kill", "--signal", "KILL", NAME)
            finish(process).expect(128 + signal.SIGKILL)
            expect_released()
            expect(journals_with_changes(), "no journal is left")
            run("--restore").expect(0, RESTORED)
            expect_back(before)
        # The next run in a container does so, too.
        process = listen(GIVEN, free_port())
        [pid] = processes("ncdevmem")
        os.kill(pid, signal.SIGKILL)
        finish(process).expect(128 + signal.SIGKILL)
        print(f"  {len(journals_with_changes())} journals left by a run whose init ended after it")
        probe(GIVEN).expect(0)
        expect_back(before)
