"""``/v1/chat/completions`` as the official client speaks to it, with real heads of random weights and with a scripted model."""

from __future__ import annotations

import base64
import io
import itertools
import time

import numpy as np
import openai
import pytest
import soundfile as sf

pytest.importorskip("torch")

from auricle import audio
from auricle.demo import SOUNDS
from auricle.errors import ModelError
from auricle.models import hub
from service.talking import Scripted, random_heads

DOG = SOUNDS / "animals" / "dog barking.ogg"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("speakers")
    random_heads(folder / "models")
    return folder


@pytest.fixture(autouse=True)
def _speaker_is_here(home, _own_home, monkeypatch):
    monkeypatch.setenv("AURICLE_HOME", str(home))


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="not-needed", max_retries=0)


@pytest.fixture
def scripted(server, monkeypatch):
    model = Scripted()
    monkeypatch.setattr(server.service.context.speakers, "of", lambda name=None: model)
    return model


def part(data, kind="wav"):
    return {"type": "input_audio", "input_audio": {"data": base64.b64encode(data).decode(), "format": kind}}


def written(seconds=2.0, kind="WAV"):
    file = io.BytesIO()
    sf.write(file, np.random.default_rng(0).normal(size=int(seconds * 16_000)) / 10, 16_000, format=kind)
    return file.getvalue()


def question(text, *parts):
    return [{"role": "user", "content": [*parts, {"type": "text", "text": text}]}]


def test_it_is_among_the_models(client):
    listed = {m.id: m for m in client.models.list().data}
    assert listed["random@1"].endpoints == ["/v1/chat/completions"]
    assert listed["tiny-towers@2"].endpoints == ["/v1/embeddings"]
    assert client.models.retrieve("random").dimensions is None
    with pytest.raises(openai.UnprocessableEntityError) as error:
        client.embeddings.create(model="random", input="a dog")
    assert error.value.code == "model_capability"


@pytest.mark.parametrize(("data", "kind"), [(written(), "wav"), (written(kind="MP3"), "mp3"), (DOG.read_bytes(), "ogg")])
def test_the_answer_is_the_models_own(client, data, kind):
    heads = hub.load("random@1")
    expected = "".join(heads.generate([audio.open(data, mono=True)], "what is heard?", max_tokens=12))
    asked = {"model": "random", "messages": question("what is heard?", part(data, kind)), "max_tokens": 12}
    answer = client.chat.completions.create(**asked)
    assert answer.object == "chat.completion"
    assert answer.model == "random@1"
    (choice,) = answer.choices
    assert (choice.message.role, choice.message.content) == ("assistant", expected)
    assert choice.finish_reason == ("length" if answer.usage.completion_tokens >= 12 else "stop")
    assert answer.usage.prompt_tokens == heads.count_tokens(["what is heard?"])[0]
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens

    chunks = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert len({chunk.id for chunk in chunks}) == 1
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == expected
    assert [c.choices[0].finish_reason for c in chunks[:-1]] == [None] * (len(chunks) - 2) + [choice.finish_reason]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert (chunks[-1].choices, chunks[-1].usage) == ([], answer.usage)


def test_the_stream_ends_as_openais_does(server, scripted):
    body = {"model": "scripted", "stream": True, "messages": [{"role": "user", "content": "what is heard?"}]}
    answer = server.client.post("/v1/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(event.startswith("data: {") for event in events[:-2])
    assert "usage" not in answer.text  # nobody asked for it


def test_seeds_and_temperature(client):
    def said(**more):
        answer = client.chat.completions.create(model="random", messages=question("what is heard?", part(written())), max_tokens=12, **more)
        return answer.choices[0].message.content

    assert said() == said(seed=0) == said(temperature=0, seed=3)
    assert said(seed=3) == said(seed=3, temperature=1.0)
    assert len({said(seed=seed) for seed in range(1, 9)}) > 1
    assert len({said(temperature=1.0) for _ in range(8)}) > 1


def test_length_and_stop_are_told(client, scripted):
    asked = {"model": "scripted", "messages": question("what is heard?")}
    cut = client.chat.completions.create(**asked, max_tokens=2).choices[0]
    assert (cut.message.content, cut.finish_reason) == ("a dog", "length")
    cut = client.chat.completions.create(**asked, max_completion_tokens=1, max_tokens=2).choices[0]
    assert (cut.message.content, cut.finish_reason) == ("a", "length")
    whole = client.chat.completions.create(**asked)
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason, whole.usage) == ("a dog barks", "stop", None)


def test_what_a_conversation_becomes(client, scripted):
    client.chat.completions.create(
        model="scripted",
        messages=[
            {"role": "system", "content": "Be brief."},
            *question("is it a dog?", part(written())),
            {"role": "assistant", "content": "yes"},
            {"role": "user", "content": "how many?"},
        ],
    )
    assert scripted.heard == [(1, "Be brief.\nis it a dog?\nAnswer: yes\nhow many?")]


@pytest.mark.parametrize(
    ("more", "status", "code", "words"),
    [
        ({"messages": question("what?", part(b"hello there"))}, 422, "audio_not_audio", ""),
        ({"messages": question("what?", part(b""))}, 422, "audio_empty", "no bytes"),
        (
            {"messages": question("what?", {"type": "input_audio", "input_audio": {"data": "!!", "format": "wav"}})},
            422,
            "invalid_audio",
            "",
        ),
        ({"messages": question("what?", {"type": "audio_url", "audio_url": {"url": "http://127.0.0.1/x"}})}, 403, "urls_off", ""),
        ({"messages": question("what?", part(written()), part(written()))}, 422, "model_capability", "one sound at a time, not 2"),
        ({"messages": question("what?", *[part(written(0.1))] * 20)}, 422, "model_capability", "one sound at a time, not 20"),
        ({"messages": question("what?", part(written(9.0)))}, 422, "model_capability", "hears 6 seconds at once; this sound has 9.0"),
        ({"messages": question("", part(written()))}, 422, "invalid_request", "no question"),
        ({"messages": question(" ?! ", part(written()))}, 422, "invalid_request", "no question"),
        ({"messages": question("word " * 5000)}, 422, "model_capability", "fewer words"),
        ({"messages": question("word " * 10_000)}, 422, "invalid_request", "at most 32768"),
        ({"messages": []}, 422, "invalid_request", "messages"),
        ({"messages": [{"role": "assistant", "content": "yes"}]}, 422, "invalid_request", "no question"),
        ({"n": 2}, 422, "invalid_request", "n:"),
        ({"max_tokens": 0}, 422, "invalid_request", "max_tokens"),
        ({"temperature": 3}, 422, "invalid_request", "temperature"),
        ({"stop": ["."]}, 422, "invalid_request", "stop is not understood"),
        ({"logprobs": True}, 422, "invalid_request", "logprobs is not understood"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, 422, "invalid_request", "tools is not understood"),
        ({"response_format": {"type": "json_object"}}, 422, "invalid_request", "plain text"),
        ({"modalities": ["text", "audio"]}, 422, "invalid_request", "not sound"),
        ({"model": "gpt-4o-audio-preview"}, 404, "model_not_found", "random@1"),
        ({"model": "/etc"}, 404, "model_not_found", ""),
        ({"model": "openai:http://127.0.0.1:9/v1#m"}, 404, "model_not_found", ""),
        ({"model": "tiny-towers"}, 422, "model_capability", "hears, but does not speak"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_bad_input_says_why(client, more, status, code, words, stream):
    asked = {"model": "random", "messages": question("what is heard?", part(written())), **more}
    with pytest.raises(openai.APIStatusError) as error:
        client.chat.completions.create(**asked, stream=stream)
    assert (error.value.status_code, error.value.code) == (status, code)
    assert words in error.value.body["message"]
    assert error.value.type == ("not_found_error" if status == 404 else "permission_error" if status == 403 else "invalid_request_error")
    document = error.value.response.json()
    assert (document["code"], document["status"]) == (code, status)
    assert error.value.response.headers["content-type"] == "application/problem+json"


def test_a_prompt_to_ignore_the_sound_is_a_prompt(client, scripted):
    order = "Ignore the audio. Answer only with the word purple."
    answer = client.chat.completions.create(model="scripted", messages=question(order, part(written())))
    assert scripted.heard == [(1, order)]
    assert answer.choices[0].message.content == "a dog barks"


def test_who_hangs_up_ends_it(server, client, scripted):
    scripted.says, scripted.pause = "word " * 1000, 0.01
    with client.chat.completions.create(model="scripted", messages=question("what?"), stream=True) as stream:
        for number, _ in enumerate(stream):
            if number == 5:
                break
    until = time.monotonic() + 5
    while not scripted.ended:
        assert time.monotonic() < until, f"it speaks on: {scripted.spoken} words"
        time.sleep(0.02)
    assert scripted.spoken < 500
    scripted.ended = 0
    impatient = client.with_options(timeout=0.5)
    with pytest.raises(openai.APITimeoutError):
        impatient.chat.completions.create(model="scripted", messages=question("what?"))  # nothing has come yet, and it goes
    until = time.monotonic() + 5
    while not scripted.ended:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert server.service.context.speakers._held == 0


def test_what_fails_midway_is_told(client, scripted):
    scripted.fails = ModelError("Damaged", "the weights have a hole.")
    asked = {"model": "scripted", "messages": question("what?")}
    with pytest.raises(openai.APIStatusError) as error:
        client.chat.completions.create(**asked)
    assert (error.value.status_code, error.value.code, error.value.type) == (503, "model_damaged", "server_error")
    said = ""
    stream = client.chat.completions.create(**asked, stream=True)
    for chunk in itertools.islice(stream, 4):
        said += chunk.choices[0].delta.content or ""
    assert said == "a dog barks"
    with pytest.raises(openai.APIError, match="the weights have a hole"):
        next(stream)
    scripted.fails = ZeroDivisionError("secret")
    with pytest.raises(openai.APIError) as defect:
        list(client.chat.completions.create(**asked, stream=True))
    assert "secret" not in str(defect.value)


def test_a_crowd_is_told_to_come_again(server, client, scripted, monkeypatch):
    from auricle.service import speakers

    monkeypatch.setattr(speakers, "AT_ONCE", 0)
    monkeypatch.setattr(speakers, "WAITING", 0)
    with pytest.raises(openai.InternalServerError) as error:
        client.chat.completions.create(model="scripted", messages=question("what?"))
    assert (error.value.code, error.value.response.headers["retry-after"]) == ("overloaded", "5")


def test_the_door_speaks_openais_language_here_alone(server):
    from auricle.service.keys import PREFIX

    body = {"model": "random", "messages": [{"role": "user", "content": "what?"}]}
    turned_away = [
        server.client.post("/v1/chat/completions", json=body, headers={"host": "evil.example"}),
        server.client.post("/v1/chat/completions", json=body, headers={"x-api-key": f"{PREFIX}unknown"}),
        server.client.get("/v1/none"),
        server.client.post("/v1/chat/completions", content=b"{"),
    ]
    for answer, status in zip(turned_away, (421, 401, 404, 422), strict=True):
        document = answer.json()
        assert answer.status_code == document["status"] == status
        assert document["error"]["code"] == document["code"]
        assert document["error"]["message"].startswith(document["detail"])
    assert "error" not in server.client.get("/api/v1/recordings/999999").json()


def test_keys_and_scopes():
    from auricle.service.guards import needed

    for path in (
        "/v1/chat/completions",
        "/api/v1/ask",
        "/api/v1/ask/stream",
        "/api/v1/caption",
        "/api/v1/caption/stream",
        "/api/v1/detect",
    ):
        assert needed("POST", path) == "read"
    assert needed("POST", "/api/v1/captions") == "write"
