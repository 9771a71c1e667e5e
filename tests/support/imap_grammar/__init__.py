"""A strict reader of what an IMAP server sends, and of what it may send when: nothing is forgiven.

`parse()` takes one response apart by the formal syntax of RFC 3501 and RFC 9051 (section 9 of both) and of the
extensions that Postino offers: RFC 2177, 2342, 2971, 3348, 3502, 3516, 4315, 4466, 4731, 5161, 5182, 5256, 5258, 5530,
5819, 6154, 6851, 6855, 7162, 7888, 7889, 8438, 8474, 8508, 8514, 8970, 9208. `Watch` follows a connection and holds
what must be true from one response to the next. Both raise GrammarError with position and reason.

It is stricter than the syntax where clients are: single blanks, none at the end of a line, text behind every condition,
no response code and no item that no RFC named here defines.

Why not a library: those on PyPI read what servers really send, and must not mind. IMAPClient and aioimaplib cut a
response into words and lists without knowing what belongs where, imaplib leaves even that to its caller. imap-codec
(0.1.0, bindings of a Rust crate that follows the syntax) is strict, and knows neither ESEARCH, VANISHED, extended LIST,
PREVIEW, SAVEDATE nor OBJECTID, and nothing of what holds from one response to the next.
"""

from tests.support.imap_grammar.reader import GrammarError
from tests.support.imap_grammar.responses import Code, Response, parse
from tests.support.imap_grammar.watch import Watch, failures

__all__ = ["Code", "GrammarError", "Response", "Watch", "failures", "parse"]
