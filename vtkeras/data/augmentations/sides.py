"""Words that tell left from right: what a mirror makes of them, and which may be no direction at all."""

from __future__ import annotations

from itertools import product

PAIRS = (  # what a mirror makes of one it makes of the other
    ("left", "right"),
    ("lefts", "rights"),
    ("leftmost", "rightmost"),
    ("leftward", "rightward"),
    ("leftwards", "rightwards"),
    ("lefthand", "righthand"),
    ("lefthanded", "righthanded"),
    ("leftside", "rightside"),
    ("east", "west"),
    ("eastward", "westward"),
    ("eastwards", "westwards"),
    ("eastbound", "westbound"),
    ("easterly", "westerly"),
    *((f"{side}east{end}", f"{side}west{end}") for side in ("north", "south") for end in ("", "ward", "bound", "ern")),
    ("clockwise", "counterclockwise"),
    ("cw", "ccw"),
    ("左", "右"),
    *zip("←⇐⟵⬅↖↙↩👈", "→⇒⟶➡↗↘↪👉"),
)
CAPITALS = (("NE", "NW"), ("SE", "SW"))  # in small letters words of other languages
ALSO = {  # other spellings of the second one of a pair
    "clockwise": [begin + join for begin, join in product(("counter", "anti"), ("", " ", "-", "\u2010", "\u2011"))],
    "cw": ["a"],
}
# Labels such as "swipeleft" and "topright".
VERBS = ("swipe", "turn", "move", "go", "step", "slide", "push", "pull", "look", "lean", "scroll", "rotate", "roll")
PLACES = ("top", "bottom", "upper", "lower", "front", "back", "hand", "arm", "foot", "far")
ARROWS = "←→⇐⇒⟵⟶⬅➡↖↗↙↘↩↪👈👉"

_D = "(?:left|right)"
_CHAIN = rf"{_D}(?:(?: *[,;/&|] *| +)(?:(?:and|or|then|to|than|vs) +)?(?:(?:the|from|back) +)*{_D})*\b"
_OWN = "(?:the|its|his|her|their|my|your|our|this|that|each|far|upper|lower|top|bottom|front|back|rear|outer|inner)"
_STEMS = (
    "mov|turn|go|walk|jump|step|slid|swip|roll|rotat|pan|look|lean|fac|point|head|steer|veer|swerv|drift|travel|scroll|"
    "glid|fly|driv|drag|push|pull|kick|throw|wav|shift|bend|swing|swim|crawl|climb|hop|spin|tilt|curv|bounc|rid|run|"
    "strafe|float|sail|dash|dodg|press|keep"
)
_PASTS = "goes|went|ran|flies|flew|drove|threw|bent|swung|swam|spun|rode|kept"
_MOVES = rf"(?:(?:{_STEMS})[npmgt]?(?:e|es|s|ed|ing)?|{_PASTS})"
_HOW = "(?:to|toward|towards|from|at|on|far|slightly|sharply|sharp|hard|straight|back|up|down|out|over|quickly|slowly)"
_THINGS = (
    "of|side|sides|hand|handed|arm|leg|foot|eye|ear|corner|edge|half|lane|turn|turns|wing|hook|kick|punch|jab|click|"
    "button|arrow|border|margin|end|wall|shoulder|knee|elbow|wrist|ankle|cheek|thumb|fist|glove|shoe|sock|sleeve"
)
# A direction beyond doubt; "left" and "right" elsewhere may be none: "the dog left with the ball", "a right triangle".
SURE = "|".join(
    (
        rf"\b{_OWN} +{_CHAIN}",
        rf"\b{_MOVES} +(?:{_HOW} +)*{_CHAIN}",
        rf"\b(?:on|to|at|from|toward|towards|upper|lower) +{_CHAIN}",
        rf"\b{_D} +(?:{_THINGS})\b",
        rf"\b{_D}(?: *[,;/&|] *| +)(?:(?:and|or|then|to|than|vs) +)?(?:(?:the|from|back) +)*{_CHAIN}",
        rf"(?m:^[\s|]*(?:{_D}|[{ARROWS}\x{{FE0F}}]+)(?:[\s|]+(?:{_D}|[{ARROWS}\x{{FE0F}}]+))*[\s|.?!]*$)",
        r"\b(?:one|two|three|four|\d+) +(?:lefts|rights)\b",
        rf"\b(?:{'|'.join((*VERBS, *PLACES))}){_D}\b",
        r"\b\pL*(?:bright|wright|fright|upright|copyright|downright|outright|forthright|birthright|cleft)\b",
    )
)
# "he left the room", "right now", "the right answer", "a western film": no direction, or it cannot be told.
UNSURE = "|".join(
    (
        r"\bleft +(a|an|the|his|her|its|their|it|him|them|for|home|alone|behind|over|out|off)\b",
        r"\b(has|have|had|been|being|gets|got|just|already|nothing) +left\b",
        r"\bwhat(?: +is| +was|'s|’s) +(left|right)\b",
        r"\b(he|she|it|they|who|we|you|man|woman|boy|girl|people|everyone|person|player|train|bus|car) +left\b",
        r"\b(two|three|four|five|some|no|more|many|few) +\pL+ +left\b",
        r"\b(is|are|was|were) +left *([.?!,;]|$)",
        r"\bright +(now|away|after|before|then|here|there|next|above|in front|behind|ahead|up to|side up|of way)\b",
        r"\bright +(answer|things?|way|angles?|place|order|time|moment|spot|size|direction|track|person|one|amount)\b",
        r"\bright +(triangles?|number|words?|tools?|keys?|choice|decision|kind|sort|course|balance|temperature)\b",
        r"\b(all|is|are|that's|that’s) +right\b",
        r"\b(human|civil|equal|animal|their|all|the|her|his) +rights\b",
        r"\b(east|west)ern\b",
        r"(?-i:\pL,? +(East|West)\b)",  # a name, such as the Middle East
        r"(?-i:\b[LREW]\b)",
        r"\b(counter|anti)\W{2,}clockwise\b",
        "左右",
    )
)
LEFT = rf"\pL*{_D}\b|\brights\b|[{ARROWS}]"  # what is unsure where nothing says that it is a direction
PARTS = r"([\p{Ll}])(\p{Lu})|[_\-\x{2010}\x{2011}]"  # of a label: SwipeLeft, swipe_left
WORD = (
    r"(?i:(?:counter|anti)[ \-\x{2010}\x{2011}]?clockwise)"
    r"|\p{Lu}?[\p{Ll}\pM]+|\p{Lu}[\p{Lu}\pM]*|[\p{Lo}\p{Lm}\p{Lt}\pM]+"
)
SIGN = f"[左右{ARROWS}]"  # which is a word of its own


def _mirrored() -> dict[str, str]:
    compounds = [(f"{begin}left", f"{begin}right") for begin in (*VERBS, *PLACES)]
    pairs = [*PAIRS, *compounds]
    also = [(begin + word, word) for word, begins in ALSO.items() for begin in begins]
    both = [*pairs, *((second, first) for first, second in pairs), *also]
    cases = (str.lower, str.upper, str.capitalize, str.title)
    exact = [*CAPITALS, *((second, first) for first, second in CAPITALS)]
    return {case(one): case(other) for one, other in reversed(both) for case in cases} | dict(exact)


MIRRORED = _mirrored()
