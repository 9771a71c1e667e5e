"""What `postino sim` prints when it serves: where, for whom, and with `--demo` how to try it."""

import shutil

from postino_tools.sim_options import DEMO_USERS, SimOptions

NAMES = {"smtp": "SMTP", "pop3": "POP3", "imap": "IMAP"}


def lines(options: SimOptions, ports: dict[str, int], users: list[str] | None) -> list[str]:
    """The lines for the ports that are open. `users` are all there are, as far as the firmware told."""
    where = ", ".join(f"{NAMES.get(service, service)} {number}" for service, number in ports.items())
    names = users if users is not None else list(options.users)
    return [
        f"Postino serves on {options.host}: {where}",
        f"users: {', '.join(names) or 'none (make one with --user NAME:PASSWORD)'}",
        *(_demo_lines(options, ports) if options.demo else []),
    ]


def _demo_lines(options: SimOptions, ports: dict[str, int]) -> list[str]:
    domain = options.settings["domain"]
    first, second = DEMO_USERS[0][0], DEMO_USERS[1][0]
    passwords = ", ".join(f"{name} {options.users[name]}" for name, _ in DEMO_USERS)
    return [
        f"demo passwords: {passwords}",
        "",
        "Send a letter:" if shutil.which("swaks") else "Send a letter (first: apt-get install swaks):",
        f"  swaks --server {options.host}:{ports['smtp']} --from {second}@{domain} --to {first}@{domain}"
        " --header 'Subject: Hello' --body 'First mail.'",
        "Read it with any mail program, without encryption, password sent normally:",
        f"  POP3 {options.host} port {ports['pop3']} or IMAP {options.host} port {ports['imap']},"
        f" SMTP {options.host} port {ports['smtp']}, user {first}, password {options.users[first]}",
        "Ctrl-C ends it; letters stay in " + str(options.state / "flash.bin"),
    ]
