"""What Postino says of letters that are broken in a way that no RFC has rules for: there it says more than Dovecot.

By letter and, within an envelope, by field: the address lists.
"""

from tests.differential.normalise import texts
from tests.differential.wire import values

_ANNA = b'((NIL NIL "anna" "office.lan"))'

_ADDRESSES = {
    # An address for a name; a URL for an address; an address in brackets; a bracket that is not closed.
    "address_twice": {
        "from": b'(("anna@office.lan" NIL "anna" "office.lan"))',
        "to": b'(("ben@office.lan" NIL "ben" "office.lan"))',
        "cc": b'((NIL NIL "[fred@office.lan]" ""))',
        "bcc": b'((NIL NIL "gerd" "[192.0.2.7"))',
    },
    # A comment that is not closed takes nothing with it.
    "comments_broken": {"from": _ANNA},
    # A group in a group, a semicolon for a comma.
    "groups_broken": {
        "to": b'((NIL NIL "Outer" NIL)(NIL NIL "a" "office.lan")(NIL NIL "b" "office.lan")(NIL NIL NIL NIL)'
        b'(NIL NIL "c" "office.lan"))',
        "cc": b'((NIL NIL "one" "office.lan")(NIL NIL "two" "office.lan")("Three" NIL "three" "office.lan"))',
    },
    # A dot at the end of a host.
    "odd_hosts": {
        "cc": b'((NIL NIL "hans" "office.lan.")(NIL NIL "ida" "-")("Jim.Name With.Dots" NIL "jim" "office.lan")'
        b'("K. L. M." NIL "klm" "office.lan"))',
    },
    "separated_by_semicolons": {
        "to": b'((NIL NIL "dora" "office.lan")(NIL NIL "emil" "office.lan"))',
        "cc": b"NIL",
    },
    # A host for an address, an empty route, a route that begins with a comma.
    "routes_broken": {
        "from": b'((NIL NIL "" "only.example"))',
        "to": b'((NIL "@" "dora" "office.lan"))',
        "cc": b'((NIL "@a.example" "emil" "office.lan"))',
    },
    # Marks that are not closed, or closed twice.
    "unbalanced": {
        "from": b'(("Anna" NIL "anna" "office.lan"))',
        "to": b'(("Ben" NIL "ben" "office.lan"))',
        "cc": b'((NIL NIL "emil" "office.lan"))',
        "bcc": b'(("Clara clara" NIL "" "")(NIL NIL "dora" "office.lan"))',
    },
    # Quoted and plain words with dots between them, which Dovecot takes for a name (RFC 5322 4.4, obs-local-part).
    "quoted_pieces": {
        "from": b'((NIL NIL ".empty" "office.lan"))',
        "to": b'((NIL NIL "first.second part.third" "office.lan"))',
        "cc": b'((NIL NIL "first.second" "office.lan")(NIL NIL "first.second" "office.lan"))',
    },
}

ADDRESSES = {
    letter: {field: texts(values(text))[0] for field, text in fields.items()} for letter, fields in _ADDRESSES.items()
}
