# SPDX-License-Identifier: GPL-2.0-only
"""Where this tool and the C tool end alike, and where they deliberately do not."""

from __future__ import annotations

from dataclasses import dataclass, replace

from testbed.habits import largest_buffer, rules_taken, split_possible
from testbed.harness import Skipped, case, expect
from testbed.hosts import LOCAL, NIC, REMOTE, Sender, free_port, pattern, set_fault
from testbed.state import expect_released, is_upstreams, upstream
from testbed.tool import BINARY, LITTLE_MEMORY, Result, finish, listen, run

PROBE = f"-f {NIC}"
LISTEN = f"-l -f {NIC} -s {LOCAL[4]} -p 5201"
SEND = f"-f {NIC} -s {REMOTE[4]} -p 5201"
PAYLOAD = b"".join(pattern(1000))
FRAMES = b"".join(pattern(30_000))

UNABLE = "what the interface cannot do is 4"
USAGE = "words that cannot be followed are 2, and touch nothing"


@dataclass(frozen=True)
class Vector:
    """A command line, what it receives, how often the NIC leaves a frame whole, and the exit status
    of either tool."""

    words: str
    c_tool: int
    ours: int
    difference: str = ""
    payload: bytes | None = None
    plain_every: int = 0


PROBES = (
    Vector(PROBE, 0, 0),
    Vector(f"{PROBE} -t 1 -q 2", 0, 0),
    Vector(f"{PROBE} -b 16384", 0, 0),
    Vector("-f lo", -11, 4, f"{UNABLE}; the C tool crashes"),
    Vector(f"{PROBE} -b 5000", 255, 2, USAGE),
    Vector(f"{PROBE} -t 1", 1, 2, USAGE),
    Vector(f"{PROBE} -q 1", 1, 2, USAGE),
    Vector(f"{PROBE} -t 9 -q 1", 255, 2, USAGE),
    Vector(f"-f nosuch0 {PROBE}", 0, 2, "each interface is probed, not the last one alone"),
)

WORDS = (
    Vector("", 1, 2, USAGE),
    Vector(f"-l {PROBE} -p 5201", 0, 2, "-l without -s is refused, not taken for a probe"),
    Vector(f"-l {PROBE} -s {LOCAL[4]}", 1, 2, USAGE),
    Vector(f"{PROBE} -x", 0, 2, "unknown options are refused, not passed over"),
    Vector(f"{PROBE} eth1", 0, 2, "extra words are refused, not passed over"),
    Vector(f"{PROBE} -s 192.0.2 -p 5201", 1, 2, USAGE),
    Vector(f"{LISTEN} -v x -n", 1, 2, USAGE),
    Vector(f"{LISTEN} -b 1T", 1, 2, USAGE),
    Vector(f"-f lo {LISTEN} -n", 1, 2, "a run on two interfaces is refused"),
    Vector(f"{LISTEN} -n", 1, 1),
    Vector(f"-l {PROBE} -s 198.51.100.7 -p 5201", 1, 1),
    Vector(SEND, 1, 1),
)

STREAMS = (
    Vector(f"{LISTEN} -v 7", 0, 0, payload=PAYLOAD),
    Vector(f"{LISTEN} -v 7 -L", 0, 0, payload=PAYLOAD),
    Vector(f"{LISTEN} -v 7 -b 16384", 0, 0, payload=PAYLOAD),
    Vector(f"{LISTEN} -v 7 -c {REMOTE[4]}", 0, 0, payload=PAYLOAD),
    Vector(LISTEN, 0, 0, payload=bytes(range(256)) * 4),
    Vector(LISTEN, 0, 0, payload=b""),
    Vector(f"{LISTEN} -v 7", 0, 1, "a wrong byte fails, be it the only one",
           payload=b"\0" + PAYLOAD[1:]),
    Vector(f"{LISTEN} -v 7", 1, 1, payload=b"\0" * 100),
    Vector(f"{LISTEN} -v 7", 0, 1, "no payload is no valid one", payload=b""),
    Vector(f"{LISTEN} -v 7", 1, 1, payload=FRAMES, plain_every=5),
    Vector(f"{LISTEN} -v 7 -L", 1, 1, payload=FRAMES, plain_every=5),
    Vector(f"{LISTEN} -v 7 --allow-plain", 1, 0, "plain frames are taken where that is asked for",
           payload=FRAMES, plain_every=5),
)


def fitting(vector: Vector) -> Vector:
    """What is listed for the NIC as it is loaded."""
    if "-b 16384" in vector.words and not largest_buffer():
        c_tool = 1 if vector.payload else 255
        return replace(vector, c_tool=c_tool, ours=4, difference=UNABLE, payload=None)
    return vector


def attempt(binary: str, vector: Vector) -> Result:
    """Runs a tool on a port of its own, and sends it the payload."""
    port = free_port()
    words = [str(port) if word == "5201" else word for word in vector.words.split()]
    set_fault("plain_every", vector.plain_every)
    if vector.payload is None:
        return run(*words, binary=binary, seconds=20, memory=())
    # The C tool has no such option.
    memory = LITTLE_MEMORY if binary == BINARY else ()
    process = listen(4, port, *words[7:], binary=binary, memory=memory)
    sender = Sender(4, port, iter([vector.payload]), source_port=port)
    sender.start()
    result = finish(process, 20)
    sender.join(10)
    return result


def compare(vector: Vector, c_tool: str) -> list[str]:
    """What is not as listed, in sentences."""
    theirs = attempt(c_tool, vector)
    ours = attempt(BINARY, vector)
    wrong = []
    for name, result, status in (
        ("the C tool", theirs, vector.c_tool), ("this tool", ours, vector.ours)
    ):
        if result.code != status:
            words = result.stderr.strip().rpartition("\n")[2]
            wrong.append(f"{name} ended with {result.code}, not {status}: {words}")
    # The C tool prints for each piece that was good before it fails.
    if not vector.difference and not ours.code and theirs.stdout != ours.stdout:
        wrong.append(f"standard output differs: {theirs.stdout!r} and {ours.stdout!r}")
    if bool(vector.difference) != (vector.c_tool != vector.ours):
        wrong.append("a difference is to be explained, and nothing else")
    return [f"\n    {vector.words}: {sentence}" for sentence in wrong]


def alike(vectors: tuple[Vector, ...]) -> None:
    """Both tools end as listed."""
    if not is_upstreams():
        raise Skipped("the C tool is that of another kernel")
    c_tool = str(upstream() / "tools/testing/selftests/drivers/net/hw/ncdevmem")
    # What the C tool does not switch on by itself is on.
    with rules_taken(), split_possible():
        wrong = [line for vector in map(fitting, vectors) for line in compare(vector, c_tool)]
    expect(not wrong, "".join(wrong))
    expect_released()


for _name, _vectors in (("probe", PROBES), ("take words", WORDS), ("receive", STREAMS)):
    case(f"both tools {_name} alike, but for the differences listed", deadline=300)(
        lambda vectors=_vectors: alike(vectors))
