"""What Larkfield Home sells: products in variants, priced in cents."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A product in one finish, colour or size."""

    sku: str
    name: str
    cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product with the variants that it is sold in."""

    name: str
    variants: tuple[Variant, ...]

    def variant(self, name: str) -> Variant | None:
        """Return the variant of this name, or None."""
        return next((variant for variant in self.variants if variant.name == name), None)


def product(name: str) -> Product:
    """Return the product of this name. Raises `KeyError` for any other."""
    return _BY_NAME[name]


def _product(code: str, name: str, **prices: int) -> Product:
    variants = tuple(
        Variant(sku=f"LH-{code}-{number}", name=variant.replace("_", " "), cents=cents)
        for number, (variant, cents) in enumerate(prices.items(), 1)
    )
    return Product(name=name, variants=variants)


PRODUCTS = (
    _product("ALD", "Alder floor lamp", brass=8900, matte_black=8900, walnut=10900),
    _product("BEA", "Beacon desk lamp", white=3950, graphite=3950),
    _product("BRA", "Bramble wool throw", moss=4400, rust=4400, oatmeal=4400),
    _product("CAL", "Calder bookcase", oak=24900, walnut=28900),
    _product("CIN", "Cinder cast-iron pan", small=3200, large=4900),
    _product("COV", "Cove bath towel set", white=3450, slate=3450, clay=3450),
    _product("DOV", "Dovetail spice rack", beech=2790, walnut=3490),
    _product("DUN", "Dunmore armchair", linen=42900, velvet=48900, leather=69900),
    _product("EBB", "Ebb shower curtain", white=1990, sage=1990),
    _product("EMB", "Ember kettle", cream=5900, black=5900, copper=7400),
    _product("FEN", "Fennel herb planter", terracotta=1650, glazed_green=1950),
    _product("FOL", "Folio picture frame", small=1290, medium=1890, large=2690),
    _product("GRA", "Grange dining chair", oak=11900, black=11900),
    _product("HAL", "Halden bed frame", queen=54900, king=62900),
    _product("HAR", "Harbour rug", small=12900, large=23900),
    _product("HOL", "Hollis mirror", round=9900, arched=13900),
    _product("IVE", "Iver bedside table", oak=13900, white=12900),
    _product("JUN", "Juniper candle", cedar=1490, fig=1490, sea_salt=1490),
    _product("KES", "Kestrel wall clock", birch=3990, black=3990),
    _product("LIN", "Linnet bed linen", twin=6900, queen=8900, king=9900),
    _product("MAR", "Marlow coffee table", oak=18900, smoked_oak=20900),
    _product("MEA", "Meadow cushion", green=2490, ochre=2490, blue=2490),
    _product("NOR", "Norwell sofa", grey=99900, blue=99900, boucle=119900),
    _product("ORC", "Orchard fruit bowl", ash=2950, olive_wood=4250),
    _product("PEB", "Pebble dinner set", chalk=7900, ink=7900),
    _product("PIP", "Pippin kids stool", pine=2900, red=3200),
    _product("QUI", "Quill writing desk", oak=27900, walnut=31900),
    _product("REE", "Reed laundry basket", natural=3600, grey=3600),
    _product("SOR", "Sorrel stoneware mug", speckled=1390, green=1390),
    _product("TAM", "Tamarind knife block", acacia=6400, black=6400),
    _product("THI", "Thistle mattress", twin=39900, queen=59900, king=69900),
    _product("WIL", "Willow pendant light", small=7500, large=11500),
)

_BY_NAME = {item.name: item for item in PRODUCTS}
