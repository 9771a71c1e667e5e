"""The whole server under load: several protocols at once, many letters, many connections, memory failures."""
