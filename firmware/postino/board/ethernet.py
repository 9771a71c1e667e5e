"""The Ethernet interface of an ESP32 board, made from the pins in its `board.toml`."""

import time

import machine
import network

# How long the link and DHCP may take before the services start without an address (they listen on all).
ADDRESS_TIMEOUT_MS = 30000
POLL_MS = 100
NO_ADDRESS = "0.0.0.0"


def make_interface(pins):
    """Returns the LAN interface for the `[ethernet]` table of a board; there can be one only."""
    options = {"phy_type": getattr(network, "PHY_" + pins["phy"]), "phy_addr": pins["phy_addr"]}
    if pins["interface"] == "spi":
        options["spi"] = machine.SPI(
            pins["spi"],
            sck=machine.Pin(pins["sck"]),
            mosi=machine.Pin(pins["mosi"]),
            miso=machine.Pin(pins["miso"]),
        )
        names = ("cs", "int", "reset")
    else:
        options["ref_clk_mode"] = machine.Pin.OUT if pins["ref_clk_mode"] == "out" else machine.Pin.IN
        names = ("mdc", "mdio", "ref_clk", "power", "reset")
    for name in names:
        if name in pins:
            options[name] = machine.Pin(pins[name])
    # The stubs declare network.LAN twice, once without these arguments.
    return network.LAN(**options)  # type: ignore


def bring_up(lan, hostname, fixed_address, wait):
    """Starts the interface and waits for an address; `wait` is called meanwhile. Returns the address or NO_ADDRESS.

    `fixed_address` is address/prefix/gateway, or empty for DHCP.
    """
    # DHCP announces the name, so it is set before the interface is active.
    network.hostname(hostname)
    lan.active(True)
    if fixed_address:
        host, prefix, gateway = fixed_address.split("/")
        lan.ipconfig(dhcp4=False)
        lan.ipconfig(addr4=host + "/" + prefix, gw4=gateway)
        # Small networks have their name server in the router.
        network.ipconfig(dns=gateway)
    start = time.ticks_ms()
    while own_address(lan) == NO_ADDRESS:
        if time.ticks_diff(time.ticks_ms(), start) > ADDRESS_TIMEOUT_MS:
            break
        wait()
        time.sleep_ms(POLL_MS)
    return own_address(lan)


def own_address(lan):
    """The interface's address. `isconnected` is not the truth before MicroPython 1.29."""
    return lan.ipconfig("addr4")[0]
