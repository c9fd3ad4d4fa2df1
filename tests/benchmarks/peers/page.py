"""Write what the JSON files in results/ hold into the page of benchmarks, between its two marks.

python tests/benchmarks/peers/page.py            writes tests/benchmarks/README.md
python tests/benchmarks/peers/page.py --check    exit code 1 where the page does not show what the files hold
"""

import sys

from results import PAGE, load, section, with_section


def main() -> int:
    old = PAGE.read_text("utf-8")
    new = with_section(old, section(load()))
    if "--check" in sys.argv[1:]:
        return int(old != new)
    PAGE.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
