"""Every bad input is refused with its kind, one clear line and the way out; the odd but sound ones are heard."""

from __future__ import annotations

import numpy as np
import pytest

from auricle import audio
from auricle.errors import AudioError
from bad_audio import MAKERS, make_all


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    return make_all(tmp_path_factory.mktemp("bad"))


@pytest.mark.parametrize("name", MAKERS)
def test_refused_or_heard(bad, name):
    path, kind = bad[name]
    if kind is None:
        assert np.isfinite(audio.open(path).samples).all()
        return
    with pytest.raises(AudioError) as caught:
        audio.open(path)
    assert caught.value.kind == kind
    assert caught.value.hint
    assert len(str(caught.value).splitlines()) == 1


def test_a_library_meets_the_bomb_in_blocks(bad):
    """Streaming has no limit on seconds or bytes, but still one on expansion."""
    with pytest.raises(AudioError) as caught:
        for _ in audio.blocks(bad["bomb"].path):
            pass
    assert caught.value.kind == "TooLarge"
