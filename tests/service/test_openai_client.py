"""``/v1`` as the official client speaks to it."""

from __future__ import annotations

import base64

import numpy as np
import openai
import pytest

import auricle
from auricle.demo import SOUNDS


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="not-needed", max_retries=0)


def sound(name):
    return {"type": "input_audio", "input_audio": {"data": base64.b64encode((SOUNDS / name).read_bytes()).decode(), "format": "flac"}}


def test_models(client):
    listed = client.models.list().data
    assert next(m.id for m in listed if "/v1/embeddings" in m.endpoints) == "tiny-towers@2"
    assert client.models.retrieve("tiny-towers").id == "tiny-towers@2"
    with pytest.raises(openai.NotFoundError) as missing:
        client.models.retrieve("gpt-4")
    assert missing.value.response.json()["code"] == "model_not_found"


def test_texts_are_those_of_the_library(client):
    texts = ["a dog barking", "rain on a tin roof"]
    answer = client.embeddings.create(model="tiny-towers", input=texts)
    got = np.array([d.embedding for d in answer.data])
    assert [d.index for d in answer.data] == [0, 1]
    assert np.abs(got - auricle.embed(texts)).max() < 1e-6
    assert answer.usage.prompt_tokens == answer.usage.total_tokens >= 8
    assert answer.model == "tiny-towers@2"


def test_base64_and_floats_agree(client):
    floats = client.embeddings.create(model="tiny-towers", input="thunder", encoding_format="float").data[0].embedding
    packed = client.embeddings.create(model="tiny-towers", input="thunder", encoding_format="base64").data[0].embedding
    unpacked = np.frombuffer(base64.b64decode(packed), "<f4") if isinstance(packed, str) else np.array(packed)
    assert np.abs(unpacked - np.array(floats)).max() < 1e-7


def test_dimensions_shorten_to_unit_norm(client):
    whole = np.array(client.embeddings.create(model="tiny-towers", input="thunder").data[0].embedding)
    short = np.array(client.embeddings.create(model="tiny-towers", input="thunder", dimensions=64).data[0].embedding)
    assert short.shape == (64,)
    assert short == pytest.approx(whole[:64] / np.linalg.norm(whole[:64]), abs=1e-6)
    with pytest.raises(openai.UnprocessableEntityError):
        client.embeddings.create(model="tiny-towers", input="thunder", dimensions=100_000)


def test_sounds_and_texts_share_a_space(client):
    inputs = [sound("animals/sheep.flac"), "a sheep bleating", "an electric guitar"]
    answer = client.embeddings.create(model="tiny-towers", input=inputs)
    heard, near, far = (np.array(d.embedding) for d in answer.data)
    assert np.linalg.norm(heard) == pytest.approx(1.0, abs=1e-5)
    assert heard @ near > heard @ far


def test_a_sound_is_the_mean_of_its_windows(client):
    path = SOUNDS / "weather" / "thunderstorm.opus"
    item = {"type": "audio_url", "audio_url": {"url": "data:audio/ogg;base64," + base64.b64encode(path.read_bytes()).decode()}}
    got = np.array(client.embeddings.create(model="tiny-towers", input=[item]).data[0].embedding)
    windows = auricle.embed(str(path))
    mean = windows.mean(axis=0)
    assert got @ (mean / np.linalg.norm(mean)) > 0.999


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([[1, 2, 3]], "invalid_request"),
        ([1, 2, 3], "invalid_request"),
        ([], "invalid_request"),
        ([{"type": "input_audio", "input_audio": {"data": "!!!", "format": "wav"}}], "invalid_audio"),
        ([{"type": "input_audio", "input_audio": {"data": "aGVsbG8=", "format": "wav"}}], "audio_not_audio"),
        ([{"type": "input_audio"}], "invalid_request"),
        ([{"type": "audio_url", "audio_url": {"url": "http://127.0.0.1/x.wav"}}], "urls_off"),
        ([{"type": "audio_url", "audio_url": {"url": "file:///etc/passwd"}}], "urls_off"),
    ],
)
def test_bad_input_says_why(client, given, code):
    with pytest.raises(openai.APIStatusError) as error:
        client.embeddings.create(model="tiny-towers", input=given)
    assert error.value.response.json()["code"] == code
    assert 400 <= error.value.status_code < 500
