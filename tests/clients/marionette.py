"""Mozilla's Marionette protocol, as far as the tests of Thunderbird need it.

A message is its length in octets, a colon, and JSON. A command is [0, id, name, parameters], its answer
[1, id, error, result].
"""

import base64
import json
import socket
from pathlib import Path

# Seconds for one answer, and for a script: bounds, not measurements.
PATIENCE = 60
SCRIPT_PATIENCE = 45
# What a program may announce as the length of a message.
LONGEST = 64 * 1024 * 1024


class MarionetteError(AssertionError):
    """A command failed; the text is what the program answered."""


class Marionette:
    """A session in the chrome context: scripts see what the program's own code sees."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.file = self.socket.makefile("rb")
        self.number = 0
        greeting = self._read()
        assert greeting["marionetteProtocol"] == 3, greeting
        self.command("WebDriver:NewSession", {"capabilities": {}})
        self.command("Marionette:SetContext", {"value": "chrome"})
        self.command("WebDriver:SetTimeouts", {"script": SCRIPT_PATIENCE * 1000})

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def command(self, name: str, parameters: dict):
        """Sends a command; returns its result. Raises MarionetteError."""
        self.number += 1
        message = json.dumps([0, self.number, name, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        kind, number, error, result = self._read()
        assert (kind, number) == (1, self.number), (kind, number)
        if error is not None:
            raise MarionetteError(f"{name}: {error.get('message')}\n{error.get('stacktrace', '')[:2000]}")
        return result

    def _read(self):
        digits = b""
        while (digit := self.file.read(1)) != b":":
            if not digit.isdigit() or len(digits) > 9:
                raise MarionetteError(f"no message but {digits + digit!r}")
            digits += digit
        length = int(digits)
        assert length <= LONGEST, length
        message = self.file.read(length)
        if len(message) != length:
            raise MarionetteError("the program closed the connection")
        return json.loads(message)

    def run(self, script: str, *arguments: object):
        """Runs the body of an async function with `args`; returns its value, which must be JSON."""
        body = """
            const done = arguments[arguments.length - 1];
            const args = Array.from(arguments).slice(0, -1);
            (async () => {%s})().then(
                value => done({value: value === undefined ? null : value}),
                error => done({error: String(error) + "\\n" + (error && error.stack)})
            );
        """
        parameters = {"script": body % script, "args": list(arguments), "newSandbox": False, "sandbox": "system"}
        result = self.command("WebDriver:ExecuteAsyncScript", parameters)["value"]
        if result is None:
            raise MarionetteError("the program asked something in the middle of a script")
        if "error" in result:
            raise MarionetteError(result["error"])
        return result["value"]

    def window(self) -> str:
        """The handle of the window that scripts run in."""
        return self.command("WebDriver:GetWindowHandle", {})["value"]

    def windows(self) -> list[str]:
        """The handles of all windows."""
        return self.command("WebDriver:GetWindowHandles", {})

    def switch_to(self, handle: str) -> None:
        self.command("WebDriver:SwitchToWindow", {"handle": handle})

    def screenshot(self, path: Path) -> None:
        """Writes what the window shows as PNG."""
        shot = self.command("WebDriver:TakeScreenshot", {"full": True, "hash": False})["value"]
        path.write_bytes(base64.b64decode(shot))

    def quit(self) -> None:
        """Tells the program to end, and to save what it has to save."""
        self.command("Marionette:Quit", {"flags": ["eForceQuit"]})
        self.close()
