"""POP3 server (RFC 1939): mail comes down to one computer, a copy may stay here. It sees the INBOX.

`session` runs a connection and knows the verbs; `maildrop` is the INBOX as it was at login, with the marks of DELE and
the exclusive lock; `transfer` sends letters (RETR and TOP) and holds the pure machines for it.

Reading by POP3 changes no flags: a letter that a program has fetched has not been seen by anybody yet, and the IMAP
clients of the same user keep their own account of that.
"""
