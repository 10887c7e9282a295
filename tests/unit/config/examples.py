"""The example of docs/systems-file.md and what it needs around it."""

import re
from pathlib import Path

from hub.config.problems import SystemsFileInvalid
from hub.config.systems import SystemsFile, load_systems

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "systems-file.md"
SECRET = "hunter2-never-shown"
ENVIRON = {
    "ERP_DSN": f"postgresql://opshub:{SECRET}@erp.test/erp",
    "ERP_API": "https://erp.test/api",
    "WMS_KEY": SECRET,
    "CRM_URL": f"https://opshub:{SECRET}@crm.test?key={SECRET}",
    "CRM_PASSWORD": SECRET,
}


def section(page: Path, name: str) -> str:
    """What stands between `<!-- name -->` and `<!-- /name -->`."""
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", page.read_text(), re.DOTALL)
    assert found is not None, f"{page.name} has no section {name}"
    return found[1]


def example_text(folder: Path) -> str:
    """The page's example; its mounted secret and its import file are in this folder."""
    secret = folder / "erp_token"
    secret.write_text(f"{SECRET}\n")
    text = section(PAGE, "example").removeprefix("```yaml\n").removesuffix("```")
    customers = folder / "import" / "customers.csv"
    customers.parent.mkdir()
    customers.write_text("kdnr,account_id\n")
    return text.replace("/run/secrets/erp_token", str(secret))


def load_text(folder: Path, text: str) -> SystemsFile:
    """A systems file of this text, read as `systems.yaml`."""
    file = folder / "systems.yaml"
    file.write_text(text)
    return load_systems(file, environ=ENVIRON)


def mistakes_in(folder: Path, text: str) -> list[str]:
    """Each problem of a text as `line:column path: message; expected …`, without the folder."""
    try:
        load_text(folder, text)
    except SystemsFileInvalid as error:
        return [str(each).replace(f"{folder}/", "") for each in error.problems]
    return []
