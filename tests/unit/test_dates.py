"""Dates: compared with Python's datetime and email.utils."""

import contextlib
import datetime
import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postino import date_parser, dates

SECONDS = st.integers(0, 0xFFFFFFFF)
ZONES = st.integers(-14 * 60, 14 * 60)


def moment(seconds, minutes):
    zone = datetime.timezone(datetime.timedelta(minutes=minutes))
    return datetime.datetime.fromtimestamp(seconds, zone)


def test_every_day():
    day = datetime.date(1600, 1, 1)
    for number in range((datetime.date(2500, 1, 1) - day).days):
        date = day + datetime.timedelta(number)
        days = (date - datetime.date(1970, 1, 1)).days
        assert date_parser.days_from_civil(date.year, date.month, date.day) == days
        assert dates.civil_from_days(days) == (date.year, date.month, date.day)


@given(SECONDS, ZONES)
def test_written_dates(seconds, minutes):
    when = moment(seconds, minutes)
    assert dates.rfc5322(seconds, minutes) == email.utils.format_datetime(when).replace(", 0", ", ").encode()
    text = dates.imap(seconds, minutes)
    assert text == b"%2d" % when.day + when.strftime("-%b-%Y %H:%M:%S %z").encode()
    assert len(text) == 26
    assert date_parser.parse_imap(text) == seconds
    assert date_parser.parse_rfc5322(dates.rfc5322(seconds, minutes)) == seconds
    assert dates.day_of(seconds, minutes) == (when.date() - datetime.date(1970, 1, 1)).days
    assert date_parser.parse_rfc5322_day(dates.rfc5322(seconds, minutes)) == dates.day_of(seconds, minutes)
    assert date_parser.parse_zone(dates.zone(minutes)) == minutes


def test_examples():
    assert dates.rfc5322(1795522019, 0) == b"Tue, 24 Nov 2026 12:06:59 +0000"
    assert dates.imap(1795522019 - 20 * 86400, 60) == b" 4-Nov-2026 13:06:59 +0100"
    assert date_parser.parse_imap_day(b"24-Nov-2026") == 1795522019 // 86400
    assert date_parser.parse_imap_day(b'"4-nov-2026"') == 1795522019 // 86400 - 20


@pytest.mark.parametrize(
    "value",
    [
        b"Fri, 21 Nov 1997 09:55:06 -0600",
        b"21 Nov 1997 09:55:06 -0600",
        b"Fri, 21 Nov 1997 09:55:06 CST",
        b"Fri,21 Nov 97 09:55:06 -0600",
        b"21 Nov 97 09:55:06 -0600 (CST)",
        b"Friday, 21-Nov-97 15:55:06 GMT",
        b"Fri, 21 Nov 1997 15:55:06 UT",
        b"Fri Nov 21 15:55:06 1997",
        b"Fri, 21 Nov 1997 15:55:06",
        b"Fri, 21 NOV 1997 15:55:06 Z",
        b"Fri, 21 Nov 097 15:55:06 +0000",
        b"Fri (day), 21 Nov 1997 15:55:06 -0000",
    ],
)
def test_old_forms(value):
    assert date_parser.parse_rfc5322(value) == 880127706


def test_two_digit_years():
    assert dates.civil_from_days(date_parser.parse_rfc5322_day(b"1 Jan 49 00:00 +0000"))[0] == 2049
    assert dates.civil_from_days(date_parser.parse_rfc5322_day(b"1 Jan 50 00:00 +0000"))[0] == 1950


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"   ",
        b"yesterday",
        b"32 Nov 2026 00:00",
        b"29 Feb 2025 0:0",
        b"1 Foo 2026",
        b"Fri",
        b"1 Jan",
        b"1 Jan 2026 25:00",
        b"((((",
        b"\xff\xfe",
        b"Mon, x",
        b"1 anf 2026",
    ],
)
def test_no_dates(value):
    assert date_parser.parse_rfc5322(value) is None


@given(st.binary(max_size=60))
def test_any_octets(value):
    assert date_parser.parse_rfc5322(value) is None or isinstance(date_parser.parse_rfc5322(value), int)
    for parse in (date_parser.parse_imap, date_parser.parse_imap_day, date_parser.parse_zone):
        with contextlib.suppress(ValueError):
            assert isinstance(parse(value), int)


@given(SECONDS, ZONES)
def test_python_reads_and_writes_the_same(seconds, minutes):
    text = email.utils.format_datetime(moment(seconds, minutes))
    assert date_parser.parse_rfc5322(text.encode()) == seconds
    assert email.utils.parsedate_to_datetime(dates.rfc5322(seconds, minutes).decode()).timestamp() == seconds


@pytest.mark.parametrize(
    "value",
    [
        b"24-Nov-2026",
        b"24-Nov-2026 12:06 ",
        b"24-Nov-26 12:06:59 +0000",
        b"24-Nov-2026 12:06:59 GMT",
        b"31-Feb-2026 12:06:59 +0000",
        b"24-Nov-2026 12:06:59 +2400",
        b"0-Nov-2026 12:06:59 +0000",
    ],
)
def test_imap_is_strict(value):
    with pytest.raises(ValueError):
        date_parser.parse_imap(value)


def test_imap_dates_fit_the_store():
    assert date_parser.parse_imap(b" 1-Jan-1960 00:00:00 +0000") == 0
    assert date_parser.parse_imap(b" 1-Jan-2200 00:00:00 +0000") == 0xFFFFFFFF
    assert date_parser.parse_imap_day(b"1-Jan-1960") < 0
