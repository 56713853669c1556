"""What a request's media say of how its model is to work."""

from __future__ import annotations

import pytest

from seedbed import catalogue
from seedbed.dialects import _media
from seedbed.engines import Mode
from seedbed.errors import InvalidRequest
from seedbed.tasks import MediaRef

PICTURE = (MediaRef(url="https://example.com/a.png", role="first_frame", kind="image"),)


def only(*modes: Mode) -> catalogue.Model:
    model = catalogue.load().model[0]
    return model.model_copy(update={"credits_per_second": {mode: model.credits_per_second[mode] for mode in modes}})


def test_the_mode_is_that_of_the_media() -> None:
    assert _media.mode_of("media", (), only(*catalogue.MODES)) == "text_to_video"
    assert _media.mode_of("media", PICTURE, only(*catalogue.MODES)) == "image_to_video"


def test_a_model_that_does_not_work_so_says_what_it_needs() -> None:
    with pytest.raises(InvalidRequest, match=r"'media' must be left out: seedance-2.0 works from text alone"):
        _media.mode_of("media", PICTURE, only("text_to_video"))
    with pytest.raises(InvalidRequest, match=r"'media' is required by seedance-2.0"):
        _media.mode_of("media", (), only("image_to_video"))
