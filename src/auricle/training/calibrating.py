"""What turns a bundle's similarities into probabilities, fitted on labelled sounds that were not trained on (``export.calibrate``)."""

from __future__ import annotations

import numpy as np

from auricle.data.manifest import open_audio
from auricle.errors import AudioError
from auricle.evaluation.labelled import is_fitted
from auricle.models.bundle import Bundle
from auricle.models.heads import Calibration
from auricle.models.two_towers import open_towers
from auricle.training.corpus import gather
from auricle.training.recipe import Recipe

FALSE_LABELS = 4  # a true one: the base rate that the probabilities assume is 1 in 5
BACKGROUND = 512  # sounds that similarities are standardised against
PLACE = ("export", "calibrate")


def calibrate(recipe: Recipe, bundle: Bundle) -> Calibration:
    """Fitted on half of the labels, chosen by name: whether it holds for others can be measured on the rest (``evaluation.calibrated``).

    Raises UsageError where the manifest has too little to fit on.
    """
    assert recipe.export.calibrate is not None
    corpus = gather(recipe, [recipe.export.calibrate], {"audio"}, PLACE)
    model = open_towers(bundle)
    fitted = [label for label in corpus.labels if is_fitted(label)]
    labels = fitted if len(fitted) > 1 else corpus.labels
    vectors, truth, open_ = [], [], []
    for entry in corpus:
        try:
            sound = open_audio(entry.item, entry.folder, rate=model.rate)
            vectors.append(model.embed_audio([sound])[0])
        except AudioError:
            continue
        truth.append([label in entry.texts.labels for label in labels])
        open_.append([label in entry.texts.perhaps for label in labels])
    if len(labels) < 2 or len(vectors) < 10:
        message = f"{len(vectors)} sounds of {len(labels)} labels are too few to calibrate on: at least 10 of 2 are needed."
        raise recipe.source.error(PLACE, message)
    true, unsure = np.array(truth), np.array(open_)
    rng = np.random.default_rng(recipe.seed)
    pairs = true.copy()
    for row, known in enumerate(true):
        wrong = np.flatnonzero(~known & ~unsure[row])
        pairs[row, rng.choice(wrong, min(len(wrong), FALSE_LABELS * max(1, int(known.sum()))), replace=False)] = True
    audio = np.stack(vectors)
    bank = audio[rng.permutation(len(audio))[:BACKGROUND]]
    name = recipe.export.calibrate
    sounds = f"{name.path} ({name.split or 'all'}): {len(audio)} sounds, {len(labels)} labels, base rate 1 in {FALSE_LABELS + 1}"
    return Calibration.fit(bank, audio, model.embed_text(labels), true, sounds=sounds, pairs=pairs)
