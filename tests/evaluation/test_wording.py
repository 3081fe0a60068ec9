"""Metrics of texts: golden values of the implementations that people use, and what must hold for any."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from auricle.errors import UsageError
from auricle.evaluation import wording
from auricle.evaluation.score import How, measured

GOLDEN = json.loads((Path(__file__).parent / "golden/wording.json").read_text("utf-8"))
CANDIDATES, REFERENCES = GOLDEN["candidates"], GOLDEN["references"]
IDS = [str(n) for n in range(len(CANDIDATES))]


@pytest.mark.parametrize("metric", ["CIDEr-D", "ROUGE-L"])
def test_as_coco_caption_has_it(metric):
    found = wording.of(metric)(CANDIDATES, REFERENCES)
    np.testing.assert_allclose(found.each, GOLDEN[metric], rtol=0, atol=1e-12)
    assert found.each.max() > 0.9
    assert found.each[4] == 0  # an empty text


@pytest.mark.parametrize("metric", ["BLEU-4", "WER"])
def test_of_a_corpus_as_the_package_has_it(metric):
    pytest.importorskip("sacrebleu" if metric == "BLEU-4" else "jiwer")
    sample = wording.of(metric)(CANDIDATES, REFERENCES).sample(IDS, IDS)
    assert sample.at(np.ones(len(IDS), np.int64)) == pytest.approx(GOLDEN[metric], abs=1e-12)
    twice = np.array([2] + [1] * (len(IDS) - 1))
    again = wording.of(metric)([CANDIDATES[0], *CANDIDATES], [REFERENCES[0], *REFERENCES])
    assert sample.at(twice) == pytest.approx(again.sample(["x", *IDS], ["x", *IDS]).at(np.ones(len(IDS) + 1, np.int64)), abs=1e-12)


def test_a_corpus_metric_has_an_interval():
    pytest.importorskip("sacrebleu")

    class Model:
        name = pipeline_id = "m"

    sample = wording.of("BLEU-4")(CANDIDATES, REFERENCES).sample(IDS, IDS)
    score = measured("captions BLEU-4", sample, How("captions", "x", "0", "BLEU-4"), Model(), rounds=100)
    assert score.low < score.value < score.high
    assert score.n == len(IDS)


def test_the_same_text_is_best_and_another_is_nothing():
    references = [["a dog barks in the rain"], ["a car starts and drives away"], ["birds sing at dawn in a wood"]]
    same = [texts[0].upper() + "." for texts in references]
    assert wording.cider_d(same, references) == pytest.approx([10, 10, 10])
    assert list(wording.cider_d(["zebra quagga"] * 3, references)) == [0, 0, 0]
    assert [wording.rouge_l(a, b) for a, b in zip(same, references, strict=True)] == [1, 1, 1]
    assert wording.rouge_l("the rain", references[0]) < 0.6
    assert list(wording.cider_d(["a dog"], [["a dog"]])) == [0]  # one item: nothing is rare


def test_repeating_a_rare_word_is_not_paid_for():
    references = [["a dog barks in the rain"], ["a car starts and drives away"], ["birds sing at dawn in a wood"]]
    once, often = (wording.cider_d([text, "", ""], references)[0] for text in ("barks", "barks barks barks barks barks barks"))
    assert often < once


def test_tokens():
    assert wording.tokens("A dog's High-pitched barks, 3 of them — “twice”…") == [
        "a",
        "dog's",
        "high-pitched",
        "barks",
        "3",
        "of",
        "them",
        "twice",
    ]
    assert wording.tokens("l’eau ﬁn") == ["l'eau", "fin"]
    assert wording.tokens("…") == []


def test_every_metric_says_how_it_was_computed():
    for metric, start in (("CIDEr-D", "cider-d|v1|tokenizer:words-1|"), ("ROUGE-L", "rouge-l|v1|tokenizer:words-1|")):
        assert wording.signature(metric).startswith(start)
    pytest.importorskip("sacrebleu")
    assert "|sacrebleu:" in wording.signature("BLEU-4")
    with pytest.raises(UsageError, match="no metric of texts 'SPICE'"):
        wording.signature("SPICE")
    with pytest.raises(UsageError, match="no metric of texts 'SPICE'"):
        wording.of("SPICE")
