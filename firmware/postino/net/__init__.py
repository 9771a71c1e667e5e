"""Connections and listeners: bounded reading, coalesced writing, deadlines and caps. Nothing here knows mail."""
