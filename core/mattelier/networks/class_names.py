"""Names of the classes that public sets tell apart, by how many there are, or by the set's."""

from __future__ import annotations

_VOC = """background aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse
motorbike person pottedplant sheep sofa train tvmonitor"""
# By COCO's numbers; "-" where it has no thing.
_COCO = """background person bicycle car motorcycle airplane bus train truck boat traffic_light
fire_hydrant - stop_sign parking_meter bench bird cat dog horse sheep cow elephant bear zebra
giraffe - backpack umbrella - - handbag tie suitcase frisbee skis snowboard sports_ball kite
baseball_bat baseball_glove skateboard surfboard tennis_racket bottle - wine_glass cup fork knife
spoon bowl banana apple sandwich orange broccoli carrot hot_dog pizza donut cake chair couch
potted_plant bed - dining_table - - toilet - tv laptop mouse remote keyboard cell_phone microwave
oven toaster sink refrigerator - book clock vase scissors teddy_bear hair_drier toothbrush"""
_CITYSCAPES = """road sidewalk building wall fence pole traffic_light traffic_sign vegetation
terrain sky person rider car truck bus train motorcycle bicycle"""
_ADE20K = """wall building sky floor tree ceiling road bed window grass cabinet sidewalk person
earth door table mountain plant curtain chair car water painting sofa shelf house sea mirror rug
field armchair seat fence desk rock wardrobe lamp bathtub railing cushion base box column signboard
chest_of_drawers counter sand sink skyscraper fireplace refrigerator grandstand path stairs runway
case pool_table pillow screen_door stairway river bridge bookcase blind coffee_table toilet flower
book hill bench countertop stove palm kitchen_island computer swivel_chair boat bar arcade_machine
hovel bus towel light truck tower chandelier awning streetlight booth television airplane
dirt_track apparel pole land bannister escalator ottoman bottle buffet poster stage van ship
fountain conveyer_belt canopy washer plaything swimming_pool stool barrel basket waterfall tent bag
minibike cradle oven ball food step tank trade_name microwave pot animal bicycle lake dishwasher
screen blanket sculpture hood sconce vase traffic_light tray ashcan fan pier crt_screen plate
monitor bulletin_board shower radiator glass clock flag"""

ADE20K_CLASSES = len(_ADE20K.split())
_SETS = {
    name: tuple(word.replace("_", " ") for word in words.split())
    for name, words in {
        "voc": _VOC, "coco": _COCO, "cityscapes": _CITYSCAPES, "ade20k": _ADE20K
    }.items()
}  # fmt: skip
_NAMES = {len(names): names for names in _SETS.values()}


def class_names(count: int) -> tuple[str, ...]:
    """The names of so many classes: those of a public set of as many, else their numbers."""
    return _NAMES.get(count) or tuple(map(str, range(count)))


def parse_labels(text: str) -> tuple[str, ...]:
    """Names with commas between them, or those of the set that is named: "voc"; () of nothing."""
    named = tuple(name.strip() for name in text.split(",") if name.strip())
    return _SETS.get(named[0].lower(), named) if len(named) == 1 else named
