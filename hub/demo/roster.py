"""The six demo systems by name."""

from collections.abc import Mapping
from pathlib import Path

from hub.demo.carrier import CARRIER
from hub.demo.crm import CRM
from hub.demo.erp_eu import ERP_EU
from hub.demo.erp_us import ERP_US
from hub.demo.system import ForeignSystem
from hub.demo.wms_north import WMS_NORTH
from hub.demo.wms_south import WMS_SOUTH

SYSTEMS: Mapping[str, ForeignSystem] = {
    system.name: system for system in (ERP_EU, ERP_US, WMS_NORTH, WMS_SOUTH, CRM, CARRIER)
}


def database_file(data_dir: Path, system: str) -> Path:
    return data_dir / f"{system}.sqlite"
