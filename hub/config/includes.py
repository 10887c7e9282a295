"""A systems file and the files it includes, as one document."""

from __future__ import annotations

from pathlib import Path as FilePath

from hub.config.documents import INCLUDES_MAX, Document, read_document
from hub.config.problems import Path

INCLUDE = "include"
_MERGED = ("systems", "cross_references")


def read_with_includes(file: FilePath) -> Document:
    """The file with everything it includes; paths in `include` are relative to the including file.

    A file that includes itself by any way, or one included twice, is a problem; so is a system or a
    cross reference that two files declare.
    """
    whole = read_document(file, name=str(file))
    _Includes(whole, {file.resolve()}).follow(whole, file, (file.resolve(),))
    return whole


class _Includes:
    """Follows includes of includes; `seen` are all files read so far."""

    def __init__(self, whole: Document, seen: set[FilePath]) -> None:
        self._whole = whole
        self._seen = seen

    def follow(self, part: Document, file: FilePath, chain: tuple[FilePath, ...]) -> None:
        """Merge what a part includes; `chain` are the files that led to it, itself the last."""
        if not isinstance(part.tree, dict) or INCLUDE not in part.tree:
            return
        named = part.tree.pop(INCLUDE)
        names = named if isinstance(named, list) else [named]
        for index, name in enumerate(names):
            path: Path = (INCLUDE, index) if isinstance(named, list) else (INCLUDE,)
            if not isinstance(name, str):
                part.report(path, "not a file name", expected="a file name, or a list of them")
            elif self._may_read(part, path, file.parent / name, chain):
                self._read(file.parent / name, chain)

    def _may_read(
        self, part: Document, path: Path, file: FilePath, chain: tuple[FilePath, ...]
    ) -> bool:
        there = file.resolve()
        if there in chain:
            part.report(path, f"{file.name} includes itself", expected="includes without a circle")
        elif there in self._seen:
            part.report(path, f"{file.name} is included twice", expected="each file once")
        elif len(self._seen) > INCLUDES_MAX:
            part.report(path, "too many files", expected=f"{INCLUDES_MAX} included files at most")
        elif not file.is_file():
            part.report(path, f"{file.name} is not there", expected="a file beside this one")
        else:
            return True
        return False

    def _read(self, file: FilePath, chain: tuple[FilePath, ...]) -> None:
        there = file.resolve()
        self._seen.add(there)
        included = read_document(file, name=str(file))
        self.follow(included, file, (*chain, there))
        _merge(self._whole, included)


def _merge(whole: Document, part: Document) -> None:
    """Put the included systems into the whole document, positions with them."""
    if not isinstance(part.tree, dict) or not isinstance(whole.tree, dict):
        if part.tree is not None and isinstance(whole.tree, dict):
            part.report((), "not a mapping", expected="systems: or cross_references:")
        whole.problems += part.problems
        return
    for word, members in part.tree.items():
        if word in _MERGED:
            _merge_section(whole, part, word, members)
        elif word != "version":
            at = part.where_key((word,))
            part.values_at[(word,)] = at
            part.report((word,), f"unknown word {word!r} in an included file",
                        expected="systems, cross_references or include")  # fmt: skip
    whole.problems += part.problems


def _merge_section(whole: Document, part: Document, word: str, members: object) -> None:
    target = whole.tree.setdefault(word, {})
    if not isinstance(members, dict) or not isinstance(target, dict):
        part.report((word,), "not a mapping", expected="names and what they declare")
        return
    for name, member in members.items():
        if name in target:
            first = whole.where_key((word, name))
            part.values_at[(word, name)] = part.where_key((word, name))
            part.report((word, name), f"{name!r} a second time",
                        expected=f"each name once (first at {first})")  # fmt: skip
            continue
        target[name] = member
        _move_positions(whole, part, (word, name))


def _move_positions(whole: Document, part: Document, under: Path) -> None:
    depth = len(under)
    for here, there in ((part.values_at, whole.values_at), (part.keys_at, whole.keys_at)):
        there.update({path: at for path, at in here.items() if path[:depth] == under})
