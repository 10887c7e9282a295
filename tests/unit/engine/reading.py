"""The hand-written documents: `---` between them, `#?` before variables, `#!` before the name."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "documents"


@dataclass(frozen=True)
class Written:
    name: str
    source: str
    variables: dict[str, Any] | None
    operation_name: str | None


def written_documents() -> Iterator[Written]:
    """Every document of the folder; its name is the file and its number in it."""
    for path in sorted(FOLDER.glob("*.graphql")):
        for number, text in enumerate(path.read_text().split("---\n"), start=1):
            yield _read(f"{path.stem}-{number}", text)


def _read(name: str, text: str) -> Written:
    variables, operation_name = None, None
    for line in text.splitlines():
        if line.startswith("#?"):
            variables = json.loads(line[2:])
        elif line.startswith("#!"):
            operation_name = line[2:].strip()
    return Written(name, text, variables, operation_name)
