"""Models of servers: a real server on this machine, which fails in the ways in which servers fail."""

from __future__ import annotations

import base64
import io
import time
import wave
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from auricle.audio.types import Audio
from auricle.errors import AudioError, ModelError, UsageError
from auricle.models import chat_server, hub, remote
from auricle.models.capabilities import Cut, GeneratesText, ScoresText

from .chatserver import Chat, chatting

KEY = "sk-a-very-secret-key"
TONE = Audio(np.sin(np.arange(44100, dtype=np.float32) / 9)[None] * np.float32(0.5), 44100, "tone.wav")


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    for name in (chat_server.KEY, chat_server.OTHER_KEY, chat_server.SECONDS, chat_server.REQUESTS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(chat_server.TIMEOUT, "10")
    monkeypatch.setattr(chat_server, "BACKOFF", 0.01)
    with chatting(Chat()) as running:
        yield running


def model(chat: Chat, name: str = "ears/one") -> Any:
    return hub.load(chat.name(name))


def answer(chat: Chat, **options: Any) -> list[str]:
    return list(model(chat).generate([TONE], "What is heard?", **options))


def failed(chat: Chat, **options: Any) -> ModelError:
    began = time.monotonic()
    with pytest.raises(ModelError) as caught:
        answer(chat, **options)
    assert time.monotonic() - began < 5.0
    assert "\n" not in str(caught.value)
    return caught.value


def test_what_is_sent_and_what_comes_back(chat: Chat) -> None:
    loaded = model(chat)
    assert isinstance(loaded, GeneratesText)
    assert isinstance(loaded, ScoresText)
    assert not chat.bodies  # nothing is asked before it is used
    assert list(loaded.generate([TONE, TONE], "What is heard?", seed=3, max_tokens=9)) == list(chat.words)
    (body,) = chat.bodies
    assert chat.paths == ["/v1/chat/completions"]
    assert (body["model"], body["max_tokens"], body["seed"], body["stream"]) == ("ears/one", 9, 3, True)
    (message,) = body["messages"]
    assert [part["type"] for part in message["content"]] == ["input_audio", "input_audio", "text"]
    assert message["content"][2]["text"] == "What is heard?"
    sound = message["content"][0]["input_audio"]
    assert sound["format"] == "wav"
    with wave.open(io.BytesIO(base64.b64decode(sound["data"]))) as wav:
        assert (wav.getnchannels(), wav.getframerate(), wav.getsampwidth(), wav.getnframes()) == (1, 16000, 2, 16000)
        samples = np.frombuffer(wav.readframes(16000), "<i2")
    np.testing.assert_allclose(np.abs(samples).max() / 32767, 0.5, atol=0.02)
    assert "Authorization" not in chat.headers[0]
    assert loaded.pipeline_id.startswith(loaded.name)


def test_without_sounds_and_at_seed_0(chat: Chat) -> None:
    list(model(chat).generate([], "Hello?"))
    assert chat.bodies[0]["messages"] == [{"role": "user", "content": "Hello?"}]
    assert chat.bodies[0]["temperature"] == 0.0


def test_an_answer_at_once_is_an_answer(chat: Chat) -> None:
    chat.script = ["whole"]
    assert answer(chat) == ["".join(chat.words)]


def test_a_cut_answer_says_so(chat: Chat) -> None:
    chat.end = "length"
    pieces = answer(chat, max_tokens=4)
    assert isinstance(pieces[-1], Cut)
    assert "".join(pieces) == "".join(chat.words)


def test_no_more_seconds_are_sent_than_allowed(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(chat_server.SECONDS, "0.25")
    loaded = model(chat)
    assert loaded.longest == 0.25
    list(loaded.generate([TONE], "?"))
    data = base64.b64decode(chat.bodies[0]["messages"][0]["content"][0]["input_audio"]["data"])
    assert len(data) == 44 + 2 * 4000


def test_a_question_about_too_much_sound_is_not_sent(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(chat_server.SECONDS, "0.25")
    list(model(chat).generate([TONE] * chat_server.SOUNDS, "?"))
    assert len(chat.bodies) == 1
    with pytest.raises(ModelError, match="more than the 2 s") as caught:
        model(chat).generate([TONE] * (chat_server.SOUNDS + 1), "?")
    assert chat_server.SECONDS in caught.value.hint
    assert len(chat.bodies) == 1


@pytest.mark.parametrize("samples", [np.zeros((1, 0)), np.full((1, 9), np.nan)])
def test_sounds_that_are_none_are_not_sent(chat: Chat, samples: Any) -> None:
    with pytest.raises(AudioError):
        model(chat).generate([Audio(samples, 16000)], "?")
    assert not chat.bodies


# ---------------------------------------------------------------------------------------------------------------- failures


def test_429_waits_as_long_as_it_is_told(chat: Chat) -> None:
    chat.script = [(429, {"Retry-After": "0.3"}, {"error": {"message": "slow down"}}), "well"]
    began = time.monotonic()
    assert answer(chat) == list(chat.words)
    assert time.monotonic() - began >= 0.3
    assert len(chat.bodies) == 2


def test_429_for_an_hour_is_told_at_once(chat: Chat) -> None:
    chat.script = [(429, {"Retry-After": "3600"}, {"error": {"message": "slow down"}})]
    assert "asks to wait 3600 s: slow down" in str(failed(chat))
    assert len(chat.bodies) == 1


def test_a_quota_that_is_spent_is_not_asked_again(chat: Chat) -> None:
    chat.script = [(429, {}, {"error": {"message": "You exceeded your current quota"}})]
    assert "quota" in str(failed(chat))
    assert len(chat.bodies) == 1


@pytest.mark.parametrize("step", [(500, {}, b"oops"), (503, {}, {"detail": "loading"}), "hang_up", "cut_before"])
def test_what_fails_once_is_asked_again(chat: Chat, step: Any) -> None:
    chat.script = [step, "well"]
    assert answer(chat) == list(chat.words)
    assert len(chat.bodies) == 2


def test_what_fails_for_ever_is_told(chat: Chat) -> None:
    chat.script = [(500, {}, {"error": "out of order"})]
    error = failed(chat)
    assert (error.kind, "answers 500: out of order" in str(error)) == ("Network", True)
    assert len(chat.bodies) == chat_server.ATTEMPTS


def test_a_stream_that_is_cut_is_no_answer(chat: Chat) -> None:
    chat.script = ["cut", "well"]
    pieces: list[str] = []
    with pytest.raises(ModelError, match="broke off in the middle"):
        pieces.extend(model(chat).generate([TONE], "?"))
    assert pieces == [chat.words[0]]
    assert len(chat.bodies) == 1  # words were given already: another answer could not go on from them


@pytest.mark.parametrize("step", ["nonsense", "page", (200, {}, {"choices": "none"}), (200, {}, [1]), (200, {}, b"")])
def test_nonsense_is_told_as_such(chat: Chat, step: Any) -> None:
    chat.script = [step]
    assert "does not answer like chat completions" in str(failed(chat))
    assert len(chat.bodies) == 1


@pytest.mark.parametrize(
    ("step", "words"),
    [("silent", "not answered in 0.4 s"), ("falls_silent", "fell silent for 0.4 s"), ("only_comments", "not answered in 0.4 s")],
)
def test_a_server_that_never_answers(chat: Chat, monkeypatch: pytest.MonkeyPatch, step: str, words: str) -> None:
    monkeypatch.setenv(chat_server.TIMEOUT, "0.4")
    chat.script = [step]
    error = failed(chat)
    assert words in str(error)
    assert chat_server.TIMEOUT in error.hint
    assert len(chat.bodies) == 1


def test_a_server_that_drips_is_left(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(chat_server.TIMEOUT, "0.4")
    monkeypatch.setattr(chat_server, "WHOLE", 2)
    chat.script = ["drips"]
    assert "took more than 0.8 s" in str(failed(chat))


def test_whoever_reads_may_take_their_time(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(chat_server.TIMEOUT, "0.4")
    chat.script = ["slowly"]
    pieces = model(chat).generate([TONE], "?")
    first = next(pieces)
    time.sleep(0.6)
    assert [first, *pieces] == list(chat.words)


def test_401_asks_for_a_key_and_403_refuses_it(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    chat.script = [(401, {}, {"error": {"message": f"Incorrect API key provided: {KEY}"}})]
    error = failed(chat)
    assert "wants a key (401)" in str(error)
    assert chat_server.KEY in error.hint
    monkeypatch.setenv(chat_server.OTHER_KEY, KEY)
    error = failed(chat)
    assert "refuses the key" in str(error)
    assert KEY not in str(error)
    assert len(chat.bodies) == 2


def test_the_key_is_sent_and_never_told(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(chat_server.OTHER_KEY, "another")
    monkeypatch.setenv(chat_server.KEY, KEY)
    chat.script = [(400, {}, {"error": {"message": f"bad request of {KEY}"}})]
    loaded = model(chat)
    with pytest.raises(ModelError, match="refuses this") as caught:
        list(loaded.generate([TONE], "?"))
    assert chat.headers[0]["Authorization"] == f"Bearer {KEY}"
    told = [str(caught.value), repr(loaded), repr(loaded._server), loaded.name, loaded.pipeline_id]
    assert not any(KEY in text for text in told)


def test_a_key_of_a_vendor_is_not_sent_in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(chat_server.KEY, raising=False)
    monkeypatch.setenv(chat_server.OTHER_KEY, KEY)
    keys = [chat_server.Address.parse(f"openai:{at}/v1#m").key() for at in ("http://box.lan", "https://box.lan", "http://127.0.0.1:8000")]
    assert keys == [None, KEY, KEY]
    monkeypatch.setenv(chat_server.KEY, "own")
    assert chat_server.Address.parse("openai:http://box.lan/v1#m").key() == "own"
    monkeypatch.setenv(chat_server.KEY, "own\r\nX: y")
    with pytest.raises(UsageError, match="characters that no key has"):
        chat_server.Address.parse("openai:http://box.lan/v1#m").key()


@pytest.mark.parametrize(
    ("step", "kind", "words"),
    [
        ((400, {}, {"error": {"message": "At most 0 audio(s) may be provided in one prompt."}}), "Unsupported", "At most 0 audio"),
        ((413, {}, {"detail": "too large"}), "Unsupported", "too large"),
        ((404, {}, {"error": {"message": "The model `x` does not exist."}}), "Missing", "does not exist"),
        ((302, {"Location": "http://elsewhere.example/"}, {}), "Network", "sends elsewhere"),
        ("gives_up", "Unsupported", "gave up: out of [31m memory"),
        ("huge", "Network", "far more than it was asked for"),
        ("huge_line", "Network", "far more than it was asked for"),
    ],
)
def test_refusals_are_told_in_a_line(chat: Chat, step: Any, kind: str, words: str) -> None:
    chat.script = [step]
    error = failed(chat, max_tokens=8)
    assert error.kind == kind
    assert words in str(error)
    assert "\x1b" not in str(error)


def test_an_answer_that_is_withheld(chat: Chat) -> None:
    chat.end = "content_filter"
    assert "withholds" in str(failed(chat))


def test_nobody_listens_there(chat: Chat) -> None:
    chat.address = "http://127.0.0.1:1"
    error = failed(chat)
    assert "cannot be reached" in str(error)


def test_the_requests_of_a_process_are_counted(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(chat_server.REQUESTS, "2")
    answer(chat)
    answer(chat)
    assert "was asked 2 times" in str(failed(chat))
    assert len(chat.bodies) == 2


# ---------------------------------------------------------------------------------------------------------------- choosing


def top(*odds: tuple[str, float]) -> dict[str, Any]:
    return {"content": [{"token": odds[0][0], "top_logprobs": [{"token": token, "logprob": value} for token, value in odds]}]}


def test_options_are_chosen_by_the_likelihood_of_their_letters(chat: Chat) -> None:
    chat.logprobs = top(("B", -0.5), (" B", -2.0), ("A", -1.5), ("The", -4.0))
    odds = model(chat).score([TONE], "Which?", ["a dog", "a cat", "a bell"])
    np.testing.assert_allclose(odds[:2], [-1.5, np.logaddexp(-0.5, -2.0)])
    assert odds[2] <= -4.0
    body = chat.bodies[0]
    assert (body["max_tokens"], body["logprobs"], body["top_logprobs"], body["stream"]) == (1, True, 20, False)
    assert body["messages"][0]["content"][1]["text"].endswith("A. a dog\nB. a cat\nC. a bell\nAnswer with the letter alone.")
    assert model(chat).score([TONE], "?", []).shape == (0,)


@pytest.mark.parametrize("given", [None, {}, {"content": []}, {"content": [{"token": "A"}]}, top(("The", -0.1))])
def test_a_server_without_log_probabilities_cannot_choose(chat: Chat, given: Any) -> None:
    chat.logprobs = given
    with pytest.raises(ModelError, match=r"tiny-heads") as caught:
        model(chat).score([TONE], "Which?", ["a dog", "a cat"])
    assert caught.value.kind == "Capability"


def test_too_many_options(chat: Chat) -> None:
    with pytest.raises(ModelError, match="up to 20 options"):
        model(chat).score([TONE], "Which?", [str(i) for i in range(21)])
    assert not chat.bodies


# ------------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name",
    [
        "openai:",
        "openai:gpt",
        "openai:http://host/v1",
        "openai:http://host/v1#",
        "openai:ftp://host/v1#m",
        "openai:http:///v1#m",
        "openai:http://host:port/v1#m",
        "openai:http://ho st/v1#m",
        "openai:http://host/v1#m\r\nX: y",
        f"openai:https://user:{KEY}@host/v1#m",
        f"openai:https://host/v1?api_key={KEY}#m",
        f"openai:https://host/v1#m?api_key={KEY}",
        f"openai:{KEY}",
        f"openai:https://host/v1/{KEY}",
    ],
)
def test_addresses_that_are_none(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        hub.load(name)
    assert KEY not in str(caught.value)
    assert caught.value.hint


def test_addresses() -> None:
    address = chat_server.Address.parse("openai:https://API.example:8443/v1/#org/model")
    assert (address.name, address.here) == ("openai:https://api.example:8443/v1#org/model", False)
    assert chat_server.Address.parse("openai:http://[::1]:80/v1#m").name == "openai:http://[::1]:80/v1#m"
    with pytest.raises(ModelError, match="no files here"):
        hub.resolve("openai:http://host/v1#m")


@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "inf"])
def test_settings_that_are_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(chat_server.TIMEOUT, value)
    with pytest.raises(UsageError, match=chat_server.TIMEOUT):
        remote.open_remote("openai:http://host/v1#m")


def test_a_date_to_wait_for() -> None:
    from email.utils import formatdate

    wait = chat_server._seconds(formatdate(time.time() + 20, usegmt=True))
    assert wait is not None
    assert 15 < wait < 21
    assert chat_server._seconds("soon") is None
