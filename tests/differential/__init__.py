"""Postino beside Dovecot: the same letters, the same commands, equal answers. README.md says how it is made."""
