"""Random keys that all processes of the hub share, kept in its database."""

from __future__ import annotations

from secrets import token_hex

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from hub.store.engine import Store
from hub.store.tables import hub_secret

SECRET_BYTES = 32


async def shared_secret(store: Store, name: str) -> bytes:
    """SECRET_BYTES bytes, made by whoever asks first, the same for every process from then on."""
    kept = select(hub_secret.c.value).where(hub_secret.c.name == name)
    async with store.read() as connection:
        value = (await connection.execute(kept)).scalar()
    if value is None:
        dialect = sqlite if store.is_sqlite else postgresql
        made = dialect.insert(hub_secret).values(name=name, value=token_hex(SECRET_BYTES))
        async with store.write() as connection:
            await connection.execute(made.on_conflict_do_nothing())
            value = (await connection.execute(kept)).scalar_one()
    return bytes.fromhex(value)
