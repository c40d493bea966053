#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: ptx.py SEED <KERNEL

Runs the tool's kernel as PTX, without a GPU: interprets each instruction for each of a block's
256 threads, in memory that refuses what is unaligned or outside, and compares what the kernel finds
with what was planted. Knows just the instructions that the kernel has.

Exit status: 0 the kernel is right; 1 it is not.
"""

import random
import re
import struct
import sys
from typing import Generator

THREADS = 256
TABLE = 1088
NOTED = 7
WORD = (1 << 32) - 1
LONG = (1 << 64) - 1
# Where things are: the pattern among the parameters, the GPU's memory, what the host shares.
PATTERN, GPU, HOST = 0x1000, 0x300000000000, 0x10000000
FLIP = 0x81

Instruction = tuple[tuple[bool, str] | None, list[str], list[str]]


class Kernel:
    """The instructions, and where the labels are."""

    def __init__(self, source: str) -> None:
        self.code: list[Instruction] = []
        self.labels: dict[str, int] = {}
        body = source[source.index("{", source.index(".entry")):]
        for line in body.splitlines():
            line = re.sub(r"//.*", "", line).strip()
            if not line or line in "{}" or line.startswith((".reg", ".shared")):
                continue
            if label := re.fullmatch(r"(\w+):", line):
                self.labels[label[1]] = len(self.code)
                continue
            parts = re.fullmatch(r"(?:@(!?)(%\w+)\s+)?([\w.]+)\s*(.*);", line)
            if not parts:
                raise ValueError(f"not an instruction: {line}")
            condition = (parts[1] == "!", parts[2]) if parts[2] else None
            words = re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^,\s]+", parts[4])
            self.code.append((condition, parts[3].split("."), words))


class Memory:
    """Some areas, each of which must be kept within, at aligned addresses."""

    def __init__(self, areas: dict[int, bytearray]) -> None:
        self.areas = areas

    def find(self, address: int, size: int) -> tuple[bytearray, int]:
        """The area that an address is in, and where."""
        if address % size:
            raise ValueError(f"{address:x} is not aligned to {size}")
        for base, area in self.areas.items():
            if base <= address and address + size <= base + len(area):
                return area, address - base
        raise ValueError(f"{address:x} is nowhere")


def number(area: bytes, place: int, size: int) -> int:
    """A number in memory."""
    return int.from_bytes(area[place:place + size], "little")


class Block:
    """A block of threads, and what they share."""

    def __init__(self, kernel: Kernel, memory: Memory, parameters: dict[str, int],
                 pattern: bytes, index: int) -> None:
        self.kernel = kernel
        self.memory = memory
        self.parameters = parameters
        self.index = index
        self.spaces = {
            "param": Memory({PATTERN: bytearray(pattern)}),
            "shared": Memory({0: bytearray(b"\xcc" * TABLE)}), "global": memory}

    def run(self) -> None:
        """Runs all threads to their ends: each up to where it waits for the others, in turn."""
        threads = {index: self.thread(index) for index in range(THREADS)}
        answers: dict[int, bool | int | None] = dict.fromkeys(threads)
        while threads:
            waiting: dict[int, tuple[str, bool]] = {}
            for index, thread in threads.items():
                try:
                    waiting[index] = thread.send(answers[index])
                except StopIteration:
                    pass
            threads = {index: threads[index] for index in waiting}
            kinds = {kind for kind, _ in waiting.values()}
            if len(kinds) > 1:
                raise ValueError(f"threads wait for {kinds}")
            kind = kinds.pop() if kinds else "end"
            if kind == "bar" and len(waiting) != THREADS:
                raise ValueError("a barrier without all threads")
            if kind == "vote" and set(waiting) != set(range(32)):
                raise ValueError("a vote without all of a warp's threads")
            votes = [index for index, (_, vote) in waiting.items() if vote]
            answer = sum(1 << index for index in votes) if kind == "vote" else bool(votes)
            answers = dict.fromkeys(waiting, answer)

    def thread(self, index: int) -> Generator[tuple[str, bool], bool | int | None, None]:
        """One thread: yields where it waits, and gets what the others have to say."""
        registers: dict[str, int] = {}
        names = {
            "%tid.x": index, "%ctaid.x": self.index, "%lanemask_lt": (1 << index % 32) - 1,
            "pattern": PATTERN, "table": 0}

        def value(word: str) -> int:
            if word in names:
                return names[word]
            return registers[word] if word.startswith("%") else int(word, 0)

        place = 0
        while True:
            condition, operation, words = self.kernel.code[place]
            place += 1
            if condition and bool(registers[condition[1]]) == condition[0]:
                continue
            match operation[0]:
                case "ret":
                    return
                case "bra":
                    place = self.kernel.labels[words[0]]
                case "bar":
                    vote = bool(registers[words[2]]) if len(words) > 2 else False
                    answer = yield "bar", vote
                    if len(words) > 2:
                        registers[words[0]] = bool(answer)
                case "vote":
                    registers[words[0]] = (yield "vote", bool(registers[words[1]])) or 0
                case "ld":
                    self.load(operation, words, value, registers)
                case "st":
                    self.store(operation, words, value)
                case "setp":
                    registers[words[0]] = compared(operation, [value(word) for word in words[1:]])
                case _:
                    registers[words[0]] = computed(operation, [value(word) for word in words[1:]])

    def load(self, operation: list[str], words: list[str], value, registers) -> None:
        """Reads one or several numbers."""
        base, offset = address(words[1])
        if base in self.parameters:
            registers[words[0]] = self.parameters[base]
            return
        targets = re.findall(r"%\w+", words[0])
        size = int(operation[-1][1:]) // 8
        start = value(base) + offset
        area, place = self.spaces[operation[1]].find(start, size)
        if start % (size * len(targets)):
            raise ValueError(f"{start:x} is not aligned to {size * len(targets)}")
        if place + size * len(targets) > len(area):
            raise ValueError(f"{start:x} and what follows is nowhere")
        for count, target in enumerate(targets):
            registers[target] = number(area, place + count * size, size)

    def store(self, operation: list[str], words: list[str], value) -> None:
        """Writes one or several words."""
        base, offset = address(words[0])
        sources = re.findall(r"[%\w]+", words[1])
        for count, source in enumerate(sources):
            area, place = self.spaces[operation[1]].find(value(base) + offset + 4 * count, 4)
            area[place:place + 4] = (value(source) & WORD).to_bytes(4, "little")


def address(word: str) -> tuple[str, int]:
    """What is between brackets: a name, and an offset to it."""
    parts = re.fullmatch(r"\[(\S+?)(?:\s*\+\s*(\d+))?\]", word)
    if not parts:
        raise ValueError(f"not an address: {word}")
    return parts[1], int(parts[2] or 0)


def compared(operation: list[str], values: list[int]) -> bool:
    """The result of a comparison, with another predicate if there is one."""
    first, second = values[:2]
    result = {"lt": first < second, "ge": first >= second, "ne": first != second,
              "eq": first == second}[operation[1]]
    if len(values) > 2:
        result = (result and values[2]) if operation[2] == "and" else (result or values[2])
    return bool(result)


def computed(operation: list[str], values: list[int]) -> int:
    """The result of an instruction without side effects."""
    mask = LONG if operation[-1].endswith("64") or "wide" in operation else WORD
    first, second, third = (values + [0, 0])[:3]
    match operation[0]:
        case "mov" | "cvta":
            return first
        case "cvt":
            return first & (WORD if operation[1] == "u32" else LONG)
        case "add":
            return first + second & mask
        case "sub":
            return first - second & mask
        case "neg":
            return -first & mask
        case "mul":
            return first * second & mask
        case "mad":
            return first * second + third & mask
        case "rem":
            return first % second
        case "min":
            return min(first, second)
        case "and":
            return first & second
        case "or":
            return first | second
        case "xor":
            return first ^ second
        case "shr":
            return first >> second
        case "popc":
            return first.bit_count()
        case "selp":
            return first if third else second
    raise ValueError(f"no such instruction: {operation}")


def byte(period: int, offset: int) -> int:
    """The pattern: 1, 2, 3, ... and a newline at each period's end."""
    phase = offset % period
    return 10 if phase == period - 1 else phase + 1


def judge(kernel: Kernel, period: int, start: int, length: int, stream: int,
          wrong: set[int]) -> None:
    """Has the second of two pieces compared that begins somewhere in memory and in the stream."""
    data = bytearray(b"\xee" * (start + length))
    for offset in range(length):
        data[start + offset] = byte(period, stream + offset) ^ (FLIP if offset in wrong else 0)
    pieces = bytearray(struct.pack("<QII", GPU + start, length, stream % period) * 2)
    counts, mismatches = bytearray(b"\xff" * 8), bytearray(2 * 8 * NOTED)
    memory = Memory({GPU: data, HOST: pieces, 2 * HOST: counts, 3 * HOST: mismatches})
    pattern = b"".join(
        bytes(byte(period, phase + place) for place in range(4)) for phase in range(period + 12))
    parameters = {"pieces": HOST, "counts": 2 * HOST, "mismatches": 3 * HOST, "period": period}
    Block(kernel, memory, parameters, pattern.ljust(TABLE, b"\0"), 1).run()
    noted = b"".join(
        struct.pack("<IBBH", offset, byte(period, stream + offset), data[start + offset], 0)
        for offset in sorted(wrong)[:NOTED])
    expected = (
        struct.pack("<II", WORD, len(wrong)),
        bytes(8 * NOTED) + noted.ljust(8 * NOTED, b"\0"))
    if (bytes(counts), bytes(mismatches)) != expected:
        raise ValueError(
            f"period {period}, {length} bytes at {start}, {stream} in the stream, wrong "
            f"{sorted(wrong)[:20]}: {counts.hex()} {mismatches.hex()}")


def main() -> int:
    """Tries the kernel on pieces of many lengths, at many places."""
    kernel = Kernel(sys.stdin.read())
    chosen = random.Random(int(sys.argv[1]))
    try:
        for length in (1, 2, 15, 16, 17, 31, 33, 255, 1448, 4096, 9001, 16383, 16384):
            periods = (2, 3, 7, 16, 31, 128, 255, 256)
            # In a long piece, words that should differ must.
            period = chosen.choice(periods if length < 4096 else periods[4:])
            start, stream = chosen.randrange(16), chosen.randrange(1 << 40)
            places = [set(), {0, length - 1}, {chosen.randrange(length) for _ in range(12)}]
            if length < 1000:
                places.append(set(range(length)))
            for wrong in places if length < 9001 else places[:2]:
                judge(kernel, period, start, length, stream, wrong)
    except (ValueError, KeyError) as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
