"""Stored passwords: the record of RFC 5803."""

import base64

import pytest

from postino_tools import scram


def test_record_of_the_example_in_rfc_7677():
    record = scram.derive_record("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert record == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
        "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


def test_salts_differ():
    assert scram.derive_record("x") != scram.derive_record("x")


@pytest.mark.parametrize("password", ["a b", "pässwörd", "пароль", 'q"\\:$', "密码"])
def test_ordinary_passwords_stay_as_they_are(password):
    assert scram.prepare(password) == password


@pytest.mark.parametrize("password", ["", "a\nb", "a\0", "\u00a0", "\ufb01", "a\u00adb", "e\u0301", "x" * 256])
def test_unusable_passwords_are_refused(password):
    with pytest.raises(scram.BadPassword):
        scram.prepare(password)
