# SPDX-License-Identifier: GPL-2.0-only
"""Cases about what is out, what is missing and what stays behind."""

import os
import subprocess
import time
from collections import defaultdict

from case import AUTO, DATA, MANUAL, PORT, QUEUE, Case, bind_when_free, drain, return_all
from testbed.devmem import DEVICE, PAGE, Buffer, Fragment, Netlink, Stream, until
from testbed.holdings import Kernel

# KASAN is slow, and keeps what is freed: what grows there says nothing.
KASAN = "-lab-debug-" in os.uname().release
# KCSAN is slow only.
CYCLES = 100 if KASAN or "-lab-race-" in os.uname().release else 1000
# What a cycle uses: a few pages of memory, of which it receives into some.
CYCLE_SIZE, CYCLE_DATA = 128 << 10, DATA[:9000]
# What a thousand cycles may add: less than an object in four cycles, less than
# a page a cycle.
MOST_OBJECTS, MOST_PAGES = 249, 999


def counts_down(case: Case) -> None:
    """the pool of an unbound queue waits for what is not returned, and for no more"""
    for mode in (MANUAL, AUTO):
        netlink, binding = case.bind(mode)
        stream = case.stream()
        by_page: dict[int, list[Fragment]] = defaultdict(list)
        for fragment in stream.receive(len(DATA)):
            by_page[fragment.offset // PAGE].append(fragment)
        assert max(map(len, by_page.values())) > 1, by_page
        netlink.close()
        # The count falls when the pool looks, which is once a second.
        until(lambda: case.inflight(binding) == len(by_page), f"{len(by_page)} pages are out")
        last = [fragments.pop() for fragments in by_page.values()]
        return_all(stream, [fragment for fragments in by_page.values() for fragment in fragments])
        time.sleep(2)
        assert case.inflight(binding) == len(last)
        return_all(stream, last[4:])
        until(lambda: case.inflight(binding) == 4, "4 pages are out")
        return_all(stream, last[:4])
        case.until_free(binding)
        stream.close()


def close_often(case: Case) -> None:
    """autorelease: any number of sockets can be closed with all that they had"""
    case.bind(AUTO)
    for _ in range(3 * case.buffer.pages * PAGE // len(DATA)):
        stream = case.stream()
        stream.receive(len(DATA))
        stream.close()


def run_dry(case: Case) -> None:
    """manual: what closed sockets had is missing, until another returns it"""
    case.bind(MANUAL)
    friend = case.stream(data=DATA[:1000])
    out = len(friend.receive(1000))
    while True:
        stream = case.own(Stream(PORT))
        stream.sender.sendall(DATA[:8000])
        if not arrives(stream, 1):
            break
        out += len(stream.receive(8000))
        stream.close()
    assert out * PAGE > len(DATA), out
    assert drain(friend) == out
    # The sender tries again, and there is room.
    until(stream.has_arrived, "the data has arrived")
    got = stream.receive(8000)
    assert case.buffer.read(got) == DATA[:8000]
    return_all(friend, got)


def arrives(stream: Stream, seconds: float) -> bool:
    """Whether what was sent arrives so soon."""
    deadline = time.monotonic() + seconds
    while not stream.has_arrived():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def crowd(case: Case) -> None:
    """each of several sockets on one binding gets its own stream"""
    for mode in (MANUAL, AUTO):
        netlink, binding = case.bind(mode)
        streams = [case.stream(data=b"") for _ in range(8)]
        texts = [DATA[start:] + DATA[:start] for start in range(len(streams))]
        got: list[list[Fragment]] = [[] for _ in streams]
        for start in range(0, len(DATA), 5000):
            pieces = [text[start:start + 5000] for text in texts]
            for stream, piece in zip(streams, pieces):
                stream.send(piece)
            for stream, piece, fragments in zip(streams, pieces, got):
                fragments += stream.receive(len(piece))
        for text, fragments in zip(texts, got):
            assert case.buffer.read(fragments) == text
        netlink.close()
        # Only in manual mode may one return what its neighbour has received.
        neighbours = streams[1:] + streams[:1] if mode == MANUAL else streams
        for stream, fragments in zip(neighbours, got):
            assert case.inflight(binding)
            return_all(stream, fragments)
        case.until_free(binding)
        case.close()


def cycles(case: Case) -> None:
    """bound, received, unbound, again and again: nothing stays behind"""
    for mode in (MANUAL, AUTO):
        repeat(case, mode, CYCLES // 10)
        before, nic = Kernel.now(), settings()
        repeat(case, mode, CYCLES)
        compare(before, Kernel.now())
        assert settings() == nic


def repeat(case: Case, mode: bytes, times: int) -> None:
    for number in range(times):
        cycle(mode, number)
    until(lambda: not case.witness.waiting_pools(), "no page pool waits for its end")
    assert not case.witness.bound()


def cycle(mode: bytes, number: int) -> None:
    """By turns with all tokens returned, none returned before the close, and
    none returned before the unbind."""
    buffer, netlink = Buffer(CYCLE_SIZE), Netlink()
    bind_when_free(netlink, buffer, QUEUE, mode)
    stream = Stream(PORT)
    stream.sender.sendall(CYCLE_DATA)
    got = stream.receive(len(CYCLE_DATA))
    assert buffer.read(got) == CYCLE_DATA
    if number % 3 == 0:
        return_all(stream, got)
    if number % 3 == 2:
        netlink.close()
    stream.abort()
    netlink.close()
    buffer.close()


def settings() -> str:
    """What ethtool shows of the NIC."""
    return "".join(subprocess.check_output(["ethtool", f"-{option}", DEVICE], text=True)
                   for option in "gklnx")


def compare(before: Kernel, after: Kernel) -> None:
    assert after.buffers == before.buffers, f"{before.buffers} dma-bufs, then {after.buffers}"
    name, more = after.growth(before)
    pages = (before.free - after.free) // PAGE
    print(f"after {CYCLES} cycles {more} objects more ({name}), {pages} free pages less")
    if not KASAN:
        assert more <= MOST_OBJECTS and pages <= MOST_PAGES


CASES = [counts_down, close_often, run_dry, crowd, cycles]
