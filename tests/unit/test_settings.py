"""The table of settings: every entry is whole, values are checked, and what is stored survives."""

import json

import pytest

from postino import settings
from postino_tools import settings_doc


def test_every_default_is_a_value_of_its_setting():
    for name, _, _, default, meaning in settings.TABLE:
        assert meaning.endswith(".")
        if default is not None:
            assert settings.check(name, default) == default


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("domain", "Office.LAN", "office.lan"),
        ("domain", "office.lan.", "office.lan"),
        ("hostname", "mail-2", "mail-2"),
        ("timezone", "-0330", "-0330"),
        ("max_message_size", "4096", 4096),
        ("cleartext_imap", "never", "never"),
        ("address", "192.168.1.20/24/192.168.1.1", "192.168.1.20/24/192.168.1.1"),
        ("address", "", ""),
        ("postmaster", "", ""),
    ],
)
def test_good_values(name, value, expected):
    assert settings.check(name, value) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("no_such_thing", "1"),
        ("domain", ""),
        ("domain", "office lan"),
        ("domain", "a..b"),
        ("domain", 7),
        ("hostname", "a.b"),
        ("hostname", "x" * 33),
        ("timezone", "0100"),
        ("timezone", "+2500"),
        ("timezone", "+²²²²"),
        ("max_recipients", "²"),
        ("max_recipients", "١"),
        ("max_recipients", ""),
        ("max_message_size", "0"),
        ("max_message_size", "-5"),
        ("max_message_size", "1e9"),
        ("max_message_size", "99999999999999999999"),
        ("cleartext_smtp", "perhaps"),
        ("address", "192.168.1.300/24/192.168.1.1"),
        ("address", "192.168.1.3"),
        ("address", "192.168.1.3/²/192.168.1.1"),
        ("ntp_server", "a" * 129),
        ("log_level", "loud\r\n"),
    ],
)
def test_bad_values(name, value):
    with pytest.raises(settings.SettingError):
        settings.check(name, value)


def test_stored_values_come_back_and_defaults_are_not_stored(tmp_path):
    path = str(tmp_path / "settings.json")
    settings.Settings(path).set({"domain": "example.test", "max_connections": "9"})
    again = settings.Settings(path)
    assert (again.get("domain"), again.get("max_connections")) == ("example.test", 9)
    assert json.loads((tmp_path / "settings.json").read_text()) == {"domain": "example.test", "max_connections": 9}
    assert again.get("hostname") == "postino"


def test_several_changes_are_all_or_none(tmp_path):
    path = str(tmp_path / "settings.json")
    there = settings.Settings(path)
    with pytest.raises(settings.SettingError):
        there.set({"domain": "example.test", "max_connections": "no"})
    assert there.get("domain") == "office.lan"
    assert not (tmp_path / "settings.json").exists()


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"domain": 5, "max_connections": 1000000}'])
def test_a_damaged_file_means_defaults(tmp_path, content):
    (tmp_path / "settings.json").write_text(content)
    there = settings.Settings(str(tmp_path / "settings.json"))
    assert there.get("domain") == "office.lan"
    assert there.get("max_connections") is None


def test_a_computed_default_gives_way_to_a_set_value(tmp_path):
    there = settings.Settings(str(tmp_path / "settings.json"))
    there.set_default("max_message_size", 500000)
    assert there.get("max_message_size") == 500000
    there.set({"max_message_size": 2048})
    assert there.get("max_message_size") == 2048


def test_the_page_of_settings_is_up_to_date():
    assert settings_doc.TARGET.read_text(encoding="utf-8") == settings_doc.render()


def test_a_damaged_file_gives_way_to_the_one_before_it(tmp_path):
    path = str(tmp_path / "settings.json")
    there = settings.Settings(path)
    there.set({"domain": "first.test"})
    there.set({"domain": "second.test"})
    assert not settings.Settings(path).damaged
    (tmp_path / "settings.json").write_bytes(b'{"domain": "sec\0nd.test"')
    again = settings.Settings(path)
    assert again.damaged
    assert again.get("domain") == "first.test"


def test_a_cut_between_the_two_renames_loses_nothing(tmp_path):
    path = str(tmp_path / "settings.json")
    there = settings.Settings(path)
    there.set({"domain": "first.test"})
    there.set({"domain": "second.test"})
    (tmp_path / "settings.json").unlink()
    again = settings.Settings(path)
    assert not again.damaged
    assert again.get("domain") == "first.test"


def test_without_a_file_nothing_is_damaged(tmp_path):
    assert not settings.Settings(str(tmp_path / "settings.json")).damaged
