"""The everyday sounds that ``audio_describe`` chooses from when a recording speaks for itself."""

from __future__ import annotations

SOUNDS: dict[str, tuple[str, ...]] = {
    "people": (
        "man speaking", "woman speaking", "child speaking", "conversation", "whispering", "shouting", "laughter", "crying baby",
        "children playing", "coughing", "sneezing", "snoring", "breathing", "singing", "choir", "whistling", "crowd chatter",
        "cheering crowd", "applause", "footsteps", "eating", "heartbeat", "scream",
    ),
    "animals": (
        "dog barking", "cat meowing", "birds singing", "crow cawing", "owl hooting", "rooster crowing", "chickens clucking",
        "ducks quacking", "seagulls", "pigeon cooing", "horse neighing", "horse galloping", "cow mooing", "sheep bleating",
        "pig grunting", "lion roaring", "wolf howling", "monkey", "whale song", "frog croaking", "crickets chirping",
        "bees buzzing", "mosquito buzzing", "snake hissing",
    ),
    "nature": (
        "rain", "thunder", "wind", "running water", "water dripping", "sea waves", "fire crackling", "rustling leaves",
        "walking on snow", "rocks falling",
    ),
    "home": (
        "door opening or closing", "knocking on a door", "doorbell", "telephone ringing", "alarm clock", "clock ticking",
        "typing on a keyboard", "mouse click", "camera shutter", "vacuum cleaner", "washing machine", "hair dryer", "boiling kettle",
        "frying food", "dishes and cutlery", "toilet flushing", "water tap", "shower", "glass breaking", "paper rustling", "coins",
        "keys jingling", "zipper", "sweeping",
    ),
    "town and traffic": (
        "car passing", "car horn", "car starting", "truck", "motorcycle", "bus", "road traffic", "siren", "train passing",
        "train whistle", "underground train", "bicycle bell", "aeroplane", "helicopter", "boat engine", "ship horn", "church bells",
        "market or street crowd",
    ),
    "machines and tools": (
        "engine idling", "chainsaw", "saw", "drill", "hammering", "jackhammer", "sewing machine", "lawn mower", "printer",
        "air conditioner or fan", "electric hum", "static noise", "beep", "alarm", "gunshot", "explosion", "fireworks",
    ),
    "music": (
        "piano", "acoustic guitar", "electric guitar", "bass guitar", "drum kit", "hand drums", "cymbal", "violin", "cello", "harp",
        "flute", "clarinet", "saxophone", "trumpet", "organ", "accordion", "synthesizer", "orchestra", "jazz band", "rock music",
        "electronic music", "music",
    ),
}  # fmt: skip

LABELS: tuple[str, ...] = tuple(label for labels in SOUNDS.values() for label in labels)
