# SPDX-License-Identifier: GPL-2.0-only
"""The document that a run prints at its end with `--json`."""

from __future__ import annotations

import json

from .harness import Failed, expect, expect_equal
from .tool import Result


def document(result: Result) -> dict:
    """The document of a run with `--json`. The tool prints it to the standard output, or to the
    standard error where the payload goes to the standard output."""
    for text in (result.stderr, result.stdout.decode(errors="replace")):
        for line in text.split("\n"):
            if line.startswith("{"):
                return json.loads(line)
    raise Failed(f"no document in: {result.stderr}")


def check_summary(result: Result, length: int) -> dict:
    """Fails the case unless the document says that the run received so many bytes and returned a
    token for each fragment; returns the document."""
    summary = document(result)
    expect_equal(summary["bytes"], length, "bytes in the summary")
    expect_equal(summary["tokens_returned"], summary["fragments"], "tokens in the summary")
    expect(f"total_received={length}\n" in result.stderr, "no total_received")
    return summary
