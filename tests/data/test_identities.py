"""An upload is known however a set names it; what is no upload is none."""

from __future__ import annotations

import pytest

from auricle.data.identities import Identity, identities
from auricle.data.items import Item

SAME_SOUND = [
    Item("a", clip="freesound:100032"),
    Item("1-100032-A.wav"),  # ESC-50, ESC-10
    Item("b", audio="audio/1-100032-A-0.wav"),
    Item("c", audio="audio/fold1/100032-3-0-0.wav"),  # UrbanSound8K
    Item("d", audio="FSD50K.dev_audio/100032.wav"),
    Item("100032", set="fsd50k"),
    Item("e", source="https://freesound.org/people/someone/sounds/100032/"),
    Item("f", source="https://freesound.org/s/100032"),
    Item("g", extra={"href": "http://www.freesound.org/sounds/100032/"}),
]
SAME_VIDEO = [
    Item("a", clip="youtube:r1nicOVtvkQ", extra={"recording_start": "130"}),
    Item("r1nicOVtvkQ_130"),
    Item("b", audio="train/r1nicOVtvkQ_000130.mp4"),  # VGGSound
    Item("c", audio="r1nicOVtvkQ_130.000_140.000.wav"),
    Item("d", audio="shard.tar#Yr1nicOVtvkQ.wav", extra={"start_seconds": 130.0}),
    Item("e", source="https://www.youtube.com/watch?v=r1nicOVtvkQ&t=130"),
    Item("r1nicOVtvkQ_130000"),  # the strong labels of AudioSet: milliseconds
]
SAME_TRACK = [
    Item("a", clip="jamendo:1104214"),
    Item("track_1104214", set="mtg-jamendo"),
    Item("b", audio="jamendo/14/1104214.mp3"),
    Item("c", audio="jamendo/14/1104214.2min.mp3"),
    Item("d", source="https://www.jamendo.com/track/1104214/name"),
]


@pytest.mark.parametrize("item", SAME_SOUND, ids=lambda i: i.source or i.audio or i.clip or i.id)
def test_freesound(item):
    assert identities(item) == (Identity("freesound", "100032"),)


@pytest.mark.parametrize("item", SAME_VIDEO, ids=lambda i: i.source or i.audio or i.clip or i.id)
def test_youtube_with_its_second(item):
    assert identities(item) == (Identity("youtube", "r1nicOVtvkQ", 130.0),)


@pytest.mark.parametrize("item", SAME_TRACK, ids=lambda i: i.source or i.audio or i.clip or i.id)
def test_jamendo(item):
    assert identities(item) == (Identity("jamendo", "1104214"),)


def test_no_start_is_no_start():
    assert identities(Item("a", audio="Yr1nicOVtvkQ.wav")) == (Identity("youtube", "r1nicOVtvkQ"),)


def test_in_a_set_of_videos_any_eleven_signs_are_one():
    assert identities(Item("HiHatFoot-2", set="audiocaps")) == (Identity("youtube", "HiHatFoot-2"),)
    assert identities(Item("a", audio="vggsound/audio/aaaaaaaaaaa.wav")) == (Identity("youtube", "aaaaaaaaaaa"),)


@pytest.mark.parametrize(
    "item",
    [
        Item("Yellowhammer", audio="birds/Yellowhammer.wav"),  # a Y and eleven letters
        Item("thunderstorm", audio="a/thunderstor.wav"),
        Item("7", audio="speech/7.wav"),
        Item("0012", audio="14/214.mp3"),  # no word of Jamendo
        Item("hydrogen:Kit/HiHatFoot-2", audio="drums/HiHatFoot-2.flac"),
        Item("kit:Cowbell-Med", audio="drums/Cowbell-Med_1.flac"),
        Item("fsdd", clip="fsdd:7_jackson_32", source="package==1/sounds/12/"),
        Item("x", clip="tuxpaint-stamps-default:animals/frog"),
    ],
    ids=lambda i: i.id,
)
def test_what_is_no_upload(item):
    assert identities(item) == ()


def test_other_parts_of_a_video_are_apart():
    one = Identity("youtube", "r1nicOVtvkQ", 30.0)
    assert one.apart(Identity("youtube", "r1nicOVtvkQ", 40.0))
    assert not one.apart(Identity("youtube", "r1nicOVtvkQ", 35.0))
    assert not one.apart(Identity("youtube", "r1nicOVtvkQ"))
