"""What is no store of ours, or a damaged one, is refused and not touched."""

import pytest

from tests.crash import refusal

IMAGES = list(refusal.damaged(refusal.store_with_letters()))


@pytest.mark.parametrize(("what", "image"), IMAGES, ids=[what for what, _ in IMAGES])
def test_refused_and_not_touched(what: str, image: bytes) -> None:
    refusal.check_refused(what, image)
