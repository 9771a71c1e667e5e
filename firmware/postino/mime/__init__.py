"""Reading letters as they stream by: header fields, MIME structure, and the IMAP forms made from them.

Everything here is pure: blocks of octets are pushed in, results come out, and memory stays bounded whatever the octets
are. Broken mail never raises, it degrades. Nothing here does I/O or knows a protocol session.
"""
