"""The report of a batch: what the page says, that it stands alone, that it leads to the results, and how it sorts."""

import base64
import html
import io
import math
import os
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from dstft_cli import Signal, optimize, write_result
from dstft_cli.figures.of_result import THUMBNAIL
from dstft_cli.figures.svg_histogram import gain_histogram, length_histogram
from dstft_cli.figures.thumbnail import GAP, HEIGHT, WIDTH, thumbnail
from dstft_cli.workflows.batch.report import write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HOSTILE = [
    "plain",
    "two words",
    "50% #2",
    "größe 日本",
    "say \"hi\" & 'bye'",
    "<script>document.title = 'taken'<",
    "<b title=x onmouseover=alert(1)>",
    "&lt;i&gt; &amp;",
    "a?b=c;d+e",
    "javascript:alert(1)",
]
VOID = {"meta", "img", "input"}


def row(name="a.wav", **changes) -> dict:
    found = {"input": name, "status": "done", "error": None, "output": None, "seconds": 2.04}
    found |= {"theta_min_ms": 10.0, "theta_median_ms": 23.4, "theta_max_ms": 50.0}
    found |= {"loss_initial": 9.5, "loss_final": 9.0, "gain": 0.0526, "coverage": 0.987}
    return found | changes


def failed(name="bad.wav", error="bad.wav: damaged", **changes) -> dict:
    return row(name, status="failed", error=error, **dict.fromkeys(NUMBERS), **changes)


NUMBERS = [key for key in row() if key not in ("input", "status", "error", "output", "seconds")]


class Page(HTMLParser):
    """A page taken apart: its tags, and the table as rows of cells, each its words and its attributes."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.open, self.rows, self.scripts = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, "tags left open"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append(["", dict(attributes)])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif "td" in self.open or "th" in self.open:
            self.rows[-1][-1][0] += data

    def words(self) -> list[list[str]]:
        return [[words for words, _ in cells] for cells in self.rows]

    def attributes(self, tag: str, name: str) -> list[str]:
        return [found[name] for kind, found in self.tags if kind == tag and name in found]


@pytest.fixture
def page(tmp_path):
    """Writes the report of some rows and takes it apart."""
    return lambda *rows: Page(write_report(list(rows), tmp_path).read_text("utf-8"))


@pytest.fixture(scope="module")
def result():
    """A tone of 250 Hz, 0.4 s at 1 kHz, under windows that differ from point to point."""
    tone = np.sin(2 * np.pi * 250 * np.arange(400) / 1000)
    return optimize(Signal(tone, 1000.0, "tone"), mode="tf", loss="local-entropy", support=64, hop=8, steps=8)


def pixels(png: bytes) -> np.ndarray:
    """Brightness, (rows, columns), 0 where nothing is drawn."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=float).sum(2)


class TestTable:
    def test_shows_every_number_under_a_heading_with_its_unit(self, page):
        head, cells = page(row("in/a.wav")).words()
        numbers = dict(zip(head, cells, strict=True))
        assert numbers["Recording"] == "in/a.wav" and numbers["Status"] == "done"
        assert [numbers[f"{which} window (ms)"] for which in ("Shortest", "Median", "Longest")] == [
            "10.0",
            "23.4",
            "50.0",
        ]
        assert (numbers["Loss at the start"], numbers["Loss at the end"]) == ("9.5000", "9.0000")
        assert (numbers["Gain (%)"], numbers["Coverage (%)"], numbers["Time taken (s)"]) == ("5.26", "98.7", "2.0")

    @pytest.mark.parametrize(
        ("median", "unit", "words"), [(0.052, "µs", "52.0"), (1500, "s", "1.50"), (3.456, "ms", "3.46")]
    )
    def test_gives_window_lengths_in_the_unit_that_suits_most_of_them(self, page, median, unit, words):
        head, first, *_ = page(*[row(theta_median_ms=median)] * 3, row(theta_median_ms=20.0)).words()
        assert first[head.index(f"Median window ({unit})")] == words

    @pytest.mark.parametrize(
        ("key", "value", "words"),
        [
            ("loss_final", 2.5e-6, "2.50e−06"),
            ("loss_final", -0.25, "−0.2500"),
            ("loss_final", 3.2e9, "3.20e+09"),
            ("gain", -1e-9, "0.00"),
            ("coverage", 1.0, "100.0"),
        ],
    )
    def test_writes_small_large_and_negative_numbers_so_that_they_read_well(self, page, key, value, words):
        assert words in page(row(**{key: value})).words()[1]

    @pytest.mark.parametrize("unknown", [None, math.nan, math.inf])
    def test_leaves_unknown_numbers_out_of_cells_and_charts(self, page, unknown):
        found = page(row(**dict.fromkeys([*NUMBERS, "seconds"], unknown)))
        cells = found.rows[1]
        assert [words for words, _ in cells[3:]] == ["–"] * 8
        assert not any("data-v" in attributes for _, attributes in cells[3:])
        assert not {"svg", "rect"} & {tag for tag, _ in found.tags}

    def test_puts_failures_first_with_their_sentence_then_keeps_the_order(self, page):
        found = page(row("b"), row("z", status="skipped"), failed("y", "y: cut off"), row("a"), failed("c", "c: all 0"))
        rows = [words[:3] for words in found.words()[1:]]
        assert [cells[:2] for cells in rows] == [
            ["failed", "y"],
            ["failed", "c"],
            ["done", "b"],
            ["done", "a"],
            ["done earlier", "z"],
        ]
        assert [cells[2] for cells in rows[:2]] == ["y: cut off", "c: all 0"]

    def test_has_as_many_columns_in_every_row(self, page):
        found = page(row(), failed())
        assert len({sum(int(cell[1].get("colspan", 1)) for cell in cells) for cells in found.rows}) == 1

    def test_counts_what_became_of_the_recordings(self, tmp_path):
        text = write_report([row()] * 1200 + [failed()] * 3, tmp_path).read_text("utf-8")
        assert "<h1>Window lengths of 1\u202f203 recordings</h1>" in text
        assert "3 failed</span>, 1\u202f200 done</p>" in text

    def test_of_nothing_says_so(self, tmp_path):
        assert "There were no recordings." in write_report([], tmp_path).read_text("utf-8")


class TestNames:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_are_shown_as_they_are_and_lead_to_their_folder(self, page, tmp_path, name):
        (tmp_path / "sub" / name).mkdir(parents=True)
        found = page(
            row(f"{name}.wav", output=f"sub/{name}"), failed(f"{name}.wav", f"{name}: bad", output=f"sub/{name}")
        )
        assert [words[1] for words in found.words()[1:]] == [f"{name}.wav"] * 2
        assert found.words()[1][2] == f"{name}: bad"
        links = found.attributes("a", "href")
        assert len(links) == 2 and all((tmp_path / unquote(link)).samefile(tmp_path / "sub" / name) for link in links)
        assert all(re.fullmatch(r"[\w./%~-]+", link, re.ASCII) for link in links)
        assert len(found.scripts) == 1 and not any(key.startswith("on") for _, given in found.tags for key in given)

    def test_with_bytes_that_are_no_text_can_be_written_and_followed(self, page, tmp_path):
        name = os.fsdecode(b"caf\xe9\x1b[31m")
        try:
            (tmp_path / name).mkdir()
        except (OSError, ValueError):
            pytest.skip("this file system takes no such name")
        found = page(row(name, output=name))
        assert found.words()[1][1] == r"caf\udce9\x1b[31m"
        assert os.path.isdir(os.fsencode(tmp_path) + b"/caf%s" % b"\xe9\x1b[31m")
        assert found.attributes("a", "href") == ["caf%E9%1B%5B31m/"]

    def test_of_folders_given_in_full_lead_there_from_the_page(self, page, tmp_path):
        (tmp_path / "deep" / "er").mkdir(parents=True)
        assert page(row(output=tmp_path / "deep" / "er")).attributes("a", "href") == ["deep/er/"]

    def test_without_a_folder_are_no_links(self, page):
        assert not page(row(output="gone"), failed(output=None)).attributes("a", "href")


class TestStandsAlone:
    def test_nothing_is_fetched_and_nothing_else_may_run(self, tmp_path):
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / THUMBNAIL).write_bytes(PICTURE)
        text = write_report([row(output="a")], tmp_path).read_text("utf-8")
        found = Page(text)
        assert not re.search(r"https?:|//[a-z]|@import|url\(", text)
        assert {tag for tag, _ in found.tags} & {"link", "iframe", "object", "embed", "base"} == set()
        assert not found.attributes("script", "src")
        assert all(source.startswith("data:image/png;base64,") for source in found.attributes("img", "src"))
        policy = next(given["content"] for tag, given in found.tags if "http-equiv" in given)
        assert policy.startswith("default-src 'none'; img-src data:;") and "unsafe" not in policy

    def test_is_the_same_again_to_the_byte(self, tmp_path):
        rows = [row("a"), failed(), row("b", gain=None)]
        assert write_report(rows, tmp_path / "1").read_bytes() == write_report(rows, tmp_path / "2").read_bytes()

    def test_is_whole_or_as_it_was(self, tmp_path):
        before = write_report([row()], tmp_path).read_bytes()
        with pytest.raises(KeyError):
            write_report([failed(), row(), row() | {"status": "lost"}], tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
        assert (tmp_path / "report.html").read_bytes() == before


class TestThumbnails:
    def test_show_the_loud_bright_and_long_windows_bright(self, result):
        theta = np.full(result.stft.shape, 16.0)
        theta[:, result.stft.shape[1] // 2 :] = 64.0
        drawn = pixels(thumbnail(replace(result, theta=theta)))
        spectrum, lengths = drawn[:, :WIDTH], drawn[:, WIDTH + GAP :]
        assert drawn.shape == (HEIGHT, 2 * WIDTH + GAP)
        assert abs(spectrum.sum(1).argmax() - HEIGHT / 2) <= 2  # 250 of 500 Hz
        assert lengths[:, :50].max() < lengths[:, 70:].min()

    def test_of_one_length_everywhere_have_no_map_and_fit_their_column(self, result, tmp_path):
        alike = replace(result, theta=np.full(result.stft.shape, 32.0))
        assert pixels(thumbnail(alike)).shape == (HEIGHT, WIDTH)
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / THUMBNAIL).write_bytes(thumbnail(alike))
        lengths = dict.fromkeys(["theta_min_ms", "theta_median_ms", "theta_max_ms"], 32.0)
        text = write_report([row(output="a", **lengths)], tmp_path).read_text("utf-8")
        assert f"width={WIDTH} " in text and "class=maps" not in text

    def test_lose_no_peak(self, result):
        stft = np.full(result.stft.shape, 1e-6 + 0j, np.complex64)
        stft = np.repeat(stft, 40, 1)
        stft[-1, 777] = 1
        many = replace(result, stft=stft, theta=np.full((1, 1), 32.0), frame_positions=np.arange(stft.shape[1]) * 8.0)
        drawn = pixels(thumbnail(many))
        assert drawn.shape == (HEIGHT, WIDTH)  # one length has no map
        assert np.argwhere(drawn > drawn.min()).tolist() == [[0, 777 * WIDTH // stft.shape[1]]]

    def test_take_at_most_ten_kilobytes_and_are_the_same_again(self):
        fine = optimize(Signal(np.arange(400.0), 1000.0, "fine"), mode="fixed", support=256, hop=2)
        rng = np.random.default_rng(0)
        noise, theta = 10 ** (-4 * rng.random(fine.stft.shape)), 1 + 255 * rng.random(fine.stft.shape)
        worst = replace(fine, stft=noise.astype(np.complex64), theta=theta)
        assert len(thumbnail(worst)) < 10_240
        assert thumbnail(worst) == thumbnail(worst)

    def test_come_from_the_folder_or_else_from_its_arrays(self, page, tmp_path, result):
        for name in ("kept", "made", "odd"):
            write_result(result, tmp_path / name, figures=False)
        (tmp_path / "kept" / THUMBNAIL).write_bytes(PICTURE)
        (tmp_path / "made" / THUMBNAIL).unlink(missing_ok=True)
        (tmp_path / "odd" / THUMBNAIL).write_bytes(PICTURE[:16] + b"\x7f" + PICTURE[17:])  # says it is 2 billion wide
        found = page(*[row(name, output=name) for name in ("kept", "made", "odd")])
        shown = [base64.b64decode(source.partition(",")[2]) for source in found.attributes("img", "src")]
        assert shown == [PICTURE, thumbnail(result), thumbnail(result)]
        with Image.open(io.BytesIO(thumbnail(result))) as picture:
            made = tuple(map(str, picture.size))
        sizes = zip(found.attributes("img", "width"), found.attributes("img", "height"), strict=True)
        assert list(sizes) == [("120", "60"), made, made]

    def test_are_left_out_where_the_result_is_damaged(self, page, tmp_path, result):
        write_result(result, tmp_path / "a", figures=False)
        (tmp_path / "a" / "result.npz").write_bytes(b"PK")
        (tmp_path / "a" / THUMBNAIL).unlink(missing_ok=True)
        assert not page(row(output="a")).attributes("img", "src")


class TestHistograms:
    def bars(self, figure: str) -> list[tuple[float, float, int]]:
        """(from, to, recordings) of each."""
        found = re.findall(r"<title>([−\d.]+) to ([−\d.]+) \S+: (\d+) recordings?</title>", html.unescape(figure))
        return [(*(float(edge.replace("−", "-")) for edge in edges), int(count)) for *edges, count in found]

    @pytest.mark.parametrize("count", [1, 2, 60, 2000])
    def test_count_every_recording_once_where_it_belongs(self, count):
        lengths = np.random.default_rng(count).lognormal(3, 0.5, count)
        bars = self.bars(length_histogram(lengths, 1.0, "ms"))
        for low, high, height in bars:
            assert np.sum((lengths > 0.99 * low) & (lengths < 1.01 * high)) >= height
        assert sum(height for *_, height in bars) == count
        assert len(bars) <= min(40, max(8, count**0.5))  # no more than there are recordings to fill them

    def test_of_gains_part_at_nought_and_leave_far_strays_to_the_caption(self):
        gains = [*np.linspace(-0.03, 0.05, 40), -70.0]
        figure = gain_histogram(gains)
        bars = self.bars(figure)
        assert sum(height for *_, height in bars) == 40
        assert sum(height for low, _, height in bars if low < 0) == sum(-0.03 <= gain < 0 for gain in gains)
        assert "−7000 to 5 %" in figure and "1 beyond the axis" in figure

    @pytest.mark.parametrize("gains", [[0.0] * 30, [0.01, 0.01 + 1e-12], [0.02]], ids=str)
    def test_of_gains_that_are_all_alike_keep_readable_numbers(self, gains):
        figure = gain_histogram(gains)
        places = {place: text for place, text in re.findall(r'<text x="([0-9.]+)"[^>]*middle">([−0-9.]+)<', figure)}
        assert len(places) >= 2 and all(len(text) <= 7 for text in places.values())
        assert sum(height for *_, height in self.bars(figure)) == len(gains)

    def test_name_their_axes_with_units(self):
        figures = gain_histogram([0.1, 0.2]) + length_histogram([900.0, 2000.0], 1e-3, "s")
        texts = re.findall(r"<text[^>]*>([^<]*)</text>", figures)
        assert {"Gain (%)", "Window length (s)", "Recordings", "1", "2", "20"} <= set(texts)


@pytest.mark.skipif(BROWSER is None, reason="no browser is installed")
class TestInABrowser:
    SCRIPT = """<script>{
const heads = [...document.querySelectorAll("thead th")], found = [];
const shown = () => [...document.querySelectorAll("tbody tr")].filter(row => row.offsetHeight);
const names = () => shown().map(row => row.cells[1].textContent).join("");
function click(words) {
  heads.find(head => head.textContent === words).querySelector("button").click();
  found.push(names() + " " + heads.map(head => head.getAttribute("aria-sort") || "").join(""));
}
found.push(names());
for (const words of WORDS) click(words);
const box = document.querySelector("input");
for (const text of ["failed", "DONE c", ""]) {
  box.value = text;
  box.dispatchEvent(new Event("input"));
  found.push(names() + " " + document.querySelector("output").textContent);
}
document.title = found.join("|");
}</script>"""

    def title(self, page: Path, tmp_path: Path) -> str:
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--dump-dom"]
        run = subprocess.run([BROWSER, *options, page.as_uri()], capture_output=True, timeout=120, check=True)
        return html.unescape(re.search(r"<title>(.*?)</title>", run.stdout.decode("utf-8"), re.S)[1])

    def test_clicks_on_headings_sort_and_words_filter(self, tmp_path):
        rows = [row("c", gain=0.02, seconds=9.0), row("b", gain=None, seconds=100.0), failed("a", seconds=20.0)]
        rows += [row("d10", gain=-0.3, seconds=1.0), row("d9", gain=0.1, seconds=1.0)]
        page = write_report(rows, tmp_path / "out")
        clicks = ["Gain (%)", "Gain (%)", "Recording", "Recording", "Time taken (s)", "Status"]
        text = re.sub(r"<meta http-equiv[^>]*>", "", page.read_text("utf-8"))  # else the page lets no other script run
        page.write_text(text.replace("</body>", self.SCRIPT.replace("WORDS", str(clicks)) + "</body>"), "utf-8")
        assert self.title(page, tmp_path / "profile").split("|") == [
            "acbd10d9",
            "d10cd9ab ascending",  # what is not known comes last
            "d9cd10ab descending",  # either way
            "abcd9d10 ascending",  # 9 before 10
            "d10d9cba descending",
            "d10d9cab ascending",  # a number, not a word; equal ones as they came
            "acbd10d9 ascending",
            "a 1 of 5 shown",
            "c 1 of 5 shown",
            "acbd10d9 ",
        ]

    def test_no_script_of_others_runs(self, tmp_path):
        page = write_report([row(name) for name in HOSTILE], tmp_path / "out")
        page.write_text(
            page.read_text("utf-8").replace("</body>", "<script>document.title = 'taken'</script></body>"), "utf-8"
        )
        assert self.title(page, tmp_path / "profile") == "Window lengths of 10 recordings"


PICTURE = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
    + WIDTH.to_bytes(4, "big")
    + HEIGHT.to_bytes(4, "big")
    + b"\x08\x03\x00\x00\x00"
)
