"""Every reply of an SMTP session, with its enhanced status code (RFC 2034, RFC 3463); service.py has the last words.

No reply repeats what the client sent: there is nothing to escape, and nothing can be injected. The greeting and the
replies to HELO and EHLO carry no enhanced code (RFC 2034 section 4).
"""

# Success
READY = b"220 %s ESMTP Postino\r\n"
HELLO = b"250 %s\r\n"
OK = b"250 2.0.0 OK\r\n"
SENDER_OK = b"250 2.1.0 Sender OK\r\n"
RECIPIENT_OK = b"250 2.1.5 Recipient OK\r\n"
DELIVERED = b"250 2.0.0 Delivered\r\n"
GOODBYE = b"221 2.0.0 Goodbye\r\n"
AUTHENTICATED = b"235 2.7.0 Authenticated\r\n"
# RFC 5321 section 3.5.3: who exists is not told, but mail may be tried.
WILL_TRY = b"252 2.0.0 Cannot verify, send the letter and see\r\n"
HELP = b"214-2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP AUTH QUIT\r\n214 2.0.0 Letters for local users only\r\n"
SEND_DATA = b"354 Send the letter, end with <CRLF>.<CRLF>\r\n"
# RFC 4954 section 4; the LOGIN prompts are "Username:" and "Password:", and clients compare them.
AUTH_CONTINUE = b"334 \r\n"
AUTH_USER_NAME = b"334 VXNlcm5hbWU6\r\n"
AUTH_PASSWORD = b"334 UGFzc3dvcmQ6\r\n"

# Goodbye from our side: the connection ends with it (RFC 5321 section 3.8)
STOPPING = b"421 4.3.2 Service closing, try again later\r\n"
TOO_MANY_ERRORS = b"421 4.7.0 Too many errors, closing\r\n"
TOO_MANY_UNKNOWN = b"421 4.7.0 Too many unknown recipients, closing\r\n"
NOT_HTTP = b"421 4.7.0 This is not a web server, closing\r\n"
# Postfix and Exim answer the same: what follows is a letter, not commands, so the connection cannot go on.
DATA_TOO_EARLY = b"554 5.5.0 Letter sent before the 354 reply, closing\r\n"

# Not now: the client tries again later
STORE_TROUBLE = b"451 4.3.0 Mail store not available, try again later\r\n"
RECIPIENT_FULL = b"452 4.2.2 Mailboxes of this user are full\r\n"
NO_ROOM = b"452 4.3.1 Mail store full, try again later\r\n"
TOO_MANY_RECIPIENTS = b"452 4.5.3 Too many recipients\r\n"

# Never like this
UNKNOWN_VERB = b"500 5.5.2 Unknown command\r\n"
LINE_TOO_LONG = b"500 5.5.2 Line too long\r\n"
AUTH_LINE_TOO_LONG = b"500 5.5.6 Line too long\r\n"
NOT_WELL_FORMED = b"501 5.5.2 Syntax error\r\n"
BAD_ARGUMENT = b"501 5.5.4 Wrong argument\r\n"
BAD_SENDER = b"501 5.1.7 Not a sender address\r\n"
BAD_RECIPIENT = b"501 5.1.3 Not a recipient address\r\n"
AUTH_CANCELLED = b"501 5.7.0 Authentication cancelled\r\n"
AUTH_MALFORMED = b"501 5.5.2 Not base64 of the right form\r\n"
NOT_OFFERED = b"502 5.5.1 Command not available\r\n"
HELLO_FIRST = b"503 5.5.1 Say EHLO first\r\n"
MAIL_FIRST = b"503 5.5.1 Say MAIL first\r\n"
RECIPIENT_FIRST = b"503 5.5.1 Say RCPT first\r\n"
ALREADY_IN_MAIL = b"503 5.5.1 MAIL was said already\r\n"
ALREADY_AUTHENTICATED = b"503 5.5.1 Authenticated already\r\n"
UNKNOWN_MECHANISM = b"504 5.5.4 Unknown mechanism\r\n"
WRONG_PASSWORD = b"535 5.7.8 Wrong user name or password\r\n"
# RFC 4954 section 6
ENCRYPTION_REQUIRED = b"538 5.7.11 Encryption required\r\n"
UNKNOWN_USER = b"550 5.1.1 No such user here\r\n"
NO_RELAY = b"550 5.7.1 Not a domain of this server, relaying denied\r\n"
TOO_BIG = b"552 5.3.4 Letter too big\r\n"
# RFC 6531 section 3.5: SMTPUTF8 is not offered, so addresses are ASCII.
NOT_ASCII = b"553 5.6.7 Addresses must be ASCII\r\n"
NO_VALID_RECIPIENTS = b"554 5.5.1 No valid recipients\r\n"
MAIL_LOOP = b"554 5.4.6 Mail loop: too many Received fields\r\n"
UNKNOWN_PARAMETER = b"555 5.5.4 Unknown parameter\r\n"
