"""Letters and their accents made one character each: Unicode's Normalization Form C, as far as it is known here.

It is known for Latin, modern Greek, Cyrillic, kana and Hangul. Accents have to come in their canonical order, as they
do in Normalization Form D, and other scripts stay as they are: more would take more tables. What comes out is
canonically equivalent to what went in, always.
"""

from postino.mime import utf8

# The accent in UTF-8; then, with a blank before each, the letters that take it and what they become.
_PAIRS = (
    (
        b"\xcc\x80",
        " AÀ EÈ IÌ OÒ UÙ aà eè iì oò uù ÜǛ üǜ NǸ nǹ ЕЀ ИЍ еѐ иѝ ĒḔ ēḕ ŌṐ ōṑ WẀ wẁ ÂẦ âầ ĂẰ ăằ ÊỀ êề ÔỒ ôồ ƠỜ "
        "ơờ ƯỪ ưừ YỲ yỳ ",
    ),
    (
        b"\xcc\x81",
        " AÁ EÉ IÍ OÓ UÚ YÝ aá eé ií oó uú yý CĆ cć LĹ lĺ NŃ nń RŔ rŕ SŚ sś ZŹ zź ÜǗ üǘ GǴ gǵ ÅǺ åǻ ÆǼ æǽ ØǾ "
        "øǿ ¨΅ ΑΆ ΕΈ ΗΉ ΙΊ ΟΌ ΥΎ ΩΏ ϊΐ αά εέ ηή ιί ϋΰ οό υύ ωώ ϒϓ ГЃ КЌ гѓ кќ ÇḈ çḉ ĒḖ ēḗ ÏḮ ïḯ KḰ kḱ MḾ mḿ "
        "ÕṌ õṍ ŌṒ ōṓ PṔ pṕ ŨṸ ũṹ WẂ wẃ ÂẤ âấ ĂẮ ăắ ÊẾ êế ÔỐ ôố ƠỚ ơớ ƯỨ ưứ ",
    ),
    (b"\xcc\x82", " AÂ EÊ IÎ OÔ UÛ aâ eê iî oô uû CĈ cĉ GĜ gĝ HĤ hĥ JĴ jĵ SŜ sŝ WŴ wŵ YŶ yŷ ZẐ zẑ ẠẬ ạậ ẸỆ ẹệ ỌỘ ọộ "),
    (b"\xcc\x83", " AÃ NÑ OÕ aã nñ oõ IĨ iĩ UŨ uũ VṼ vṽ ÂẪ âẫ ĂẴ ăẵ EẼ eẽ ÊỄ êễ ÔỖ ôỗ ƠỠ ơỡ ƯỮ ưữ YỸ yỹ "),
    (
        b"\xcc\x84",
        " AĀ aā EĒ eē IĪ iī OŌ oō UŪ uū ÜǕ üǖ ÄǞ äǟ ȦǠ ȧǡ ÆǢ æǣ ǪǬ ǫǭ ÖȪ öȫ ÕȬ õȭ ȮȰ ȯȱ YȲ yȳ ИӢ иӣ УӮ уӯ GḠ "
        "gḡ ḶḸ ḷḹ ṚṜ ṛṝ ",
    ),
    (b"\xcc\x86", " AĂ aă EĔ eĕ GĞ gğ IĬ iĭ OŎ oŏ UŬ uŭ УЎ ИЙ ий уў ЖӁ жӂ АӐ аӑ ЕӖ еӗ ȨḜ ȩḝ ẠẶ ạặ "),
    (
        b"\xcc\x87",
        " CĊ cċ EĖ eė GĠ gġ Iİ ZŻ zż AȦ aȧ OȮ oȯ BḂ bḃ DḊ dḋ FḞ fḟ HḢ hḣ MṀ mṁ NṄ nṅ PṖ pṗ RṘ rṙ SṠ sṡ ŚṤ śṥ "
        "ŠṦ šṧ ṢṨ ṣṩ TṪ tṫ WẆ wẇ XẊ xẋ YẎ yẏ ſẛ ",
    ),
    (
        b"\xcc\x88",
        " AÄ EË IÏ OÖ UÜ aä eë iï oö uü yÿ YŸ ΙΪ ΥΫ ιϊ υϋ ϒϔ ЕЁ ІЇ её ії АӒ аӓ ӘӚ әӛ ЖӜ жӝ ЗӞ зӟ ИӤ иӥ ОӦ оӧ "
        "ӨӪ өӫ ЭӬ эӭ УӰ уӱ ЧӴ чӵ ЫӸ ыӹ HḦ hḧ ÕṎ õṏ ŪṺ ūṻ WẄ wẅ XẌ xẍ tẗ ",
    ),
    (b"\xcc\x89", " AẢ aả ÂẨ âẩ ĂẲ ăẳ EẺ eẻ ÊỂ êể IỈ iỉ OỎ oỏ ÔỔ ôổ ƠỞ ơở UỦ uủ ƯỬ ưử YỶ yỷ "),
    (b"\xcc\x8a", " AÅ aå UŮ uů wẘ yẙ "),
    (b"\xcc\x8b", " OŐ oő UŰ uű УӲ уӳ "),
    (
        b"\xcc\x8c",
        " CČ cč DĎ dď EĚ eě LĽ lľ NŇ nň RŘ rř SŠ sš TŤ tť ZŽ zž AǍ aǎ IǏ iǐ OǑ oǒ UǓ uǔ ÜǙ üǚ GǦ gǧ KǨ kǩ ƷǮ "
        "ʒǯ jǰ HȞ hȟ ",
    ),
    (b"\xcc\x8f", " AȀ aȁ EȄ eȅ IȈ iȉ OȌ oȍ RȐ rȑ UȔ uȕ ѴѶ ѵѷ "),
    (b"\xcc\x91", " AȂ aȃ EȆ eȇ IȊ iȋ OȎ oȏ RȒ rȓ UȖ uȗ "),
    (b"\xcc\x9b", " OƠ oơ UƯ uư "),
    (
        b"\xcc\xa3",
        " BḄ bḅ DḌ dḍ HḤ hḥ KḲ kḳ LḶ lḷ MṂ mṃ NṆ nṇ RṚ rṛ SṢ sṣ TṬ tṭ VṾ vṿ WẈ wẉ ZẒ zẓ AẠ aạ EẸ eẹ IỊ iị OỌ "
        "oọ ƠỢ ơợ UỤ uụ ƯỰ ưự YỴ yỵ ",
    ),
    (b"\xcc\xa4", " UṲ uṳ "),
    (b"\xcc\xa5", " AḀ aḁ "),
    (b"\xcc\xa6", " SȘ sș TȚ tț "),
    (b"\xcc\xa7", " CÇ cç GĢ gģ KĶ kķ LĻ lļ NŅ nņ RŖ rŗ SŞ sş TŢ tţ EȨ eȩ DḐ dḑ HḨ hḩ "),
    (b"\xcc\xa8", " AĄ aą EĘ eę IĮ iį UŲ uų OǪ oǫ "),
    (b"\xcc\xad", " DḒ dḓ EḘ eḙ LḼ lḽ NṊ nṋ TṰ tṱ UṶ uṷ "),
    (b"\xcc\xae", " HḪ hḫ "),
    (b"\xcc\xb0", " EḚ eḛ IḬ iḭ UṴ uṵ "),
    (b"\xcc\xb1", " BḆ bḇ DḎ dḏ KḴ kḵ LḺ lḻ NṈ nṉ RṞ rṟ TṮ tṯ ZẔ zẕ hẖ "),
    (
        b"\xe3\x82\x99",
        " かが きぎ くぐ けげ こご さざ しじ すず せぜ そぞ "
        "ただ ちぢ つづ てで とど はば ひび ふぶ へべ ほぼ うゔ ゝゞ "
        "カガ キギ クグ ケゲ コゴ サザ シジ スズ セゼ ソゾ タダ チヂ ツヅ テデ トド ハバ ヒビ フブ "
        "ヘベ ホボ ウヴ ワヷ ヰヸ ヱヹ ヲヺ ヽヾ ",
    ),
    (b"\xe3\x82\x9a", " はぱ ひぴ ふぷ へぺ ほぽ ハパ ヒピ フプ ヘペ ホポ "),
)
# Characters that are another one, and nothing else: the signs of Ohm, Kelvin and Angstrom.
_SAME = ((b"\xe2\x84\xa6", b"\xce\xa9"), (b"\xe2\x84\xaa", b"K"), (b"\xe2\x84\xab", b"\xc3\x85"))

# Hangul (Unicode 3.12): the first syllable; its letters, one less than the first for the last of a syllable.
_SYLLABLE = 0xAC00
_FIRST = 0x1100
_MIDDLE = 0x1161
_LAST = 0x11A7
_FIRSTS = 19
_MIDDLES = 21
_LASTS = 28


def compose(octets: bytes) -> bytes:
    """The text, in UTF-8."""
    for sign, letter in _SAME:
        octets = octets.replace(sign, letter)
    out = bytearray()
    # Where the last character of it begins.
    last = 0
    at = 0
    while at < len(octets):
        size = utf8.sequence(octets, at) or 1
        character = octets[at : at + size]
        at += size
        one = _one(bytes(out[last:]), character) if size > 1 and out else b""
        if one:
            out = out[:last] + one
        else:
            last = len(out)
            out += character
    return bytes(out)


def _one(letter, accent):
    """What the two become; nothing if they stay two."""
    for known, pairs in _PAIRS:
        if known == accent:
            table = pairs.encode()
            start = table.find(b" " + letter) + 1
            return table[start + len(letter) : table.find(b" ", start)] if start else b""
    return _syllable(letter, accent)


def _syllable(letter, accent):
    if len(letter) != 3 or len(accent) != 3:
        return b""
    first = _code(letter)
    second = _code(accent)
    out = bytearray()
    if _FIRST <= first < _FIRST + _FIRSTS and _MIDDLE <= second < _MIDDLE + _MIDDLES:
        utf8.put(out, _SYLLABLE + ((first - _FIRST) * _MIDDLES + second - _MIDDLE) * _LASTS)
    elif _LAST < second < _LAST + _LASTS and _is_open(first - _SYLLABLE):
        utf8.put(out, first + second - _LAST)
    return bytes(out)


def _is_open(number):
    """The syllable of this number has no last letter."""
    return 0 <= number < _FIRSTS * _MIDDLES * _LASTS and number % _LASTS == 0


def _code(octets):
    return (octets[0] & 0x0F) << 12 | (octets[1] & 0x3F) << 6 | octets[2] & 0x3F
