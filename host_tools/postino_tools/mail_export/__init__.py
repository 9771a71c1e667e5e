"""Writes the mail of a store in forms that other programs read: Maildir++, mbox, and a JSON file with the rest.

names.py makes file names of mailbox names, maildir.py and mbox.py write one form each, lost.py what no mailbox holds;
exporter.py calls them and writes `postino.json`. dates.py has the form of the dates in it.
"""
