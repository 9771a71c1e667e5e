"""All that differs between boards and the simulator: one port module each, chosen here as `port`.

A port module (`esp32.py`, `unix.py`) has these names, and nothing else of it is used:

    start()                         before anything else
    mount_settings()                mounts `vfs` at "/"; calls `failed` when that cannot be done
    mount_mail(make_log)            mounts `mail` at "/mail" and returns its storage.Window, with a log device made by
                                    make_log(partition, first block, blocks), or without one; raises
                                    storage.MailNotMountable, having written nothing
    strap()                         {"settings": {name: value}, "users": [[name, record], ...]} to store now, or {}
    start_network(settings)         brings the network up, and the clock where that needs the network
    address()                       own IPv4 address as text
    ports()                         {service: port number to listen on}
    open_listener(number)           (non-blocking listening socket, its port); OSError
    accept(listener)                (non-blocking socket, peer address, peer port), or None when nobody waits
    limits()                        the limits.Limits in force
    connection_opened()             charges the limits; False: refuse this connection
    connection_closed(by_client)    gives back what connection_opened charged
    transfer_started(), transfer_ended()    around the time that a connection holds data in TCP's buffers
    session_started(service), session_ended()   around each session
    received(count)                 so many octets of a letter have come in
    clock()                         Unix time in whole seconds; 0 while it is not set; never goes back
    keep_clock()                    called each second: keeps the time over a loss of power
    console_stream()                stream of the serial console: pollable, `readinto` does not wait; or None
    console_write(line)             one line to the console
    ready(ports, users)             all listeners accept
    failed(message)                 the firmware cannot start, for the reason in this line
    delivered(total)                so many letters have been acknowledged since the start
    publish(open, total, delivered) present figures, right after a collection
    feed_watchdog()                 called a few times a second
    reset(), exit(status)
    STOP_WITHOUT_MAIL               True: do not serve when `mail` cannot be used
    STOP_WITHOUT_CONSOLE            True: stop when the console's stream ends
"""

import sys

if sys.platform == "esp32":
    from . import esp32 as port
else:
    from . import unix as port

__all__ = ("port",)
