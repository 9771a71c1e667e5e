"""Thunderbird with a profile of its own, under Xvfb, driven by Marionette; screenshots are kept as test output.

It reaches nothing but the loopback: every host name is resolved to it, and whatever would call home is off.
"""

import contextlib
import json
import os
import signal
from pathlib import Path

from tests.clients.background import Background
from tests.clients.display import Display
from tests.clients.marionette import Marionette, MarionetteError

# Where the screenshots and the recorded conversations stay after the tests.
OUTPUT = Path(__file__).resolve().parents[2] / ".cache" / "thunderbird"
HELPERS = Path(__file__).with_name("thunderbird.js")
# The name of the server as a person would type it.
SERVER = "postino.office.lan"

PREFERENCES: dict[str, object] = {
    # A free port, which Thunderbird writes into its profile.
    "marionette.port": 0,
    # Nothing but the loopback.
    "network.dns.forceResolve": "127.0.0.1",
    "network.dns.disableIPv6": True,
    "network.proxy.type": 0,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "app.update.auto": False,
    "extensions.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "toolkit.telemetry.enabled": False,
    "mail.inappnotifications.enabled": False,
    # No pages and questions that have nothing to do with mail.
    "mailnews.start_page.enabled": False,
    "mail.shell.checkDefaultClient": False,
    "mail.rights.version": 1,
    "mail.spam.version": 1,
    "mail.biff.alert.show": False,
    "mail.biff.play_sound": False,
    # The password is remembered, which Marionette else prevents.
    "signon.rememberSignons": True,
    # It does not guess what is junk: that would set keywords at a moment of its own.
    "mail.server.default.spamLevel": 0,
    # Letters are written as plain text.
    "mail.identity.default.compose_html": False,
}


class Thunderbird:
    """The running program; `stop` and `start` again keep the profile."""

    def __init__(self, folder: Path, display: Display) -> None:
        self.folder = folder
        self.profile = folder / "profile"
        self.profile.mkdir()
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
        (self.profile / "user.js").write_text("\n".join(lines) + "\n")
        # No session bus: there is no desktop to talk to. Nothing of it outside its folder.
        self.environment = {
            "DISPLAY": display.name,
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            "NO_AT_BRIDGE": "1",
            "TMPDIR": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
        }
        self.program: Background | None = None
        self.marionette: Marionette | None = None
        self.screenshots = 0
        self.helpers = HELPERS.read_text()

    def start(self) -> None:
        port_file = self.profile / "MarionetteActivePort"
        port_file.unlink(missing_ok=True)
        arguments = ["thunderbird", "--profile", str(self.profile), "--no-remote"]
        self.program = Background(
            [*arguments, "--marionette", "--remote-allow-system-access"], self.folder, self.environment
        )
        self.program.__enter__()
        self.program.wait_for("its Marionette port", lambda: port_file.exists() and port_file.read_text().strip())
        self.marionette = Marionette(int(port_file.read_text()))

    def stop(self) -> None:
        """Ends it as its menu would; fails unless it ends with 0."""
        assert self.program is not None and self.marionette is not None
        self.marionette.quit()
        self.marionette = None
        assert self.program.wait() == 0, self.program.output()[-2000:]
        self.program = None

    def kill(self) -> None:
        """Ends it after something went wrong, with the processes that it started."""
        if self.marionette is not None:
            self.marionette.close()
        if self.program is not None:
            if self.program.process is not None and self.program.process.poll() is None:
                os.killpg(self.program.process.pid, signal.SIGKILL)
            self.program.__exit__()

    def run(self, script: str, *arguments: object):
        """Runs the body of an async function in the main window, which has `args` and the helpers.

        When it fails, what the window shows then is among the screenshots.
        """
        assert self.marionette is not None
        try:
            return self.marionette.run(self.helpers + script, *arguments)
        except MarionetteError:
            with contextlib.suppress(MarionetteError):
                self.screenshot("failed")
            raise

    def screenshot(self, name: str) -> None:
        """Keeps what the main window shows as `NUMBER-name.png`."""
        assert self.marionette is not None
        self.screenshots += 1
        self.marionette.screenshot(OUTPUT / f"{self.screenshots:02}-{name}.png")

    def screenshot_of_compose(self, name: str) -> None:
        """The same of the window that a letter is written in."""
        assert self.marionette is not None
        main, handles = self.marionette.window(), self.marionette.windows()
        [other] = [handle for handle in handles if handle != main]
        self.marionette.switch_to(other)
        self.screenshot(name)
        self.marionette.switch_to(main)

    # What a person does -----------------------------------------------------------------------------------------

    def set_up_account(self, name: str, address: str, password: str, imap_port: int, smtp_port: int) -> None:
        """Goes through the account hub: servers by hand, security and authentication found by probing."""
        self.run(
            """
            await page("emailAutoConfigSubview");
            await fill("#realName", args[0]);
            await fill("#email", args[1]);
            await press("#manualConfiguration");
            await page("emailIncomingConfigSubview");
            await fill("#incomingHostname", args[2]);
            await fill("#incomingPort", args[3]);
            """,
            name,
            address,
            SERVER,
            imap_port,
        )
        self.screenshot("incoming-server")
        self.run(
            """
            await press("#forward");
            await page("emailOutgoingConfigSubview");
            await fill("#outgoingHostname", args[0]);
            await fill("#outgoingPort", args[1]);
            await press("#custom");
            await until("the probing begins", () => hub().classList.contains("busy"));
            await page("emailOutgoingConfigSubview");
            """,
            SERVER,
            smtp_port,
        )
        self.screenshot("settings-found")
        self.run(
            """
            await press("#forward");
            await page("emailPasswordSubview");
            await fill("#password", args[0]);
            await press("#forward");
            await page("emailAddedSuccessSubview");
            """,
            password,
        )
        self.screenshot("account-added")
        self.run(
            """
            await press("#forward");
            await until("the account hub is closed", () => !hub()?.checkVisibility());
            """
        )

    def subjects(self) -> list[str]:
        """The list of letters as it is shown."""
        return self.run("return subjects();")

    def write(self, to: str, subject: str, text: str) -> None:
        """Opens a window to write in, and fills it."""
        self.run(
            """
            const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
            fields.to = args[0];
            fields.subject = args[1];
            const params = Cc["@mozilla.org/messengercompose/composeparams;1"]
                .createInstance(Ci.nsIMsgComposeParams);
            params.identity = account().defaultIdentity;
            params.composeFields = fields;
            params.format = Ci.nsIMsgCompFormat.PlainText;
            MailServices.compose.OpenComposeWindowWithParams(null, params);
            const compose = await composeReady();
            compose.GetCurrentEditor().insertText(args[2]);
            """,
            to,
            subject,
            text,
        )
