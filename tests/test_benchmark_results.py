"""The results of the comparisons: what is stored, and the page that is made from it."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent / "benchmarks" / "peers"))  # benchmarks are scripts, not a package

import results

FACTS = {"question": "How fast?", "command": "speed.py", "figure": "2 s", "verdict": "as wanted"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


def test_a_result_has_its_date_machine_and_versions(folder):
    stored = json.loads(
        results.save("speed", [{"what": "ours", "s": 2.0}], packages=["numpy", "nothing"], **FACTS).read_text()
    )
    assert stored.keys() >= {"date", "machine", "versions", *FACTS}
    assert stored["versions"]["numpy"] == np.__version__
    assert stored["versions"]["nothing"] == "not installed"
    assert stored["tables"] == {"": [{"what": "ours", "s": 2.0}]}


def test_numbers_of_numpy_and_what_is_not_finite_are_stored(folder):
    results.save("speed", [{"a": np.float32(0.5), "b": math.nan, "c": np.int64(3), "d": math.inf}], **FACTS)
    assert results.load()["speed"]["tables"][""] == [{"a": 0.5, "b": None, "c": 3, "d": None}]


@pytest.mark.parametrize("left_out", FACTS)
def test_a_result_without_one_of_its_facts_is_refused(folder, left_out):
    with pytest.raises(ValueError, match=left_out):
        results.save("speed", [{"s": 1}], **{**FACTS, left_out: ""})


@pytest.mark.parametrize("rows", [[], {}, {"one": [{"s": 1}], "two": []}])
def test_an_empty_table_is_refused(folder, rows):
    with pytest.raises(ValueError, match="rows"):
        results.save("speed", rows, **FACTS)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (1234.5, "1230"), (0.01234, "0.0123"), (2.0, "2.00"), (0.0, "0"), (12, "12"), ("a|b", "a\\|b")],
)
def test_cells(value, shown):
    assert results.cell(value) == shown


def test_the_section_has_a_row_for_each_result_and_their_tables(folder):
    results.save(
        "speed", {"at 5 s": [{"what": "ours", "s": 2.0}, {"what": "theirs", "GB": 1.0}]}, note="It varies.", **FACTS
    )
    results.save("cost", [{"s": 3}], **FACTS | {"question": "What does it cost?"})
    made = results.section(results.load())
    assert "| How fast? | `speed.py` | 2 s | as wanted |" in made
    assert made.index("What does it cost?") < made.index("How fast?") < made.index("### Cost") < made.index("### Speed")
    assert "at 5 s:\n\n| what | s | GB |\n| --- | --- | --- |\n| ours | 2.00 | – |\n| theirs | – | 1.00 |" in made
    assert made.endswith("It varies.")


def test_only_what_is_between_the_marks_changes():
    page = f"before\n{results.BEGIN}\nold\n{results.END}\nafter\n"
    once = results.with_section(page, "new")
    assert once == f"before\n{results.BEGIN}\n\nnew\n\n{results.END}\nafter\n"
    assert results.with_section(once, "new") == once
    with pytest.raises(ValueError, match="marks"):
        results.with_section(page.replace(results.END, ""), "new")


def test_the_page_shows_what_the_files_hold():
    assert subprocess.run([sys.executable, Path(results.__file__).with_name("page.py"), "--check"]).returncode == 0
