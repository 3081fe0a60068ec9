"""Stand-ins of the field's sets: a few sounds under the names, in the folders and tables of the official release."""

from __future__ import annotations

import json

from datasounds import put, put_table


def audiocaps(top):
    head = ["audiocap_id", "youtube_id", "start_time", "caption"]
    put_table(top / "dataset/train.csv", head, [91139, "r1nicOVtvkQ", 130, "A woman talks nearby as water pours"])
    put_table(
        top / "dataset/val.csv", head, [97151, "vfY_TJq7n_U", 130, "Rustling occurs"], [97152, "vfY_TJq7n_U", 130, "Ducks quack, then"]
    )
    put_table(top / "dataset/test.csv", head, *([103541 + i, "7fmOlUlwoNg", 20, f"Constant rattling noise {'abcde'[i]}"] for i in range(5)))
    put(top / "train/r1nicOVtvkQ.wav")
    put(top / "val/vfY_TJq7n_U.wav")
    put(top / "test/7fmOlUlwoNg.wav")


def clotho(top):
    for split, name in (("development", "Distorted AM Radio noise.wav"), ("validation", "Café.wav"), ("evaluation", "Santa Motor.wav")):
        put(top / split / name)
        columns = [f"caption_{i}" for i in range(1, 6)]
        put_table(top / f"clotho_captions_{split}.csv", ["file_name", *columns], [name, *(f"A muddled noise number {i}" for i in "abcde")])
        head = ["file_name", "keywords", "sound_id", "sound_link", "start_end_samples", "manufacturer", "license"]
        facts = [
            name,
            "noise;radio",
            159200,
            "https://freesound.org/people/x/sounds/159200",
            "[0, 1]",
            "José",
            "http://creativecommons.org/licenses/by/3.0/",
        ]
        put_table(top / f"clotho_metadata_{split}.csv", head, facts, encoding="iso-8859-1")


def wavcaps(top):
    said = {"caption": "A dog is barking.", "audio": "wav_path", "duration": 10.0}
    fs = {
        **said,
        "title": "dog.wav",
        "description": "x",
        "author": "someone",
        "href": "/people/someone/sounds/180256/",
        "download_link": "",
        "file_name": "dog.wav",
    }
    files = {
        "AudioSet_SL/as_final.json": [{"id": "Yb0RFKhbpFJA.wav", **said}, {"id": "Y7fmOlUlwoNg.wav", **said}],
        "BBC_Sound_Effects/bbc_final.json": [{"id": "NHU05066033", **said, "description": "x", "category": "Nature", "download_link": ""}],
        "FreeSound/fsd_final.json": [{"id": "180256", **fs}, {"id": "159200", **fs}],
        "SoundBible/sb_final.json": [{"id": "2219", **said, "title": "Landing", "href": "2219-Airplane-Landing-Airport.html"}],
    }
    for name, data in files.items():
        path = top / "json_files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"num_captions_per_audio": 1, "data": data}))
        for entry in data:
            put(top / path.parent.name / (entry["id"].removesuffix(".wav") + ".flac"))
    (top / "json_files/blacklist").mkdir()
    lists = {"AudioSet": ["Y7fmOlUlwoNg.wav"], "FreeSound": ["159200"]}
    (top / "json_files/blacklist/blacklist_exclude_all_ac.json").write_text(json.dumps(lists))


def esc50(top):
    names = [
        ("1-100032-A-0.wav", 1, 0, "dog", True, 100032, "A"),
        ("5-9032-A-0.wav", 5, 0, "dog", True, 9032, "A"),
        ("1-137-A-32.wav", 1, 32, "keyboard_typing", False, 137, "A"),
    ]
    put_table(top / "meta/esc50.csv", ["filename", "fold", "target", "category", "esc10", "src_file", "take"], *names)
    for name, *_ in names:
        put(top / "audio" / name)


def urbansound8k(top):
    head = ["slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class"]
    lines = [
        ["100032-3-0-0.wav", 100032, 0.0, 0.317551, 1, 5, 3, "dog_bark"],
        ["100263-2-0-117.wav", 100263, 58.5, 62.5, 1, 5, 2, "children_playing"],
    ]
    put_table(top / "metadata/UrbanSound8K.csv", head, *lines)
    for line in lines:
        put(top / f"audio/fold{line[5]}" / line[0])


def fsd50k(top):
    put_table(top / "FSD50K.ground_truth/dev.csv", ["fname", "labels", "mids", "split"],
              [64760, "Electric_guitar,Guitar,Music", "/m/02sgy,/m/0342h,/m/04rlf", "train"],
              [21914, "Accelerating_and_revving_and_vroom", "/m/07q2z82", "val"])  # fmt: skip
    put_table(top / "FSD50K.ground_truth/eval.csv", ["fname", "labels", "mids"], [37199, "Electric_guitar,Guitar", "/m/02sgy,/m/0342h"])
    facts = {
        "title": "x",
        "description": "y",
        "tags": ["a"],
        "license": "http://creativecommons.org/licenses/by-nc/3.0/",
        "uploader": "someone",
    }
    (top / "FSD50K.metadata").mkdir()
    (top / "FSD50K.metadata/dev_clips_info_FSD50K.json").write_text(json.dumps({"64760": facts, "21914": facts}))
    for name in ("FSD50K.dev_audio/64760.wav", "FSD50K.dev_audio/21914.wav", "FSD50K.eval_audio/37199.wav"):
        put(top / name)


def desed(top):
    lines = [
        ["Y-0DLPzsiXE_30.000_40.000.wav", 0.2, 1.4, "Speech"],
        ["Y-0DLPzsiXE_30.000_40.000.wav", 0.5, 0.9, "Alarm_bell_ringing"],
        ["Y1kEmYfqPbGg_0.000_10.000.wav", 0.0, 1.5, "Vacuum_cleaner"],
        ["Y7fmOlUlwoNg_20.000_30.000.wav", "", "", ""],
    ]
    put_table(top / "metadata/eval/public.tsv", ["filename", "onset", "offset", "event_label"], *lines)
    for name in {line[0] for line in lines}:
        put(top / "audio/eval/public" / name, 2.0)


def speech_commands(top):
    for name in (
        "happy/3cfc6b3a_nohash_2.wav",
        "happy/0227998e_nohash_1.wav",
        "bed/c120e80e_nohash_8.wav",
        "_background_noise_/pink_noise.wav",
    ):
        put(top / name)
    (top / "validation_list.txt").write_text("happy/0227998e_nohash_1.wav\n")
    (top / "testing_list.txt").write_text("bed/c120e80e_nohash_8.wav\n")


def clothoaqa(top):
    for split, name in (("train", "Distorted AM Radio noise.wav"), ("val", "Café.wav"), ("test", "Santa Motor.wav")):
        put(top / "audio_files" / name)
        lines = [
            [name, "Is it a radio?", "yes", "yes"],
            [name, "Is it a radio?", "yes", "maybe"],
            [name, "Is it a radio?", "no", "no"],
            [name, "What is it?", "radio", "yes"],
        ]
        put_table(top / f"clotho_aqa_{split}.csv", ["file_name", "QuestionText", "answer", "confidence"], *lines)
    head = ["", "file_name", "keywords", "sound_link", "start_end_samples", "manufacturer", "license"]
    facts = [
        0,
        "Santa Motor.wav",
        "motor",
        "https://freesound.org/people/x/sounds/159200",
        "[0, 1]",
        "José",
        "http://creativecommons.org/publicdomain/zero/1.0/",
    ]
    put_table(top / "clotho_aqa_metadata.csv", head, facts, encoding="iso-8859-1")


def nsynth(top):
    for split in ("train", "valid", "test"):
        key = f"bass_electronic_{split}-060-100"
        put(top / f"nsynth-{split}/audio/{key}.wav")
        facts = {
            "instrument_family_str": "bass",
            "instrument_str": "bass_electronic_018",
            "instrument_source_str": "electronic",
            "pitch": 60,
            "velocity": 100,
            "qualities": [0, 1],
        }
        (top / f"nsynth-{split}/examples.json").write_text(json.dumps({key: facts}))


def mmau(top):
    questions = [
        ("3fe64f3d", "Based on the given audio, identify the source of the speaking voice.", ["Man", "Woman", "Child", "Robot"], "Man"),
        ("a2c53160", "What follows the bell?", ["Rain", "A door", "A dog", "Nothing"], "A door"),
    ]
    facts = {"dataset": "AudioSet", "task": "sound", "split": "test-mini", "category": "Reasoning", "difficulty": "medium"}
    listed = []
    for id, question, choices, answer in questions:
        put(top / f"test-mini-audios/{id}.wav")
        asked = {"id": id, "audio_id": f"./test-mini-audios/{id}.wav", "question": question, "choices": choices, "answer": answer}
        listed.append({**asked, **facts, "sub-category": "Acoustic Source Inference"})
    (top / "mmau-test-mini.json").write_text(json.dumps(listed))


def muchomusic(top):
    head = [
        "dataset",
        "dataset_identifier",
        "question",
        "correct_answer",
        "distractor_1_answer",
        "distractor_2_answer",
        "distractor_3_answer",
        "genre",
        "music_knowledge",
        "music_reasoning",
    ]
    wrong = ["Scat singing", "Four on the floor", "A choir"]
    put_table(
        top / "data/muchomusic.csv", head,
        ["sdd", "415600.json", "What rhythm do the drums follow?", "Off-beat", *wrong, "Reggae", "['rhythm']", "[]"],
        ["musiccaps", "-0Gj8-vB1q4_3.json", "What leads?", "A voice", *wrong, "Pop", "[]", "['mood']"],
        ["musiccaps", "-0Gj8-vB1q4_3.json", "Which mood is it?", "Calm", *wrong, "Pop", "[]", "['mood']"],
    )  # fmt: skip
    put_table(top / "data/sdd/song_describer.csv", ["caption_id", "track_id", "caption", "path"], [1, 415600, "A song", "00/415600.mp3"])
    put_table(top / "data/musiccaps/musiccaps-public.csv", ["ytid", "start_s", "end_s", "caption"], ["-0Gj8-vB1q4", 30, 40, "A song"])
    put(top / "data/sdd/audio/00/415600.2min.mp3")
    put(top / "data/musiccaps/audio/[-0Gj8-vB1q4]-[30-40].wav")


def compa_order(top):
    head = ["pair_caption", "reversed_pair_caption", "pair_file", "reversed_pair_file", "triplet_caption", "triplet_file"]
    put_table(
        top / "CompA_order/CompA_order_benchmark.csv", head,
        ["A dog barks, then a man talks", "A man talks, then a dog barks", "a.wav", "a_rev.wav",
         "A dog barks while a man talks", "a_trip.wav"],
        ["Rain, then thunder", "Thunder, then rain", "b.wav", "b_rev.wav", "-", "-"],
    )  # fmt: skip
    for name in ("a", "a_rev", "a_trip", "b", "b_rev"):
        put(top / f"CompA_order/CompA_order_files/{name}.wav")


def compa_attribute(top):
    head = ["pair_caption", "reversed_pair_caption", "pair_file", "reversed_pair_file", "pair_file.1", "reversed_pair_file.1"]
    put_table(
        top / "CompA_attribute/Compa-Attribute.csv", head,
        ["A man laughs and a baby cries", "A baby laughs and a man cries", "x7fmOlUlwoNg", "r1nicOVtvkQ", "1.wav", "1_rev.wav"],
    )  # fmt: skip
    for name in ("1", "1_rev"):
        put(top / f"CompA_attribute/CompA_attribute_files/{name}.wav")
