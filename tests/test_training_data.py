"""Data sets of ``dstft train``: how their clips, labels and parts are found, and what is refused."""

from collections import Counter

import numpy as np
import pytest
import soundfile

from dstft_cli import InputError, load_config
from dstft_cli.training.dataset.clips import load_clips
from dstft_cli.training.dataset.examples import PARTS, TEST, TRAIN, VALIDATION, Example
from dstft_cli.training.dataset.find_examples import find_examples
from dstft_cli.training.dataset.splits import assign_parts

RATE = 2000


def write(path, samples=64, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.sin(0.3 * np.arange(samples)) / 2, rate, subtype="PCM_16")
    return path


def seen(examples):
    return {(one.name, one.label, one.part, one.fold, one.group) for one in examples}


class TestFinding:
    def test_reads_a_folder_for_each_class(self, tmp_path):
        for name in ("cat/a.wav", "cat/deeper/b.flac", "dog/a.wav", "_background_noise_/c.wav", ".git/d.wav"):
            write(tmp_path / name)
        (tmp_path / "dog" / "readme.md").write_text("no recording")
        examples, words = find_examples(tmp_path)
        assert seen(examples) == {(n, n[:3], "", "", "") for n in ("cat/a.wav", "cat/deeper/b.flac", "dog/a.wav")}
        assert "folders" in words

    def test_reads_the_lists_of_speech_commands(self, tmp_path):
        for name in ("yes/a.wav", "yes/b.wav", "no/a.wav", "no/b.wav"):
            write(tmp_path / name)
        (tmp_path / "testing_list.txt").write_text("yes/a.wav\n")
        (tmp_path / "validation_list.txt").write_text("no/b.wav\n\n")
        parts = {one.name: one.part for one in find_examples(tmp_path)[0]}
        assert parts == {"yes/a.wav": TEST, "no/b.wav": VALIDATION, "yes/b.wav": TRAIN, "no/a.wav": TRAIN}
        (tmp_path / "testing_list.txt").write_text("yes/gone.wav\n")
        with pytest.raises(InputError, match="gone"):
            find_examples(tmp_path)

    def test_reads_an_audio_folder_with_its_parts(self, tmp_path):
        for part in ("train", "test"):
            write(tmp_path / part / "1.wav")
            (tmp_path / part / "metadata.csv").write_text("file_name,label\n1.wav,owl\n")
        assert {(one.name, one.label, one.part) for one in find_examples(tmp_path)[0]} == {
            ("train/1.wav", "owl", TRAIN),
            ("test/1.wav", "owl", TEST),
        }

    def test_reads_the_tables_of_esc50_and_urbansound8k_as_they_are(self, tmp_path):
        write(tmp_path / "esc/audio/1-100032-A-0.wav")
        table = tmp_path / "esc/meta/esc50.csv"
        table.parent.mkdir()
        table.write_text("filename,fold,target,category,esc10,src_file,take\n1-100032-A-0.wav,1,0,dog,True,100032,A\n")
        (one,) = find_examples(table)[0]
        assert (one.label, one.fold, one.group) == ("dog", "1", "100032")
        write(tmp_path / "us/audio/fold5/100032-3-0-0.wav")
        table = tmp_path / "us/metadata/UrbanSound8K.csv"
        table.parent.mkdir()
        table.write_text(
            "slice_file_name,fsID,start,end,salience,fold,classID,class\n100032-3-0-0.wav,100032,0.0,0.3,1,5,3,dog_bark\n"
        )
        (one,) = find_examples(table)[0]
        assert (one.label, one.fold, one.group) == ("dog_bark", "5", "100032")

    def test_reads_labels_and_groups_from_names(self, tmp_path):
        write(tmp_path / "7_theo_12.wav")
        assert seen(find_examples(tmp_path, r"(?P<label>\d)_(?P<group>\w+)_")[0]) == {
            ("7_theo_12.wav", "7", "", "", "theo")
        }
        with pytest.raises(InputError, match=r"7_theo_12\.wav.*does not match"):
            find_examples(tmp_path, r"x(?P<label>\d)")
        with pytest.raises(InputError, match="no group"):
            find_examples(tmp_path, r"\d")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("path,label\na.wav,x\ngone.wav,y\n", "line 3.*gone.wav"),
            ("path,label\na.wav\n", "line 2: 1 values for 2"),
            ("path,label\na.wav,\n", "line 2.*'label' is empty"),
            ("path,kind\na.wav,x\n", "--label-column"),
            ("path,label,split\na.wav,x,often\n", "line 2: split 'often'"),
            ("path,label\n", "no rows"),
            ("", "empty"),
        ],
    )
    def test_refuses_a_table_and_names_the_line(self, tmp_path, text, words):
        write(tmp_path / "a.wav")
        (tmp_path / "clips.csv").write_text(text)
        with pytest.raises(InputError, match=words):
            find_examples(tmp_path / "clips.csv")

    def test_a_column_can_be_named(self, tmp_path):
        write(tmp_path / "a.wav")
        (tmp_path / "clips.csv").write_text("path;kind\na.wav;x\n")
        assert find_examples(tmp_path / "clips.csv", label_column="kind")[0][0].label == "x"


def clips_of(count, label=lambda i: str(i % 3), group=lambda i: "", **more):
    return [Example(f"{i}.wav", f"{i}.wav", label(i), group=group(i), **more) for i in range(count)]


class TestSplits:
    def test_are_tenths_with_every_class_in_each(self):
        examples = clips_of(300)
        parts = assign_parts(examples, 0)
        assert Counter(parts) == {TRAIN: 240, VALIDATION: 30, TEST: 30}
        for part in PARTS:
            shares = Counter(one.label for one, own in zip(examples, parts, strict=True) if own == part)
            assert len(set(shares.values())) == 1

    def test_repeat_for_a_seed_and_differ_between_seeds(self):
        examples = clips_of(60)
        assert assign_parts(examples, 3) == assign_parts(examples, 3) != assign_parts(examples, 4)

    def test_never_part_a_group(self):
        examples = clips_of(240, group=lambda i: f"speaker {i // 3 % 6}")
        for seed in range(5):
            where = {(one.group, part) for one, part in zip(examples, assign_parts(examples, seed), strict=True)}
            assert len(where) == 6 and {part for _, part in where} == set(PARTS)

    def test_keep_what_is_given_and_add_validation(self):
        examples = [Example(f"{i}", f"{i}", str(i % 2), part=TEST if i < 10 else TRAIN, group="") for i in range(50)]
        parts = assign_parts(examples, 0)
        assert parts[:10] == [TEST] * 10 and Counter(parts[10:]) == {TRAIN: 36, VALIDATION: 4}

    def test_rotate_folds(self):
        examples = [Example(f"{i}", f"{i}", str(i % 2), fold=str(i // 10 + 1)) for i in range(30)]
        for seed in range(4):
            parts = assign_parts(examples, seed)
            tested = {one.fold for one, part in zip(examples, parts, strict=True) if part == TEST}
            assert tested == {str(seed % 3 + 1)} and Counter(parts)[VALIDATION] == 10

    @pytest.mark.parametrize(
        ("examples", "words"),
        [
            (clips_of(9, label=lambda i: "rare" if i == 0 else "often"), "class 'rare' has 1 clip;"),
            (clips_of(30, group=lambda i: f"{i % 2}"), "class '0' has 2 groups"),
            (clips_of(9, part=TRAIN), "no clip is in the part test"),
            (clips_of(9, fold="1"), "at least two folds"),
        ],
    )
    def test_refuse_what_leaves_a_part_without_a_class(self, examples, words):
        with pytest.raises(InputError, match=words):
            assign_parts(examples, 0)


class TestClips:
    def test_are_padded_and_their_lengths_known(self, tmp_path):
        paths = [str(write(tmp_path / "a.wav", 50)), str(write(tmp_path / "b.wav", 80))]
        clips = load_clips(paths, load_config())
        assert clips.samples.shape == (2, 80) and clips.lengths.tolist() == [50, 80]
        assert not clips.samples[0, 50:].any() and clips.samples[0, :50].any()
        assert any("padded" in note for note in clips.notes)

    def test_are_cut_to_their_beginning(self, tmp_path):
        path = str(write(tmp_path / "a.wav", 90))
        whole, cut = (load_clips([path], load_config(sets=["detrend=none"]), seconds=s) for s in (None, 0.02))
        assert cut.samples[0].tolist() == whole.samples[0, :40].tolist() and "longer" in cut.notes[0]

    def test_of_several_rates_are_refused_or_resampled(self, tmp_path):
        paths = [str(write(tmp_path / "a.wav", 400)), str(write(tmp_path / "b.wav", 400, 4000))]
        with pytest.raises(InputError, match=r"b\.wav: 4000 Hz, but .*a\.wav has 2000 Hz; --resample 2000"):
            load_clips(paths, load_config())
        clips = load_clips(paths, load_config(), rate=2000)
        assert clips.lengths.tolist() == [400, 200]
        spectrum = np.abs(np.fft.rfft(clips.samples[1, :200]))
        assert spectrum.argmax() == pytest.approx(0.3 * 2 / (2 * np.pi) * 200, abs=1)  # the tone stays where it is
