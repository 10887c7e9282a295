"""The development key, and why production refuses it."""

import os
import threading
from pathlib import Path

import pytest

from hub.model.errors import ConfigInvalid
from hub.security.keys import DEVELOPMENT_KEY_FILE, development_key, signing_key


def key_in(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_the_first_use_makes_a_key_and_later_ones_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / ".opshub"
    key = development_key(folder)
    assert development_key(folder) == key
    assert len(key) == len(b"opshub-development-") + 64
    assert (folder / DEVELOPMENT_KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert os.listdir(folder) == [DEVELOPMENT_KEY_FILE]
    assert development_key(tmp_path / "other") != key


def test_those_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    barrier, seen = threading.Barrier(8), []

    def first() -> None:
        barrier.wait()
        seen.append(development_key(tmp_path))

    threads = [threading.Thread(target=first) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len(set(seen)) == 1
    assert os.listdir(tmp_path) == [DEVELOPMENT_KEY_FILE]


def test_production_refuses_the_development_key_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="could sign a token for any role"):
        signing_key(profile="production", data_dir=tmp_path, key_file=None)
    assert os.listdir(tmp_path) == []
    development_key(tmp_path)
    copied = key_in(tmp_path / "own.key", (tmp_path / DEVELOPMENT_KEY_FILE).read_bytes())
    with pytest.raises(ConfigInvalid, match="holds a development key"):
        signing_key(profile="production", data_dir=tmp_path, key_file=copied)
    assert signing_key(profile="development", data_dir=tmp_path, key_file=copied)


def test_a_key_of_its_own_is_read_without_the_line_break(tmp_path: Path) -> None:
    own = key_in(tmp_path / "own.key", b"k" * 32 + b"\n")
    for profile in ("production", "development"):
        assert signing_key(profile=profile, data_dir=tmp_path, key_file=own) == b"k" * 32
    assert os.listdir(tmp_path) == ["own.key"]


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"k" * 31, 0o600, "has 31 bytes; expected 32 to 4096"),
        (b"", 0o600, "has 0 bytes"),
        (b"k" * 5_000, 0o600, "expected 32 to 4096"),
        (b"k" * 32, 0o644, r"open to others \(mode 0644\); chmod 600"),
    ],
)
def test_a_key_that_is_no_good_is_refused(
    tmp_path: Path, content: bytes, mode: int, said: str
) -> None:
    with pytest.raises(ConfigInvalid, match=said):
        signing_key(
            profile="production",
            data_dir=tmp_path,
            key_file=key_in(tmp_path / "own.key", content, mode),
        )


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"cannot read the signing key .*none\.key"):
        signing_key(profile="production", data_dir=tmp_path, key_file=tmp_path / "none.key")
