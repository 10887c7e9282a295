"""150 items in fifteen families, with the units and tracking their trade would have."""

from decimal import Decimal

from hub.demo.plan.records import Item
from hub.demo.plan.when import dice

SIZES = ("04", "06", "08", "10", "12", "16", "20", "25", "32", "40")

# prefix, what it is, unit, serial tracked, lot tracked, price from, price to
FAMILIES = (
    ("BRG", "Deep groove ball bearing", "EA", False, False, 4, 60),
    ("SEA", "Radial shaft seal", "EA", False, False, 2, 18),
    ("VLV", "Brass ball valve", "EA", False, False, 9, 95),
    ("PMP", "Centrifugal pump", "EA", True, False, 240, 1900),
    ("MOT", "Three-phase motor", "EA", True, False, 180, 1450),
    ("DRV", "Frequency inverter", "EA", True, False, 150, 1200),
    ("SEN", "Inductive sensor", "EA", False, False, 22, 130),
    ("CAB", "Control cable", "MTR", False, True, 1, 12),
    ("HOS", "Hydraulic hose", "MTR", False, True, 3, 26),
    ("GRS", "Bearing grease", "KGM", False, True, 8, 34),
    ("OIL", "Gear oil", "LTR", False, True, 4, 19),
    ("FIL", "Hydraulic filter element", "EA", False, True, 14, 88),
    ("CHN", "Roller chain", "MTR", False, False, 6, 45),
    ("BLT", "Timing belt", "EA", False, False, 7, 64),
    ("GLV", "Protective gloves, pair", "EA", False, True, 2, 16),
)


def plan_items() -> tuple[Item, ...]:
    rng = dice("items")
    items = []
    for prefix, noun, unit, serial, lot, low, high in FAMILIES:
        for step, size in enumerate(SIZES):
            cents = low * 100 + (high - low) * 100 * step // len(SIZES) + rng.randrange(100)
            price = Decimal(cents).scaleb(-2)
            margin = Decimal(rng.randrange(52, 79)).scaleb(-2)
            items.append(
                Item(
                    sku=f"{prefix}-{size}-{rng.randrange(100, 1000)}",
                    description=f"{noun} {size} mm",
                    family=prefix,
                    unit=unit,
                    serial_tracked=serial,
                    lot_tracked=lot,
                    list_price=price,
                    cost=(price * margin).quantize(Decimal("0.01")),
                    weight_kg=Decimal(rng.randrange(5, 4000)).scaleb(-2),
                    gtin=f"40{rng.randrange(10**10, 10**11)}",
                    return_days=rng.choice((30, 30, 30, 60, 14)),
                    final_sale=prefix == "CAB" and step >= 8,
                    hazardous=prefix in ("OIL", "GRS"),
                )
            )
    return tuple(items)
