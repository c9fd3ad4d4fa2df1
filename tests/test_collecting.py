"""Which recordings a batch takes, and that no two of them share a folder."""

import os
from pathlib import Path

import pytest

from dstft_cli.errors import InputError
from dstft_cli.workflows.batch.find_inputs import find_inputs, read_list, result_folder, shard


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Makes empty files in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).touch()

    return make


def found(*inputs, listed=(), out="out") -> dict[str, str]:
    items, _ = find_inputs(inputs, listed, out)
    return {item.path: item.folder.as_posix() for item in items}


class TestWhat:
    def test_a_folder_gives_all_recordings_in_it_and_below(self, tree):
        tree("in/b.FLAC", "in/a.wav", "in/deep/er/c.csv", "in/picture.png", "in/deep/noext")
        assert found("in") == {"in/a.wav": "a", "in/b.FLAC": "b", "in/deep/er/c.csv": "deep/er/c"}

    def test_hidden_files_and_folders_are_left_out(self, tree):
        tree("in/._a.wav", "in/.git/b.wav", "in/c.wav")
        assert found("in") == {"in/c.wav": "c"}

    def test_nothing_is_taken_from_the_folder_of_results(self, tree):
        tree("a.wav", "out/summary.csv", "out/a/sound.wav", "output/b.wav")
        assert list(found(".")) == ["./a.wav", "./output/b.wav"]
        assert list(found("**/*.wav")) == ["a.wav", "output/b.wav"]
        assert found("out") == {}

    def test_what_an_earlier_run_or_an_archive_has_written_is_no_recording(self, tree):
        tree(
            "old/summary.csv", "old/a/metrics.json", "old/a/config.yaml", "old/a/sound.wav", "__MACOSX/a.wav", "._a.wav"
        )
        tree("a.wav", "old/b/a.csv")
        assert list(found(".")) == ["./a.wav", "./old/b/a.csv"]
        assert list(found("**/*.wav", "**/*.csv")) == ["a.wav", "old/b/a.csv"]
        assert list(found("old/summary.csv")) == ["old/summary.csv"]  # where it is named itself

    def test_a_pattern_gives_what_it_matches_in_its_place(self, tree):
        tree("data/one/x.wav", "data/two/x.wav", "data/two/y.wav")
        assert found("data/*/x.wav") == {"data/one/x.wav": "one/x", "data/two/x.wav": "two/x"}
        assert found("data/*/y.wav") == {"data/two/y.wav": "two/y"}

    def test_a_name_with_brackets_is_that_file(self, tree):
        tree("a[1].wav", "a1.wav")
        assert found("a[1].wav") == {"a[1].wav": "a[1]"}

    def test_what_is_named_twice_is_taken_once(self, tree):
        tree("in/a.wav")
        assert list(found("in", "in/a.wav", "./in/../in/a.wav")) == ["in/a.wav"]

    def test_what_gave_nothing_is_told(self, tree):
        tree("full/a.wav", "full/list.json")
        os.mkdir("empty")
        assert find_inputs(["full", "empty", "*.nope"], [], "out")[1] == ["empty", "*.nope"]

    def test_a_name_that_does_not_exist_is_refused_but_in_a_list_told_of_later(self, tree):
        tree("a.wav")
        with pytest.raises(InputError, match=r"gone\.wav: there is no such file"):
            find_inputs(["a.wav", "gone.wav"], [], "out")
        assert list(found("a.wav", listed=["gone.wav"])) == ["a.wav", "gone.wav"]

    def test_a_list_may_come_from_any_editor(self, tree):
        tree(" three .wav")
        lines = [b"\xef\xbb\xbfone.wav\r\n", b"\n", b"# old\n", b"  two words .wav \n", b" three .wav\n", b"\xff.wav"]
        assert read_list(lines) == ["one.wav", "two words .wav", " three .wav", os.fsdecode(b"\xff.wav")]


class TestWhere:
    def test_folders_keep_their_names_where_there_are_several(self, tree):
        tree("day1/a.wav", "day2/a.wav")
        assert found("day1", "day2") == {"day1/a.wav": "day1/a", "day2/a.wav": "day2/a"}

    def test_a_folder_means_the_same_whatever_lies_in_it(self, tree):
        tree("in/sub/a.wav")
        assert found("in") == {"in/sub/a.wav": "sub/a"}

    @pytest.mark.parametrize(
        ("path", "folder"),
        [
            ("/in/a.wav", "a"),
            ("/in/a.b.wav", "a.b"),
            ("/in/...wav", "...wav"),
            ("/in/..wav", "..wav"),
            ("/in/.wav", ".wav"),
            ("/in/metrics.json.wav", "metrics.json.wav"),
            ("/in/a/result.npz.csv", "a/result.npz.csv"),
            ("/in/summary.csv.txt", "summary.csv.txt"),
            ("/in/a/channel-2.wav", "a/channel-2.wav"),
        ],
    )
    def test_no_name_leads_out_of_the_folder_or_onto_a_file_of_ours(self, path, folder):
        assert result_folder(path, "/in").as_posix() == folder

    @pytest.mark.parametrize(
        ("one", "other"),
        [("a.wav", "a.flac"), ("x/Call.wav", "x/call.wav"), ("e\u0301.wav", "\u00e9.wav"), ("S/a.wav", "s/A.wav")],
    )
    def test_two_inputs_that_would_share_a_folder_are_refused_and_both_named(self, tree, one, other):
        tree(f"in/{one}", f"in/{other}")
        if len([*Path("in").rglob("*.*")]) < 2:
            pytest.skip("this file system holds the two names for one")
        with pytest.raises(InputError, match="share one folder") as refusal:
            find_inputs(["in"], [], "out")
        assert f"in/{one}" in str(refusal.value) and f"in/{other}" in str(refusal.value)

    def test_many_clashes_are_told_in_one_sentence_of_bearable_length(self, tree):
        tree(*(f"in/{'name' * 20}{i}.{kind}" for i in range(30) for kind in ("wav", "flac")))
        with pytest.raises(InputError, match="29 more such pairs") as refusal:
            find_inputs(["in"], [], "out")
        assert len(str(refusal.value)) <= 300

    def test_a_recording_beside_a_folder_of_its_name_has_its_own(self, tree):
        tree("in/a.wav", "in/a/b.wav")
        assert found("in") == {"in/a.wav": "a", "in/a/b.wav": "a/b"}


@pytest.mark.parametrize(("count", "parts"), [(10, 3), (3, 5), (7, 1)])
def test_the_parts_of_a_batch_together_are_all_of_it_and_share_nothing(tree, count, parts):
    tree(*(f"in/{i}.wav" for i in range(count)))
    items, _ = find_inputs(["in"], [], "out")
    pieces = [shard(items, i + 1, parts) for i in range(parts)]
    assert sorted(item.path for piece in pieces for item in piece) == sorted(item.path for item in items)
    assert max(map(len, pieces)) - min(map(len, pieces)) <= 1
