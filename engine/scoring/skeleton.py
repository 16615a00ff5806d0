"""How a text looks: equal for texts that a reader cannot tell apart, however their characters are coded."""

import re
import unicodedata

_ROWS = (
    "2ƨϩᒿꙅꝛ 3ȝɜʒзӡⳍꝫ 4Ꮞ 5ƽ 6бᏮⳓ 8ȣ 9ⳋꝯ aɑαаᎪᗅꓮ bƅβвьᏏᏴᑲᖯᗷꓐꞵ cϲсᏟᴄⲥꓚ dԁᎠᏧᑯᗞᗪꓒꓓ eεеҽᎬⴹꓰꬲ fϝքᖴẝꓝꞙꬵ "
    "gƍɡԍցᏀᏳᶃꓖ hηнһհᎻᏂᕼⲏꓧ iıɩɪͺιіӏᎥꙇ jʝϳјᎫᒍꓙ kκкᏦᛕⲕꓗ lǀᏞᒪᛁⲓⳑⵏꓡꓲ mμϻмᎷᗰᛖⲙꓟ nνոռⲛꓠ oοσоօଠഠဝჿዐᴏᴑⲟⵔꓳꬽ "
    "pρрᏢᑭⲣꓑ qԛգզⵕ rʀгᎡᎱᏒᖇᴦⲅꓣꭇꭈ sѕտᏕᏚꓢꜱ tτтᎢⲧꓔ uʋυսሀᑌᴜꓴꞟꭎꭒ vѵᏙᐯᴠⴸꓦꛟ wɯѡԝաᎳᏔᴡꓪ xχхᕁᕽᚷⲭⵝꓫꭓ "
    "yɣʏγϒуүყᎩᎽᶌỿℽⲩꓬꭚ zζᏃᴢꓜ"
)  # fmt: skip
_LOOKS_LIKE = str.maketrans({other: row[0] for row in _ROWS.split() for other in row[1:]})
"""Letters of other scripts by the Latin letter or digit that they resemble: Unicode's confusables.txt, without those
that NFKC takes care of and those outside the Basic Multilingual Plane."""

_UNSEEN = re.compile("[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
                     "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
                     "\U000e0000-\U000e0fff]")  # fmt: skip
"""The property Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties.txt."""

_GROWTH = 4
"""Most characters that one decomposes into; a text of signs that expand to whole phrases is cut."""


def skeleton(text: str) -> str:
    """The text in lower case, without what cannot be seen, without accents, in Latin letters where it looks like it."""
    if text.isascii():
        return text.casefold()
    seen = unicodedata.normalize("NFKD", _UNSEEN.sub("", text))[: _GROWTH * len(text)].casefold()
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", seen) if not unicodedata.combining(sign))
    return bare.translate(_LOOKS_LIKE)
