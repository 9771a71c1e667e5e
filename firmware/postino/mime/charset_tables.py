"""What the octets 128 to 255 mean in the character sets of one octet a character, beyond those of western Europe.

Imported when such a set is met. Octets without a meaning are U+FFFD.
"""

# The octets 128 to 159 in the sets of ISO 8859.
_CONTROLS = (
    "\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f"
    "\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f"
)


def table(key: bytes):
    """The 128 characters of a set, or None if it is not known. Names are without hyphens."""
    if key == b"iso88592":
        return (
            _CONTROLS + "\xa0Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\xadŽŻ°ą˛ł´ľśˇ¸šşťź˝žż"
            "ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß"
            "ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙"
        )
    if key == b"iso88595":
        return (
            _CONTROLS + "\xa0ЁЂЃЄЅІЇЈЉЊЋЌ\xadЎЏАБВГДЕЖЗИЙКЛМНОП"
            "РСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмноп"
            "рстуфхцчшщъыьэюя№ёђѓєѕіїјљњћќ§ўџ"
        )
    if key == b"iso88597":
        return (
            _CONTROLS + "\xa0‘’£€₯¦§¨©ͺ«¬\xad\ufffd―°±²³΄΅Ά·ΈΉΊ»Ό½ΎΏ"
            "ΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡ\ufffdΣΤΥΦΧΨΩΪΫάέήί"
            "ΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώ\ufffd"
        )
    if key == b"iso88599":
        return (
            _CONTROLS + "\xa0¡¢£¤¥¦§¨©ª«¬\xad®¯°±²³´µ¶·¸¹º»¼½¾¿"
            "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞß"
            "àáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ"
        )
    if key == b"windows1250":
        return (
            "€\ufffd‚\ufffd„…†‡\ufffd‰Š‹ŚŤŽŹ\ufffd‘’“”•–—\ufffd™š›śťžź"
            "\xa0ˇ˘Ł¤Ą¦§¨©Ş«¬\xad®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľż"
            "ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß"
            "ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙"
        )
    if key == b"windows1251":
        return (
            "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\ufffd™љ›њќћџ"
            "\xa0ЎўЈ¤Ґ¦§Ё©Є«¬\xad®Ї°±Ііґµ¶·ё№є»јЅѕї"
            "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ"
            "абвгдежзийклмнопрстуфхцчшщъыьэюя"
        )
    if key == b"windows1253":
        return (
            "€\ufffd‚ƒ„…†‡\ufffd‰\ufffd‹\ufffd\ufffd\ufffd\ufffd"
            "\ufffd‘’“”•–—\ufffd™\ufffd›\ufffd\ufffd\ufffd\ufffd"
            "\xa0΅Ά£¤¥¦§¨©\ufffd«¬\xad®―°±²³΄µ¶·ΈΉΊ»Ό½ΎΏ"
            "ΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡ\ufffdΣΤΥΦΧΨΩΪΫάέήί"
            "ΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώ\ufffd"
        )
    if key == b"windows1254":
        return (
            "€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffd\ufffd\ufffd"
            "\ufffd‘’“”•–—˜™š›œ\ufffd\ufffdŸ"
            "\xa0¡¢£¤¥¦§¨©ª«¬\xad®¯°±²³´µ¶·¸¹º»¼½¾¿"
            "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞß"
            "àáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ"
        )
    if key == b"koi8r":
        return (
            "─│┌┐└┘├┤┬┴┼▀▄█▌▐░▒▓⌠■∙√≈≤≥\xa0⌡°²·÷"
            "═║╒ё╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡Ё╢╣╤╥╦╧╨╩╪╫╬©"
            "юабцдефгхийклмнопярстужвьызшэщчъ"
            "ЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ"
        )
    if key == b"koi8u":
        return (
            "─│┌┐└┘├┤┬┴┼▀▄█▌▐░▒▓⌠■∙√≈≤≥\xa0⌡°²·÷"
            "═║╒ёє╔ії╗╘╙╚╛ґ╝╞╟╠╡ЁЄ╣ІЇ╦╧╨╩╪Ґ╬©"
            "юабцдефгхийклмнопярстужвьызшэщчъ"
            "ЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ"
        )
    if key == b"cp850":
        return (
            "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒ"
            "áíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐"
            "└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀"
            "ÓßÔÒõÕµþÞÚÛÙýÝ¯´\xad±‗¾¶§÷¸°¨·¹³²■\xa0"
        )
    return None
