"""The hub gets in with an nkey and over TLS, at a real server."""

import datetime
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub.events.connection import Nats, NatsAccess
from hub.events.nkeys import key_of_seed, seed_text
from hub.model.errors import ConfigInvalid
from hub.observe.tasks import in_background
from tests.support.nats_faults import mortal_nats
from tests.support.relayed import ended, until


async def gets_in(access: NatsAccess, *, within_s: float = 10.0) -> bool:
    connection = Nats(access)
    following = in_background(connection.follow())
    try:
        await until(lambda: connection.is_connected, within_s=within_s)
    except TimeoutError:
        return False
    finally:
        await ended(following)
    return True


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, which signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nats")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


async def test_an_nkey(tmp_path: Path) -> None:
    ours, other = tmp_path / "ours.nk", tmp_path / "other.nk"
    ours.write_text(seed_text(bytes(range(32))))
    other.write_text(seed_text(bytes(32)))
    public = key_of_seed(ours.read_text(), named="ours").public
    with mortal_nats(settings=f"authorization {{ users: [ {{ nkey: {public} }} ] }}") as server:
        assert await gets_in(NatsAccess(server.url, nkey=ours))
        assert not await gets_in(NatsAccess(server.url, nkey=other), within_s=1.5)
        assert not await gets_in(NatsAccess(server.url), within_s=1.5)


async def test_tls(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    settings = f"tls {{ cert_file: '{certificate}', key_file: '{key}' }}"
    with mortal_nats(settings=settings) as server:
        url = server.url.replace("nats://", "tls://")
        assert await gets_in(NatsAccess(url, tls_ca=certificate))
        assert not await gets_in(NatsAccess(url), within_s=1.5)  # nobody we know has signed it


async def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="OPSHUB_NATS_NKEY cannot be read"):
        await Nats(NatsAccess("nats://x", nkey=tmp_path / "absent")).follow()
    with pytest.raises(ConfigInvalid, match="TLS files of NATS"):
        await Nats(NatsAccess("nats://x", tls_ca=tmp_path / "absent")).follow()
