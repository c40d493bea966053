# SPDX-License-Identifier: GPL-2.0-only
"""The forms of the tool's documents (`share/schema`)."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jsonschema

DIRECTORY = Path(__file__).resolve().parents[2] / "share/schema"


@functools.cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    """What checks documents of a form. `jsonschema.validate` would look into the form itself each
    time, which takes two seconds under emulation."""
    # This takes six, which only those spend who need it.
    import jsonschema

    form = json.loads((DIRECTORY / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(form)
    return jsonschema.Draft202012Validator(form)


def validate(document: Any, name: str) -> None:
    """Raises an exception unless a document has the form of this name."""
    _validator(name).validate(document)
