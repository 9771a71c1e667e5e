"""IMAP4rev1 (RFC 3501) with IDLE, UIDPLUS, MOVE and a few small extensions; `docs/imap.md` lists all of it.

`session` reads commands and finds the function for each in one table; the functions live in one module per family of
verbs. All are imported when the service starts: on a board without IMAP they take no heap.
`wire`, `sequence`, `utf7` and `view` are pure: they know neither sockets nor files.
"""
