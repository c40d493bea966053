# SPDX-License-Identifier: GPL-2.0-only
"""Puts the two ends of a run together, and repetitions of a measurement into groups."""

from __future__ import annotations

from dataclasses import dataclass, field

from .measurement import Latency, Measurement

TOKEN_MODE = "Token mode"


@dataclass(frozen=True)
class Run:
    """What is known of a run, from one of its ends or both."""

    receiver: Measurement | None = None
    sender: Measurement | None = None
    # A, B, C... in the order of the files
    key: str = ""

    @property
    def ends(self) -> list[Measurement]:
        """The documents, the receiver's first."""
        return [end for end in (self.receiver, self.sender) if end]

    @property
    def main(self) -> Measurement:
        """The end that the figures are taken from."""
        return self.ends[0]

    @property
    def latency(self) -> Latency | None:
        """How long exchanges took, at the end that asked."""
        return next((end.latency for end in self.ends if end.latency), None)

    @property
    def counts(self) -> bool:
        """Whether no end failed."""
        return all(end.counts for end in self.ends)

    @property
    def files(self) -> str:
        """The files' names."""
        return ", ".join(dict.fromkeys(end.file for end in self.ends))


@dataclass(frozen=True)
class Group:
    """Repetitions: runs of the same conditions."""

    title: str
    conditions: dict[str, str]
    runs: list[Run] = field(default_factory=list)

    @property
    def counting(self) -> list[Run]:
        """Those that did not fail."""
        return [run for run in self.runs if run.counts]


def belong_together(one: Measurement, other: Measurement) -> bool:
    """Whether these are the two ends of a run: each reports of every port what the other reports
    of its peer."""
    return (
        {one.role, other.role} == {"receive", "send"} and one.paired and other.paired
        and bool(one.bytes_by_port) and one.bytes_by_port == other.peer_bytes
        and other.bytes_by_port == one.peer_bytes)


def key(index: int) -> str:
    """A to Z, then AA, AB..."""
    letters = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def pair(measurements: list[Measurement]) -> list[Run]:
    """The runs, where the first of their ends stood. An end that might belong to several others
    stays alone."""
    def partners(one: Measurement) -> list[int]:
        return [number for number, other in enumerate(measurements) if belong_together(one, other)]

    found = [partners(one) for one in measurements]
    runs: list[Run] = []
    taken: set[int] = set()
    for index, one in enumerate(measurements):
        if index in taken:
            continue
        ends = {one.role: one}
        if len(found[index]) == 1 and found[found[index][0]] == [index]:
            other = measurements[found[index][0]]
            taken.add(found[index][0])
            ends[other.role] = other
        runs.append(Run(ends.get("receive"), ends.get("send"), key(len(runs))))
    return runs


def conditions(run: Run, of_both: bool = True) -> dict[str, str]:
    """Those of the main end, or of both; the sender's have a name of their own where they are not
    the receiver's."""
    known = dict(run.main.conditions)
    if of_both and run.receiver and run.sender:
        del known["Role"]
        for name, value in run.sender.conditions.items():
            if name == "Role" or known.get(name) == value:
                continue
            known[f"{name} of the sender" if name in known else name] = value
    return known


def shared(several: list[dict[str, str]]) -> dict[str, str]:
    """The conditions that all of them have in common."""
    return {
        name: value for name, value in several[0].items()
        if all(other.get(name) == value for other in several)}


def differing(several: list[dict[str, str]]) -> list[str]:
    """The names of conditions that are not the same in all of them, in their order."""
    names = dict.fromkeys(name for one in several for name in one)
    same = shared(several)
    return [name for name in names if name not in same]


def group(runs: list[Run], prefix: str = "") -> list[Group]:
    """Runs of the same conditions together. The title names what is not the same in all groups.
    What only the sender knows counts if all senders are there."""
    of_both = all(len(run.ends) == len(runs[0].ends) for run in runs)
    sets: list[tuple[dict[str, str], list[Run]]] = []
    for run in runs:
        own = conditions(run, of_both)
        for known, members in sets:
            if known == own:
                members.append(run)
                break
        else:
            sets.append((own, [run]))
    names = differing([own for own, _ in sets]) if sets else []
    return [Group(title(own, names, prefix), own, members) for own, members in sets]


def title(own: dict[str, str], names: list[str], prefix: str) -> str:
    """What tells a group from others, in few words."""
    words = [f"{name.lower() if name[1:2].islower() else name} {own.get(name, '-')}"
             for name in names[:3]]
    if len(names) > 3:
        words.append("...")
    return ": ".join(filter(None, (prefix, ", ".join(words))))
