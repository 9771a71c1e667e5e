"""The three machines that the client tests run on: the default heap, an office board and a drop board."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Configuration:
    """A machine: its board (None: 16 MB of flash, a heap of 112k), message size, and a large attachment for it."""

    name: str
    board: str | None
    max_message_size: int
    # The PDF is a third larger in base64 and has to fit `max_message_size`.
    attachment_size: int


# A 3 MB attachment in base64 is above the default limit, a third of the mail partition.
OFFICE_MESSAGE = 5 * 1024 * 1024
OFFICE_ATTACHMENT = 3 * 1024 * 1024
# Letters of up to 1 MB are what a drop board is for.
DROP_MESSAGE = 1024 * 1024
DROP_ATTACHMENT = 700 * 1024

CONFIGURATIONS = (
    Configuration("default", None, OFFICE_MESSAGE, OFFICE_ATTACHMENT),
    Configuration("waveshare", "waveshare_esp32_s3_eth", OFFICE_MESSAGE, OFFICE_ATTACHMENT),
    Configuration("olimex", "olimex_esp32_poe", DROP_MESSAGE, DROP_ATTACHMENT),
)
NAMES = tuple(configuration.name for configuration in CONFIGURATIONS)
