"""The admin's verbs: one JSON object in, one out, a line each, on the board's serial console.

{"verb": "status"} answers {"ok": true, ...}; what cannot be done answers {"ok": false, "error": "..."}.
"""

import json

from . import VERSION
from .net.waiting import until_ready

# Longest line taken, in octets. A longer one is read to its end and refused.
MAX_LINE = 2048


def _status(server, request):
    return {
        "version": VERSION,
        "sessions": len(server.connections.open),
        "letters": server.letters,
        "users": server.users.names(),
        "free": server.store.free_bytes(),
        "capacity": server.store.capacity_bytes(),
    }


def _stats(server, request):
    server.publish()
    return {}


def _stop(server, request):
    server.stop_requested.set()
    return {}


def _get(server, request):
    name = request.get("name", "")
    return {"name": name, "value": server.settings.get(name)}


def _set(server, request):
    server.settings.set({request.get("name", ""): request.get("value")})
    return {}


def _user(server, request):
    name = request.get("name", "")
    server.users.set([(name, request.get("credential", ""))])
    server.store.ensure_user(name)
    return {}


def _retention(server, request):
    days, letters = request.get("days", 0), request.get("letters", 0)
    if not isinstance(days, int) or not isinstance(letters, int):
        raise ValueError("days and letters are numbers")
    server.store.set_retention(request.get("name", ""), request.get("mailbox", ""), days, letters)
    return {}


_VERBS = {
    "status": _status,
    "stats": _stats,
    "stop": _stop,
    "get": _get,
    "set": _set,
    "user": _user,
    "retention": _retention,
}


def answer(server, line):
    """Carries out one request line (bytes or str) and returns the reply as a dict; never raises but MemoryError."""
    try:
        request = json.loads(line)
        verb = _VERBS.get(request.get("verb"))
        if verb is None:
            return {"ok": False, "error": "verbs: " + " ".join(sorted(_VERBS))}
        reply = verb(server, request)
        reply["ok"] = True
        return reply
    except MemoryError:
        raise
    except OSError as error:
        return {"ok": False, "error": "cannot be stored (%s)" % error}
    except Exception as error:
        # A request that is none, a value that cannot be, or a store that is not there: the console goes on.
        return {"ok": False, "error": str(error) or "not a request"}


async def serve(server, stream, write_line):
    """Reads requests from `stream` (non-blocking, pollable) until its end; `write_line` takes each reply."""
    line = bytearray()
    block = bytearray(128)
    too_long = False
    while True:
        await until_ready(stream)  # type: ignore[misc]
        count = stream.readinto(block)
        if count is None:
            continue
        if count == 0:
            return
        for index in range(count):
            octet = block[index]
            if octet != 10:
                too_long = too_long or len(line) >= MAX_LINE
                if not too_long:
                    line.append(octet)
                continue
            reply = {"ok": False, "error": "line too long"} if too_long else answer(server, bytes(line))
            write_line(json.dumps(reply))
            line = bytearray()
            too_long = False
