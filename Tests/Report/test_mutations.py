# SPDX-License-Identifier: GPL-2.0-only
"""Documents with something changed at random: there is a report of each, or a reason why not."""

from __future__ import annotations

import copy
import json
import os
import random
import tempfile
import time
import unittest
from pathlib import Path

import documents
from report import page
from report.contents import report
from report.documents import Unusable

# What members become: values of each kind, at the ends of what they can be.
VALUES = (
    None, True, False, 0, -1, 1, 1 << 63, -(1 << 70), 10 ** 400, 0.0, -0.5, 1e308, 5e-324,
    float("inf"), float("nan"), "", "0", "\u202e\x1b[2J\ud800", "x" * 5000, [], [[]], [None], {},
    {"": {}})
# How long the test goes on, in seconds, and of how many reports it draws the page of one.
BUDGET = 8
DRAWN = 20


def places(value: object) -> list[tuple[object, object]]:
    """Where there is something to change in a document: in what, and at which key."""
    found = []
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in list(keys):
        found.append((value, key))
        if isinstance(value[key], (dict, list)):
            found += places(value[key])
    return found


def change(document: dict, chance: random.Random) -> None:
    """Changes one thing."""
    parent, key = chance.choice(places(document))
    kind = chance.randrange(4)
    if kind == 0:
        del parent[key]
    elif kind == 1:
        other, place = chance.choice(places(document))
        parent[key] = copy.deepcopy(other[place])
    elif kind == 2 and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[key]))
    else:
        parent[key] = chance.choice(VALUES)


class Mutations(unittest.TestCase):
    """Whatever a file has, nobody gets a traceback."""

    def test_changed_documents(self) -> None:
        seed = int(os.environ.get("FUZZ_SEED", random.randrange(1 << 32)))
        chance = random.Random(seed)
        originals = [documents.automatic(), documents.manual(), [documents.sender()]]
        made, refused, drawn = 0, 0, 0
        until = time.monotonic() + BUDGET
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "changed.jsonl"
            while time.monotonic() < until:
                changed = copy.deepcopy(chance.choice(originals))
                for _ in range(chance.randrange(1, 4)):
                    change(chance.choice(changed), chance)
                text = "".join(json.dumps(document) + "\n" for document in changed)
                if chance.random() < 0.1:
                    text = text[:chance.randrange(len(text))]
                file.write_text(text, encoding="utf-8", errors="surrogatepass")
                with self.subTest(seed=seed, number=made + refused):
                    try:
                        result = report([str(file)], [], None)
                    except Unusable as reason:
                        refused += 1
                        self.assertTrue(str(reason).isprintable(), repr(str(reason)))
                        continue
                    made += 1
                    if made % DRAWN == 0:
                        drawn += 1
                        self.assertIn("</html>", page.write(result))
        print(f"seed {seed}: {made} reports, {drawn} drawn, {refused} files refused")
        self.assertTrue(made and refused)


if __name__ == "__main__":
    unittest.main()
