# SPDX-License-Identifier: GPL-2.0-only
"""One end's document of a measurement, checked."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from .documents import Members, Unusable

GIB = 1 << 30
# What `options` has beside the conditions of a measurement, and what `configuration` has as well:
# only other options, which this version need not know, make conditions of their own.
NO_CONDITION = frozenset((
    "listen", "interface", "server", "port", "client", "timeout", "control", "interval", "json",
    "quiet", "trace", "flows", "duration", "bytes", "host-memory", "pattern", "rate", "chunk",
    "validate", "validate-every", "first-queue", "queues", "rx-page-size", "autorelease",
    "autorelease-attribute", "busy-poll", "memory", "memory-size", "allow-plain",
    "fail-on-linear", "latency", "request", "response"))


@dataclass(frozen=True)
class Interval:
    """Figures of a part of the run."""

    start: float
    end: float
    gigabits: float
    # % of the workers' CPUs, their mean
    idle: float | None
    # Gbit/s of each flow
    flows: tuple[float, ...]
    # Before the part of the run that counts
    omitted: bool

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


@dataclass(frozen=True)
class Flow:
    """Figures of a flow of the whole run."""

    number: int
    port: int | None
    gigabits: float
    bytes: int
    retransmits: int
    rtt_milliseconds: float
    queue: int | None


@dataclass(frozen=True)
class Worker:
    """A thread and its CPU."""

    number: int
    flows: tuple[int, ...]
    cpu: int | None
    idle: float | None
    seconds: float
    seconds_per_gib: float | None


@dataclass(frozen=True)
class Latency:
    """How long exchanges took, in microseconds."""

    exchanges: int
    minimum: float
    mean: float
    median: float
    p90: float
    p99: float
    p99_9: float
    maximum: float
    # Percent of the exchanges, and what these did not exceed
    distribution: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Measurement:
    """What one end printed of a run."""

    file: str
    role: str
    verdict: str
    # Why the run failed
    failure: str | None
    paired: bool
    # Name and value of everything that two runs must share to be repetitions
    conditions: dict[str, str]
    seconds: float
    bytes: int
    gigabits: float
    idle: float | None
    # Bytes by kind: device memory, linear, plain
    kinds: dict[str, int]
    fragments: int | None
    recvmsg_calls: int | None
    flows: tuple[Flow, ...]
    workers: tuple[Worker, ...]
    drops: int | None
    intervals: tuple[Interval, ...]
    # Bytes that the other end reported, by the sender's port
    peer_bytes: dict[int, int]
    # Where it asked, and there was an answer
    latency: Latency | None = None

    @property
    def counts(self) -> bool:
        """Whether its figures are those of a run as it was meant: a signal may have ended it."""
        return self.verdict in ("ok", "stopped") and self.bytes > 0

    @property
    def cpu_seconds_per_gib(self) -> float | None:
        """Of all threads, for what they transferred."""
        spent = sum(worker.seconds for worker in self.workers)
        return spent / self.bytes * GIB if self.workers and self.bytes else None

    @property
    def retransmits(self) -> int:
        """Of all flows."""
        return sum(flow.retransmits for flow in self.flows)

    @property
    def bytes_by_port(self) -> dict[int, int]:
        """Of each flow."""
        return {flow.port: flow.bytes for flow in self.flows if flow.port is not None}

    def whole_intervals(self) -> list[Interval]:
        """Those that count and are not a rest at the end."""
        counted = [interval for interval in self.intervals if not interval.omitted]
        if not counted:
            return []
        usual = statistics.median(interval.seconds for interval in counted)
        return [interval for interval in counted if interval.seconds >= 0.9 * usual]


def measurement(document: Members, needs_intervals: bool = True) -> Measurement:
    """The checked form of a document; without intervals there is no course to show."""
    role = document.text("role")
    if role not in ("receive", "send"):
        raise Unusable(document.file, f"role is {role!r}, neither receive nor send")
    failure = document.object_or_none("failure")
    failed = failure.text("text") if failure else None
    total = document.object("total")
    flows = tuple(_flow(flow) for flow in document.objects("flows"))
    intervals = tuple(
        _interval(interval, len(flows)) for interval in document.objects("intervals"))
    if needs_intervals and not intervals:
        why = f"the run failed: {failed}" if failed else "--interval 0, or too short a run"
        raise Unusable(document.file, f"has no intervals ({why})")
    peer = document.object_or_none("peer")
    kinds = {
        kind: round(total.number(f"{kind}_bytes"))
        for kind in ("device", "linear", "plain") if f"{kind}_bytes" in total.members}
    queues = [queue.number_or_none("drops") for queue in document.objects("queues")]
    return Measurement(
        file=document.file, role=role, verdict=document.text("verdict"), failure=failed,
        paired=document.object("configuration").flag("paired"), conditions=conditions(document),
        seconds=total.number("seconds"), bytes=round(total.number("bytes")),
        gigabits=total.number("gigabits_per_second"),
        idle=document.number_or_none("mean_idle_percent"), kinds=kinds,
        fragments=_count(total, "fragments"), recvmsg_calls=_count(total, "recvmsg_calls"),
        flows=flows, workers=tuple(_worker(one) for one in document.objects("workers")),
        drops=round(sum(drops for drops in queues if drops is not None))
        if any(drops is not None for drops in queues) else None,
        intervals=intervals,
        peer_bytes={
            round(flow.number("caller_port")): round(flow.number("bytes"))
            for flow in peer.objects("flows")} if peer else {},
        latency=_latency(document.object_or_none("latency")))


def _latency(latency: Members | None) -> Latency | None:
    if latency is None or not latency.number("exchanges"):
        return None
    points = tuple(
        (point.number("percent"), point.number("at_most_microseconds"))
        for point in latency.objects("distribution"))
    return Latency(round(latency.number("exchanges")), *(
        latency.number(f"{name}_microseconds")
        for name in ("min", "mean", "p50", "p90", "p99", "p99_9", "max")), points)


def _count(figures: Members, name: str) -> int | None:
    value = figures.number_or_none(name)
    return None if value is None else round(value)


def _flow(flow: Members) -> Flow:
    return Flow(
        number=round(flow.number("flow")), port=_count(flow, "caller_port"),
        gigabits=flow.number("gigabits_per_second"), bytes=round(flow.number("bytes")),
        retransmits=round(flow.number("retransmits")),
        rtt_milliseconds=flow.number("rtt_microseconds") / 1000, queue=_count(flow, "rx_queue"))


def _worker(worker: Members) -> Worker:
    flows = worker.numbers("flows") if worker.array("flows") else []
    return Worker(
        number=round(worker.number("worker")), flows=tuple(map(round, flows)),
        cpu=_count(worker, "cpu"), idle=worker.number_or_none("cpu_idle_percent"),
        seconds=worker.number("thread_cpu_seconds"),
        seconds_per_gib=worker.number_or_none("thread_cpu_seconds_per_gib"))


def _interval(interval: Members, flows: int) -> Interval:
    start, end = interval.number("start_seconds"), interval.number("end_seconds")
    if end <= start:
        raise Unusable(interval.file, f"{interval.path} ends before it begins")
    rates = tuple(flow.number("gigabits_per_second") for flow in interval.objects("flows"))
    if len(rates) != flows:
        raise Unusable(interval.file, f"{interval.path} has {len(rates)} of {flows} flows")
    idle = [worker.number_or_none("cpu_idle_percent") for worker in interval.objects("workers")]
    known = [value for value in idle if value is not None]
    return Interval(
        start, end, interval.object("total").number("gigabits_per_second"),
        statistics.fmean(known) if known else None, rates, interval.flag("omitted"))


def conditions(document: Members) -> dict[str, str]:
    """What was measured with what, in words; a condition that a document lacks is left out."""
    made, host = document.object("configuration"), document.object("host")
    memory = made.object_or_none("memory")
    flows = round(made.number("flows"))
    words = {
        "Role": {"receive": "receiver", "send": "sender"}.get(document.text("role"), ""),
        "Kernel": host.text_or_none("kernel"),
        "Driver": made.text("driver"),
        "Interface": made.text("interface"),
        "NIC": host.text_or_none("nic_pci_id"),
        "NIC's NUMA node": _plain(host, "nic_numa_node"),
        "Processor": host.text_or_none("processor"),
        "Architecture": host.text_or_none("architecture"),
        "CPUs online": host.text_or_none("online_cpus"),
        "CPU governors": ", ".join(map(str, host.array("cpu_governors"))) or None,
        "CPU boost": _switch(host, "cpu_boost"),
        "Flows": str(flows),
        "Threads": str(len(document.array("workers"))),
        "Duration": _plain(made, "duration_seconds", " s"),
        "Bytes of each flow": _plain(made, "bytes_per_flow"),
        "Request": _plain(made, "request_bytes", " bytes"),
        "Response": _plain(made, "response_bytes", " bytes"),
        "Engine": made.text_or_none("engine"),
        "Token mode": made.text_or_none("token_mode"),
        "RX queues": ", ".join(map(str, made.array("rx_queues"))) or "any"
        if "rx_queues" in made.members else None,
        "RX buffers": _plain(made, "rx_page_size_bytes", " bytes"),
        "Memory": _memory(memory) if memory else None,
        "Sent from": made.text_or_none("sends_from"),
        "Steering": made.text_or_none("steering"),
        "Checked pattern": _plain(made, "checked_pattern_period"),
        "Checked fragments": _every(made),
        "Pattern": _plain(made, "pattern_period"),
        "Busy poll": _plain(made, "busy_poll_microseconds", " µs"),
        "Chunk": _plain(made, "chunk_bytes", " bytes"),
        "Rate of each flow": _plain(made, "rate_bits_per_second", " bit/s"),
        "IP": _plain(made, "ip_version"),
        "Paired": "yes" if made.flag("paired") else "no",
        "Other options": _others(document.object("options").members),
        "Tool": document.text("tool"),
    }
    return {name: value for name, value in words.items() if value is not None}


def _plain(members: Members, name: str, unit: str = "") -> str | None:
    value = members.number_or_none(name)
    return None if value is None else f"{value:.15g}{unit}"


def _switch(members: Members, name: str) -> str | None:
    return None if members.members.get(name) is None else ("on" if members.flag(name) else "off")


def _every(made: Members) -> str | None:
    every = made.number_or_none("checked_every_fragments")
    return f"one of {every:.15g}" if every is not None and every > 1 else None


def _memory(memory: Members) -> str:
    size = f"{memory.number('bytes') / (1 << 20):.6g} MiB"
    mapping = memory.text_or_none("pci_mapping")
    words = [memory.text("kind"), size, f"CPU: {memory.text('cpu_access')}"]
    return ", ".join(words + ([f"mapping: {mapping}"] if mapping else []))


def _others(options: dict) -> str | None:
    words = [
        name if value is True else f"{name} {value}"
        for name, value in sorted(options.items()) if name not in NO_CONDITION]
    return ", ".join(words) or None
