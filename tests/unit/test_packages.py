"""Packages that set-up installs: what is missing is named or installed, and no service starts with it."""

import os
import subprocess

import pytest

from postino_tools import packages

# Stands in for apt-get: asks the policy as Debian's tools do, and notes its answer and what it was asked to do.
APT_GET = """#!/bin/sh
status=none
if test -x {policy}; then {policy} dovecot start; status=$?; fi
echo "$1 $status" >> {notes}
exit {end}
"""


@pytest.fixture
def policy(tmp_path, monkeypatch):
    """A policy file that is not the machine's."""
    path = tmp_path / "policy-rc.d"
    monkeypatch.setattr(packages, "POLICY", path)
    return path


@pytest.fixture
def apt_get(tmp_path, policy, monkeypatch):
    """Puts an apt-get on PATH that ends with the given status; returns what it noted."""
    folder = tmp_path / "bin"
    folder.mkdir()
    notes = tmp_path / "notes"

    def place(end: int = 0):
        script = folder / "apt-get"
        script.write_text(APT_GET.format(policy=policy, notes=notes, end=end))
        script.chmod(0o755)
        return lambda: notes.read_text().splitlines()

    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return place


def test_no_service_starts_while_packages_are_installed(policy, apt_get):
    notes = apt_get()
    packages.install(["dovecot-imapd"])
    assert notes() == ["update 101", "install 101"]
    assert not policy.exists()


def test_the_policy_of_the_administrator_is_put_back(policy, apt_get):
    own = "#!/bin/sh\nexit 0\n"
    policy.write_text(own)
    policy.chmod(0o755)
    notes = apt_get()
    packages.install(["dovecot-imapd"])
    assert notes() == ["update 101", "install 101"]
    assert policy.read_text() == own
    assert [path.name for path in policy.parent.glob("policy-rc.d*")] == ["policy-rc.d"]


def test_the_policy_goes_when_the_packages_cannot_be_installed(policy, apt_get):
    apt_get(100)
    with pytest.raises(packages.PackagesMissing, match="cannot install dovecot-imapd: apt-get failed"):
        packages.install(["dovecot-imapd"])
    assert not policy.exists()


def test_what_a_killed_set_up_left_behind_forbids_nothing(policy):
    own = "#!/bin/sh\nexit 7\n"
    policy.write_text(own)
    # A process that has ended: its number is not in use.
    ended = subprocess.Popen(["true"])
    ended.wait()
    with packages.services_held():
        left = policy.read_text().replace(str(os.getpid()), str(ended.pid))
        policy.write_text(left)
        policy.chmod(0o755)
        assert subprocess.run([policy, "dovecot", "start"], check=False).returncode == 0
    assert policy.read_text() == own


def test_a_policy_left_behind_is_not_taken_for_the_administrators(policy):
    policy.write_text(packages.POLICY_TEXT.format(mark=packages.POLICY_MARK, pid=1))
    with packages.services_held():
        assert str(os.getpid()) in policy.read_text()
    assert not policy.exists()


def test_a_server_is_found_beside_path(tmp_path, monkeypatch):
    program = tmp_path / "served"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", "/nonexistent")
    assert packages.find("served") is None
    monkeypatch.setattr(packages, "SYSTEM_FOLDERS", (str(tmp_path),))
    assert packages.find("served") == str(program)
    assert packages.main(["served=no-such-package"]) == 0


def test_what_is_missing_is_named_to_users(monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert packages.main(["no-such-command=some-package"]) == 1
    assert capsys.readouterr().err == "missing Debian packages, install them with: apt-get install some-package\n"
