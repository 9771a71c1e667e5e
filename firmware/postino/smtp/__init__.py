"""SMTP receiver (RFC 5321): letters for local users come in here. Nothing is ever relayed.

`session` runs a connection and knows the verbs; `transaction` is MAIL and RCPT, `data` is DATA, `auth` is AUTH. What
they stand on is pure and has no input or output of its own: `paths` (addresses and parameters), `dot_reader` (the end
of the data), `trace` (the fields we add, and mail loops), `replies` (every line that we say).
"""
