"""The page of ``dstft view`` in headless Chromium: mouse, keys, layers, sound; skipped where there is no Chromium."""

import json
import shutil
import time

import numpy as np
import pytest

from dstft_cli import Signal, optimize, read_result, write_result
from dstft_cli.viewer import planes
from dstft_cli.viewer.planes import LEVEL_STEP
from dstft_cli.workflows.view import read_tracks, write_view

BROWSER, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="no Chromium with its driver is here")
OPTIONS = ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking")
OPTIONS += ("disable-component-update", "disable-sync", "window-size=1440,1000", "force-device-scale-factor=1")
HOSTILE = "<img src=x onerror=document.title='taken'>$$x$$</script><script>document.title='taken'</script>"
RATE, START = 8000.0, 2.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two results of a rising tone, a steady one and a click, 0.5 s that begin at 2 s; their name is not to be trusted."""
    at = np.arange(4000) / RATE
    samples = np.sin(2 * np.pi * (600 * at + 1500 * at**2)) + 0.3 * np.sin(2 * np.pi * 3000 * at)
    samples[2000] += 8
    samples += 0.02 * np.random.default_rng(7).standard_normal(4000)
    recording = Signal(samples, RATE, HOSTILE, start=START, unit="$$m$$", sha256="0" * 64)
    home = tmp_path_factory.mktemp("results")
    for name, own in {"tf": {"mode": "tf", "steps": 8}, "moving": {"hop_mode": "time", "steps": 2}}.items():
        result = optimize(recording, support=512, hop=64, threads=1, **own)
        write_result(result, home / name, figures=False)
    return home


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = BROWSER
    for option in (*OPTIONS, f"user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(f"--{option}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = Chrome(options=options, service=Service(DRIVER))
    yield browser
    browser.quit()


class Page:
    """A page in the browser."""

    def __init__(self, browser, path):
        self.browser = browser
        browser.get(path.as_uri())
        self.wait("document.documentElement.dataset.ready !== undefined")
        self.settle()

    def run(self, script: str):
        return self.browser.execute_script(script)

    def value(self, script: str):
        return self.run(f"return {script}")

    def wait(self, condition: str) -> None:
        end = time.monotonic() + 60
        while not self.value(condition):
            assert self.value("document.getElementById('fault').hidden"), self.text("fault")
            assert time.monotonic() < end, condition
            time.sleep(0.02)

    def settle(self) -> None:
        """Until the page has drawn."""
        self.browser.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))"
        )

    def text(self, name: str) -> str:
        return self.value(
            f"document.getElementById('{name}').{'value' if name in ('box-command', 'box-raven') else 'textContent'}"
        )

    def number(self, name: str) -> float:
        return float(self.value(f"document.getElementById('{name}').dataset.value"))

    def press(self, *keys: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.browser, duration=0).send_keys(*keys).perform()
        self.settle()

    def place(self, x: float, y: float) -> tuple[int, int]:
        """The pixel of the window at a share of the first picture's width and height from its lower left."""
        box = self.value(
            "(() => { const p = model('picture0'), f = Bokeh.index.find_one_by_id(p.id), "
            "r = f.el.getBoundingClientRect(), b = f.frame.bbox; return [r.left + b.left, r.top + b.top, b.width, b.height]; })()"
        )
        return round(box[0] + x * box[2]), round(box[1] + (1 - y) * box[3])

    def mouse(self, *places: tuple[float, float], drag: bool = False) -> None:
        """Move over shares of the picture, with the button down from the first to the last if it is a drag."""
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.actions.action_builder import ActionBuilder

        actions = ActionBuilder(self.browser, duration=30)
        for i, share in enumerate(places):
            actions.pointer_action.move_to_location(*self.place(*share))
            if drag and i == 0:
                actions.pointer_action.pointer_down()
        if drag:
            actions.pointer_action.pointer_up()
        actions.perform()
        ActionChains(self.browser).pause(0.05).perform()
        self.settle()

    def picture(self) -> list[int]:
        """A sum over columns of the first picture's pixels."""
        return self.value(
            "Array.from(new Uint32Array(model('picture0-image').data.image[0].buffer).filter((_, i) => i % 997 === 0))"
        )


@pytest.fixture(scope="module")
def target(folder):
    write_view([read_result(folder / "tf")], ["dstft-out/a call"], folder / "view.html")
    return folder / "view.html"


@pytest.fixture
def page(chromium, target):
    return Page(chromium, target)


def test_stands_alone_and_runs_nothing_of_a_name(page):
    page.press("c", "5", "1", "t", "0")
    errors = [entry["message"] for entry in page.browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []
    messages = [json.loads(entry["message"])["message"] for entry in page.browser.get_log("performance")]
    requests = [one["params"] for one in messages if one["method"] == "Network.requestWillBeSent"]
    asked = [one["request"]["url"] for one in requests if one["documentURL"].startswith("file:")]
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [page.browser.current_url]
    assert "taken" not in page.browser.title.removeprefix(HOSTILE)
    assert page.value("document.querySelector('h2').textContent") == HOSTILE
    assert page.value("document.querySelectorAll('img').length") == 0


def test_the_mouse_reads_the_level_that_the_result_has(page, folder):
    result = read_result(folder / "tf")
    level = 20 * np.log10(np.abs(result.stft))
    readings = []
    for share in ((0.31, 0.4), (0.5, 0.7), (0.72, 0.2)):
        page.mouse((0.1, 0.1), share)
        t = np.argmin(abs(result.times + START - page.number("at-time")))
        m = np.argmin(abs(result.frequencies - page.number("at-frequency")))
        assert page.number("at-time") == pytest.approx(result.times[t] + START, abs=1e-6)
        nearest = 0.5 / (len(result.times) - 1) + 0.002  # half a frame, and two pixels
        assert result.times[t] / result.times[-1] == pytest.approx(share[0], abs=nearest)
        assert page.number("at-window") == pytest.approx(result.theta[m, t] * 1e3 / RATE, rel=0.02)
        readings.append(page.number("at-level") - level[m, t])
    assert np.ptp(readings) <= LEVEL_STEP + 1e-3  # half a step either way, and one reference
    assert page.value("model('curve0-first-line').data.x.length") == len(result.times)


def test_keys_switch_layers_and_wipe(page):
    shown, pictures = [], []
    for key in "12345":
        page.press(key)
        page.wait(f"ready['0' + keys[{int(key) - 1}]] !== undefined")
        page.settle()
        shown.append(page.value("document.querySelector('.shown').textContent"))
        pictures.append(page.picture())
    assert [text.split(",")[0] for text in shown] == ["Optimum", "Best constant", "Short", "Long", "Window length"]
    assert len({str(picture) for picture in pictures}) == 5
    assert page.value("[model('levels-bar').visible, model('lengths-bar').visible]") == [False, True]
    page.press("1", *"cccc")  # past the layer itself
    page.wait("ready['0long'] !== undefined")
    page.settle()
    half = page.picture()
    assert half not in pictures
    page.run("setWipe(0)")
    page.settle()
    assert page.picture() == pictures[3]
    page.run("setWipe(1)")
    page.settle()
    assert page.picture() == pictures[0]


def test_a_box_is_measured_and_gives_its_command(page):
    page.mouse((0.2, 0.25), (0.3, 0.3), (0.6, 0.5), drag=True)
    words = page.text("box-command").split()
    assert page.text("box-command").startswith("dstft plot 'dstft-out/a call' --figure spectrogram --tmin ")
    tmin, tmax, fmin, fmax = (float(words[i]) for i in (-7, -5, -3, -1))
    assert (tmin, tmax) == (pytest.approx(START + 0.1, abs=0.01), pytest.approx(START + 0.3, abs=0.01))
    top = page.value("model('frequency').end")
    assert (fmin, fmax) == (pytest.approx(0.25 * top, rel=0.03), pytest.approx(0.5 * top, rel=0.03))
    heads, row = (line.split("\t") for line in page.text("box-raven").splitlines())
    assert dict(zip(heads, row, strict=True))["Low Freq (Hz)"] == words[-3]
    page.press("z")
    assert page.value("[model('time').start, model('time').end]") == pytest.approx(
        [1000 * tmin, 1000 * tmax], rel=1e-3
    ) or (page.value("[model('time').start, model('time').end]") == pytest.approx([tmin, tmax], rel=1e-3))
    page.press("\ue00c")  # escape
    assert page.value("state.box") is None


def test_works_with_keys_alone(page):
    left, up = "\ue012", "\ue013"
    page.press("0")
    before = page.value("[state.at.x, state.at.y]")
    page.press("b", *[left] * 9, *[up] * 5, "b")
    after = page.value("[state.at.x, state.at.y]")
    assert (after[0] < before[0], after[1] > before[1]) == (True, True)
    assert "--tmin" in page.text("box-command")
    whole = page.value("model('time').end - model('time').start")
    page.press("+", "+")
    assert page.value("model('time').end - model('time').start") == pytest.approx(0.64 * whole)
    dark = page.value("document.documentElement.classList.contains('dark')")
    page.press("t")
    assert page.value("document.documentElement.classList.contains('dark')") != dark


def test_the_sound_has_the_length_of_the_recording(page):
    page.wait("audio.readyState > 0")
    assert page.value("audio.duration") == pytest.approx(0.5, abs=0.01)
    page.press("\ue007")  # enter: from the cursor
    page.wait("!audio.seeking")
    assert page.value("headTime() / time.factor") == pytest.approx(page.number("at-time"), abs=0.01)


def test_zooming_in_shows_finer_values_of_what_is_in_sight(chromium, folder, tmp_path, monkeypatch):
    for name, value in {"MOST_POINTS": 3000, "TILE": 16, "MOST_JOINED": 3000}.items():
        monkeypatch.setattr(planes, name, value)
    result = read_result(folder / "tf")
    write_view([result], ["a"], tmp_path / "finer.html")
    page = Page(chromium, tmp_path / "finer.html")
    level = 20 * np.log10(np.abs(result.stft))
    assert page.value("results[0].layers[0].frequencies.count") < len(result.frequencies) / 2
    assert page.value("tiles.size") == 0
    page.mouse((0.1, 0.1), (0.61, 0.43))
    page.press(*"++++++********")
    page.wait("joined.size > 0")
    page.settle()
    readings = []
    for share in ((0.2, 0.3), (0.5, 0.55), (0.8, 0.72), (0.45, 0.1)):
        page.mouse((0.1, 0.1), share)
        page.wait("shownPlane(0, 'optimum').place !== undefined")
        t = np.argmin(abs(result.times + START - page.number("at-time")))
        m = np.argmin(abs(result.frequencies - page.number("at-frequency")))
        assert result.frequencies[m] == pytest.approx(
            page.number("at-frequency"), abs=1e-6
        )  # no bin in the middle of others
        readings.append(page.number("at-level") - level[m, t])
    assert np.ptp(readings) <= LEVEL_STEP + 1e-3
    assert 0 < page.value("tiles.size") < page.value("results[0].layers[0].finer.levels.length")
    finer = page.picture()
    page.run("window.finerPlane = () => null; redraw()")
    page.settle()
    assert page.picture() != finer


def test_tracks_are_lines_over_the_plane(chromium, tmp_path):
    at = np.arange(24000) / 48000
    tones = Signal(np.sin(2 * np.pi * 3000 * at) + np.sin(2 * np.pi * 20000 * at), 48000.0, "tones", start=START)
    result = optimize(tones, mode="constant", support=512, hop=256, steps=2, threads=1)
    rows = [f"{START + 0.05 * k},{600 + 90 * k},1,{0.2 if k == 3 else 0.9},1" for k in range(8)]
    rows += [f"{START + 0.1 * k},3000,0.3,1,2" for k in range(4)]
    text = "\n".join(["time_s,frequency_hz,amplitude,confidence,component", *rows])
    (tmp_path / "track.csv").write_text(text + "\n", encoding="utf-8")
    write_view([result], ["a"], tmp_path / "tracks.html", tracks=read_tracks(tmp_path, [result]))
    page = Page(chromium, tmp_path / "tracks.html")
    lines = "model('picture0-tracks').data"
    xs, ys = (page.value(f"{lines}.{axis}.map(line => Array.from(line))") for axis in ("xs", "ys"))
    scales = page.value("[time.factor, frequency.factor]")
    assert page.value("[frequency.unit, frequency.factor]") == ["kHz", 1e-3]
    assert np.allclose(np.array(xs[0]) / scales[0], START + 0.05 * np.arange(8))
    assert ys[0][3] is None  # where it is not sure to be there
    assert np.allclose(np.delete(ys[0], 3).astype(float) / scales[1], np.delete(600 + 90 * np.arange(8), 3))
    assert np.allclose(np.array(ys[1]) / scales[1], [3000] * 4)
    assert "tracks" in page.text("keys")
    shown = [page.value("model('picture0-tracks-line').visible")]
    for _ in range(2):
        page.press("l")
        shown.append(page.value("model('picture0-tracks-line').visible"))
    assert shown == [True, False, True]


def test_results_stand_side_by_side_with_linked_axes(chromium, folder, tmp_path):
    write_view([read_result(folder / name) for name in ("tf", "moving")], ["a", "b"], tmp_path / "both.html")
    page = Page(chromium, tmp_path / "both.html")
    page.press("+")
    page.settle()
    sides = page.value("[0, 1].map(i => model('picture' + i).x_range.end)")
    assert sides[0] == sides[1]
    page.wait("ready['1optimum'] !== undefined")
    widths = page.value("[0, 1].map(i => model('picture' + i).inner_width)")
    assert min(widths) > 350
    moving = read_result(folder / "moving")
    assert page.value("results[1].frames") == pytest.approx(list(moving.times + START), abs=1e-6)
    assert page.value("results[0].frames") == []
    assert page.value("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.value("content.sounds.length") == 1  # one recording
