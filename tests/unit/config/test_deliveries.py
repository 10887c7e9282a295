"""Mistakes under `deliveries`, each at its place, none showing a secret."""

from pathlib import Path

import pytest

from hub.config.delivery_meaning import secret_bytes
from tests.unit.config.examples import SECRET, load_text, mistakes_in

SYSTEMS = """\
version: 1
systems:
  crm:
    role: crm
    kind: rest
    url: https://crm.test
    entities: { case: { key: id, by_key: "/cases?ids={keys|csv}", fields: { number: id } } }
    commands: { add_case_message: { post: { path: /messages, body: { text: "{text}" } } } }
deliveries:
"""
WEBHOOK = '    webhook: { url: "${CRM_URL}", secret: "${WMS_KEY}" }\n'


def test_a_delivery_is_read(tmp_path: Path) -> None:
    text = SYSTEMS + (
        "  portal:\n"
        "    when: { noun: shipment, change: status_changed, to: DELIVERED, audience: customer }\n"
        '    webhook: { url: "${CRM_URL}", secret: ["${WMS_KEY}", "${CRM_PASSWORD}"],'
        ' headers: { X-Tenant: "${WMS_KEY}" } }\n'
        "  tell-crm:\n"
        "    when: { noun: return, change: [changed, status_changed], audience: partner }\n"
        "    command: crm.add_case_message\n"
        '    values: { text: "{record.number} of {order.number}, {customer.key}: {change.after}",'
        " urgent: true }\n"
    )
    deliveries = load_text(tmp_path, text).deliveries
    portal, crm = deliveries["portal"], deliveries["tell-crm"]
    assert (portal.name, portal.when.to, portal.when.change) == (
        "portal", ("DELIVERED",), ("status_changed",),
    )  # fmt: skip
    assert portal.webhook is not None
    assert [each.get_secret_value() for each in portal.webhook.secret] == [SECRET, SECRET]
    assert crm.values["urgent"] is True
    assert SECRET not in repr(deliveries)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("    when: { noun: shipmnt, change: changed, audience: customer }\n" + WEBHOOK,
         "did you mean 'shipment'?"),
        ("    when: { noun: order, change: statuschanged, audience: customer }\n" + WEBHOOK,
         "did you mean 'status_changed'?"),
        ("    when: { noun: order, change: changed, to: COMPLETE, audience: customer }\n" + WEBHOOK,
         "did you mean 'COMPLETED'?"),
        ("    when: { noun: order, change: changed, systems: cmr, audience: customer }\n" + WEBHOOK,
         "did you mean 'crm'?"),
        ("    when: { noun: order, change: changed, audience: public }\n" + WEBHOOK,
         "audience: received 'public'; expected one of customer, partner or internal"),
        ("    when: { noun: order, change: changed, audience: customer }\n",
         "expected webhook or command"),
        ("    when: { noun: order, change: changed, audience: customer }\n"
         "    command: crm.add_case_mesage\n", "did you mean 'add_case_message'?"),
        ("    when: { noun: order, change: changed, audience: customer }\n"
         "    command: crm.add_case_message\n    values: { text: \"{order.nmber}\" }\n",
         "did you mean 'order.number'?"),
        ("    when: { noun: order, change: changed, audience: customer }\n"
         "    webhook: { url: \"${CRM_URL}\", secret: written-in-the-file }\n",
         "a secret in the file (its text is not shown)"),
    ],
)  # fmt: skip
def test_a_mistake_is_told(tmp_path: Path, lines: str, told: str) -> None:
    (mistake,) = mistakes_in(tmp_path, f"{SYSTEMS}  portal:\n{lines}")
    assert told in mistake
    assert "written-in-the-file" not in mistake


def test_secrets_are_text_or_base64() -> None:
    assert secret_bytes("sixteen-bytes-or-more") == b"sixteen-bytes-or-more"
    assert secret_bytes("whsec_MDEyMzQ1Njc4OWFiY2RlZg==") == b"0123456789abcdef"
    for wrong in ("short", "whsec_?", "whsec_MDEy"):
        with pytest.raises(ValueError):
            secret_bytes(wrong)
