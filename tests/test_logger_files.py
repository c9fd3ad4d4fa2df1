"""What loggers write is read as they meant it, or refused: never the wrong column, never the wrong rate."""

import pytest
from logger_cases import RIGHT, copied_cases, judge, other_cases, written

COPIED = copied_cases()
OTHERS = {name: case for name, case in other_cases().items() if name not in COPIED}
KINDS = 38  # of loggers and habits, of which each has a file here


@pytest.mark.parametrize("name", COPIED)
def test_a_file_is_read_as_its_logger_meant_it(tmp_path, name):
    verdict, seen = judge(written(COPIED[name], tmp_path))
    assert verdict == RIGHT, seen


@pytest.mark.parametrize("name", OTHERS)
def test_another_file_of_the_same_kind_is_too(tmp_path, name):
    verdict, seen = judge(written(OTHERS[name], tmp_path))
    assert verdict == RIGHT, seen


def test_each_kind_has_a_file_here():
    assert len({case["kind"] for case in COPIED.values()}) >= KINDS
