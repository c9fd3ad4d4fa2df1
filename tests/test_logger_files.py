"""What loggers write is read as they meant it, or refused: never the wrong column, never the wrong rate."""

import pytest
from logger_cases import RIGHT, cases, judge

MANY = cases()


@pytest.mark.parametrize("name", MANY)
def test_a_file_is_read_as_its_logger_meant_it(name):
    verdict, seen = judge(MANY[name])
    assert verdict == RIGHT, seen
