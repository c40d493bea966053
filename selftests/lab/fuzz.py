# SPDX-License-Identifier: GPL-2.0-only
"""Sequences of calls at random, beside a model that knows what each has to do."""

from __future__ import annotations

import errno
import os
import random
import socket
import threading
from collections import Counter

from case import (
    AUTO, DATA, MANUAL, OTHER_PORT, OTHER_QUEUE, PORT, QUEUE, Case, bind_when_free)
from testbed.devmem import Fragment, Netlink, Stream, refuses, until

# The seed of all sequences, to repeat one with, and how many they are.
SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))
SEQUENCES = int(os.environ.get("SEQUENCES", 20))
STEPS = 40
PORTS = {QUEUE: PORT, OTHER_QUEUE: OTHER_PORT}
MOST_STREAMS, MOST_PENDING, MOST_FRAGMENTS = 5, 30_000, 1024


class Binding:
    """A binding, its socket while it is bound, and what user space has of it."""

    def __init__(self, netlink: Netlink, queue: int, mode: bytes) -> None:
        self.netlink: Netlink | None = netlink
        self.queue = queue
        self.manual = mode == MANUAL
        self.members: set[Flow] = set()
        self.held: Counter[int] = Counter()

    def alive(self, flows: list[Flow]) -> bool:
        """Whether something keeps the binding: a socket with data or fragments of it, too."""
        return bool(self.netlink or self.members) or any(
            size for flow in flows for binding, size in flow.pending if binding is self) or any(
            binding is self for flow in flows for binding in flow.held.values())


class Flow:
    """A connection, what waits to be received on it, and what its socket has (autorelease)."""

    def __init__(self, queue: int) -> None:
        self.queue = queue
        self.stream = Stream(PORTS[queue])
        # Whose memory holds so many bytes, in the order of the stream
        self.pending: list[list] = []
        self.joined: Binding | None = None
        self.held: dict[int, Binding] = {}
        # What was received and perhaps returned since: to return it again
        self.seen: list[int] = []


class Sequence:
    """One sequence. With `loose`, a thread returns tokens at random all the time: then counts are
    anybody's guess, but nothing may be lost."""

    def __init__(self, case: Case, seed: int, loose: bool) -> None:
        self.case = case
        self.random = random.Random(seed)
        self.loose = loose
        # Of what the threads have returned the model knows nothing, so neither whether a binding
        # that is not bound keeps its mode in force.
        self.modes = (self.random.choice((MANUAL, AUTO)),) if loose else (MANUAL, AUTO, None)
        self.bindings: list[Binding] = []
        self.flows: list[Flow] = []

    def run(self) -> None:
        """All steps, and then the end of everything."""
        steps = [
            self.bind, self.bind, self.unbind, self.open, self.open, self.send, self.send,
            self.receive, self.receive, self.peek, self.give_back, self.give_back, self.give_back,
            self.close, self.fork]
        ended = threading.Event()
        thread = threading.Thread(target=self.storm, args=(ended,))
        if self.loose:
            thread.start()
        try:
            for _ in range(STEPS):
                self.random.choice(steps)()
        finally:
            ended.set()
            if self.loose:
                thread.join()
            for flow in self.flows:
                flow.stream.close()
            for binding in self.bindings:
                if binding.netlink:
                    binding.netlink.close()
        until(lambda: not self.case.witness.inflight(), "no memory is out")

    def storm(self, ended: threading.Event) -> None:
        """Returns tokens that may be anybody's."""
        while not ended.wait(0.001):
            for flow in list(self.flows):
                try:
                    flow.stream.give_back((0, 300), (0xFFFFFF00, 1000))
                except OSError as failure:
                    # Closed meanwhile, or something else by now
                    if failure.errno not in (errno.EBADF, errno.ENOTSOCK):
                        raise

    def alive(self) -> list[Binding]:
        """The bindings that keep their mode in force."""
        self.bindings = [one for one in self.bindings if one.alive(self.flows)]
        return self.bindings

    def bound(self) -> dict[int, Binding]:
        """The bindings by queue."""
        return {one.queue: one for one in self.bindings if one.netlink}

    def bind(self) -> None:
        """A free queue, in any mode: refused while there are bindings in the other one."""
        free = [queue for queue in PORTS if queue not in self.bound()]
        if not free:
            return
        queue, mode = self.random.choice(free), self.random.choice(self.modes)
        netlink = Netlink()
        in_force = {one.manual for one in self.alive()}
        if in_force and in_force != {mode == MANUAL}:
            refuses(errno.EBUSY, netlink.bind, self.case.buffer, queue, mode)
            netlink.close()
            return
        bind_when_free(netlink, self.case.buffer, queue, mode)
        self.bindings.append(Binding(netlink, queue, mode or AUTO))

    def unbind(self) -> None:
        """One of the queues."""
        if bound := list(self.bound().values()):
            binding = self.random.choice(bound)
            binding.netlink.close()
            binding.netlink = None

    def open(self) -> None:
        """A connection to a queue that is bound."""
        if self.bound() and len(self.flows) < MOST_STREAMS:
            self.flows.append(Flow(self.random.choice(list(self.bound()))))

    def send(self) -> None:
        """Data that all lands in device memory."""
        flow = self.any_flow()
        binding = flow and self.bound().get(flow.queue)
        if binding and sum(size for _, size in flow.pending) < MOST_PENDING:
            size = self.random.randint(1, 9000)
            flow.stream.send(DATA[:size])
            flow.pending.append([binding, size])

    def receive(self) -> None:
        """Some of what waits."""
        self.take(0)

    def peek(self) -> None:
        """A look, which counts like a receive."""
        self.take(socket.MSG_PEEK)

    def take(self, flags: int) -> None:
        """Receives from one binding."""
        flow = self.any_flow()
        if not flow or not flow.pending:
            return
        binding, waiting = flow.pending[0]
        size = self.random.randint(1, waiting)
        if binding.manual and flow.joined not in (None, binding):
            refuses(errno.EFAULT, flow.stream.receive, size, flags)
            return
        if binding.manual and not flow.joined and not binding.netlink:
            refuses(errno.ENODEV, flow.stream.receive, size, flags)
            return
        if flags:
            # A look begins at the same place again: one call only, of which no more is expected.
            size = min(size, 1000)
        fragments = flow.stream.receive(size, flags)
        assert sum(fragment.size for fragment in fragments) == size
        self.note(flow, binding, fragments)
        if not flags:
            flow.pending[0][1] -= size
            if not flow.pending[0][1]:
                flow.pending.pop(0)

    def note(self, flow: Flow, binding: Binding, fragments: list[Fragment]) -> None:
        """User space has these."""
        flow.seen += [fragment.token for fragment in fragments]
        if binding.manual:
            flow.joined = binding
            binding.members.add(flow)
            binding.held.update(fragment.token for fragment in fragments)
        elif not self.loose:
            for fragment in fragments:
                assert fragment.token not in flow.held, fragment
                flow.held[fragment.token] = binding

    def give_back(self) -> None:
        """Tokens of this or another socket, once more, or of nobody."""
        flow, other = self.any_flow(), self.any_flow()
        if not flow:
            return
        known = self.random.choice((flow, other)).seen
        ranges = [(token, 1) for token in self.random.sample(known, min(len(known), 60))]
        for _ in range(self.random.randint(0, 3)):
            ranges.append((self.random.randrange(0, 300), self.random.randint(0, 400)))
        if self.random.random() < 0.1:
            ranges.append((self.random.choice((0xFFFFFFFF, 1 << 31)), 5))
        if not ranges:
            return
        expected = self.returned(flow, ranges)
        returned = flow.stream.give_back(*ranges)
        assert self.loose or returned == expected, (returned, expected, ranges)

    def returned(self, flow: Flow, ranges: list[tuple[int, int]]) -> int:
        """How many fragments these ranges give back, and gives them back in the model."""
        looked = count = 0
        for start, length in ranges:
            for token in range(start, start + length):
                looked += 1
                if looked > MOST_FRAGMENTS:
                    return count
                token &= 0xFFFFFFFF
                if flow.joined:
                    if token >= self.case.buffer.pages:
                        break
                    if flow.joined.held[token]:
                        flow.joined.held[token] -= 1
                        count += 1
                elif flow.held.pop(token, None):
                    count += 1
        return count

    def close(self) -> None:
        """A socket with all that it has."""
        if flow := self.any_flow():
            self.flows.remove(flow)
            flow.stream.close()
            for binding in self.bindings:
                binding.members.discard(flow)

    def fork(self) -> None:
        """A child has all that is open, and ends: nothing may change by that."""
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)

    def any_flow(self) -> Flow | None:
        """One of the connections."""
        return self.random.choice(self.flows) if self.flows else None


def sequences(case: Case) -> None:
    """calls at random do what the modes say, and leave nothing behind"""
    run_all(case, loose=False)


def storms(case: Case) -> None:
    """calls at random lose nothing while a thread returns tokens that may be anybody's"""
    run_all(case, loose=True)


def run_all(case: Case, loose: bool) -> None:
    for seed in range(SEED, SEED + SEQUENCES):
        try:
            Sequence(case, seed, loose).run()
        except BaseException:
            print(f"this was SEED={seed} SEQUENCES=1", flush=True)
            raise
    print(f"{SEQUENCES} sequences of {STEPS} steps from SEED={SEED}", flush=True)


CASES = [sequences, storms]
