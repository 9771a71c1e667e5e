"""The ports that the firmware will listen on: found free, or chosen, before it starts.

The firmware cannot be told "any port": MicroPython on unix has no way to ask which one it got. So the host chooses, and
keeps the port until the firmware listens on it, so that no other program is given it in between.
"""

import socket
from types import TracebackType

from postino_tools.errors import CommandError


class PortReservation:
    """`numbers` are the wanted ports with every 0 replaced. CommandError when a wanted port is in use."""

    def __init__(self, host: str, wanted: dict[str, int]):
        self._held: list[socket.socket] = []
        self.numbers: dict[str, int] = {}
        try:
            for service, number in wanted.items():
                self.numbers[service] = _check(host, service, number) if number else self._choose(host, service)
        except CommandError:
            self.release()
            raise

    def _choose(self, host: str, service: str) -> int:
        holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._held.append(holder)
        try:
            # Bound without SO_REUSEADDR, so that the kernel gives the port to nobody else; then with it, so that the
            # firmware, which asks for it, can bind the same port. One of them only will listen.
            holder.bind((host, 0))
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        except OSError as error:
            raise _cannot_listen(host, service, 0, error) from None
        return holder.getsockname()[1]

    def release(self) -> None:
        for holder in self._held:
            holder.close()
        self._held.clear()

    def __enter__(self) -> "PortReservation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _check(host: str, service: str, number: int) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
            probe.listen(1)
        except OSError as error:
            raise _cannot_listen(host, service, number, error) from None
    return number


def _cannot_listen(host: str, service: str, number: int, error: OSError) -> CommandError:
    return CommandError(f"cannot listen on {host} port {number} for {service}: {error.strerror or error}")
