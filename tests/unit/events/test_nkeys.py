"""An nkey seed and a credentials file are read as the NATS tools write them."""

from base64 import b64decode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.events.nkeys import key_of_seed, read_credentials, read_seed, seed_text
from hub.model.errors import ConfigInvalid

RAW = bytes(range(32))


def test_a_key_signs_what_the_server_asks() -> None:
    seed = seed_text(RAW)
    key = key_of_seed(f" {seed}\n", named="X")
    assert (seed[:2], key.public[0], len(seed), len(key.public)) == ("SU", "U", 58, 56)
    public = Ed25519PrivateKey.from_private_bytes(RAW).public_key()
    public.verify(b64decode(key.sign("nonce")), b"nonce")


@pytest.mark.parametrize("text", ["", "SU", "nothing", seed_text(RAW)[:-1] + "A", "A" * 58, "é"])
def test_what_is_no_seed_is_refused_and_not_told(text: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        key_of_seed(text, named="X")
    assert str(refused.value) == "X holds no nkey seed of a user; one begins with SU"


def test_a_credentials_file(tmp_path: Path) -> None:
    seed = seed_text(RAW)
    path = tmp_path / "hub.creds"
    path.write_text(
        "-----BEGIN NATS USER JWT-----\nabc.def.ghi\n------END NATS USER JWT------\n\nIMPORTANT\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
    jwt, key = read_credentials(path, named="X")
    assert (jwt, key.public) == ("abc.def.ghi", key_of_seed(seed, named="X").public)
    path.write_text(seed)
    assert read_seed(path, named="X").public == key.public
    with pytest.raises(ConfigInvalid, match="X is no credentials file"):
        read_credentials(path, named="X")
    with pytest.raises(ConfigInvalid, match="X cannot be read: FileNotFoundError"):
        read_seed(tmp_path / "absent", named="X")
