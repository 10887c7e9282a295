"""`opshub verify`: whether the audit of the hub's own store is as it was written."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from hub.cli.options import DataDir, StoreUrl, settings_of
from hub.cli.output import AsJson, Exit, run, show

if TYPE_CHECKING:
    from hub.store.audit import ChainState


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found: every chain, and how much else the store keeps of who may do what."""

    chains: list[ChainState]
    revocations: int
    refusals: int

    @property
    def is_whole(self) -> bool:
        return all(chain.broken is None for chain in self.chains)


def verify(
    store_url: StoreUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Check every audit chain from its first entry on; a break is reported, never repaired."""

    found = run(_verified(settings_of(store_url=store_url, data_dir=data_dir).store_dsn))
    answer = {"ok": found.is_whole, **asdict(found)}
    show(answer, _told(found), as_json=as_json)
    if not found.is_whole:
        raise typer.Exit(int(Exit.FINDINGS))


async def _verified(store_dsn: str) -> Verified:
    from hub.store.audit import chain_states
    from hub.store.migrate import open_store
    from hub.store.refusals import refusals_total
    from hub.store.revocations import active_revocations

    store = await open_store(store_dsn)
    try:
        return Verified(
            await chain_states(store),
            await active_revocations(store, at=datetime.now(UTC)),
            await refusals_total(store),
        )
    finally:
        await store.close()


def _told(found: Verified) -> str:
    lines = [_line(chain) for chain in found.chains]
    entries = sum(chain.entries for chain in found.chains)
    lines.append(
        f"{entries} audit entries in {len(found.chains)} chains; "
        f"{found.revocations} revocations hold; {found.refusals} refusals were counted"
    )
    return "\n".join(lines)


def _line(chain: ChainState) -> str:
    if chain.broken is None:
        return f"ok      {chain.chain}: {chain.entries} entries"
    where = f"entry {chain.broken.position}" if chain.broken.position else "its end"
    return f"BROKEN  {chain.chain}: {where}: {chain.broken.reason}"
