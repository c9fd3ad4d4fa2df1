"""The page of 60 s at 44.1 kHz: its size, the CPU time to write it, and the time until Chromium has drawn it.

    python tests/benchmarks/view.py [MODE [RECORDING]]

Without a recording it takes noisy chirps, whose noise compresses badly.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

from common import noisy_chirps

from dstft_cli import Signal, load_signal, optimize, write_result
from dstft_cli.workflows.view import write_view

OPTIONS = ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking")


def main(mode: str = "constant", recording: str | None = None) -> None:
    signal = load_signal(recording) if recording else Signal(noisy_chirps(60, 44100), 44100, "chirps")
    result = optimize(signal, mode=mode, steps=20)
    print(f"{signal.duration:.1f} s, {result.stft.shape[0]} x {result.stft.shape[1]} bins")
    with tempfile.TemporaryDirectory() as folder:
        write_result(result, folder, figures=False, on_existing="overwrite")
        page, began = Path(folder) / "view.html", time.process_time()
        write_view([result], [folder], page)
        print(f"{page.stat().st_size / 1e6:.1f} MB, written in {time.process_time() - began:.1f} s of CPU time")
        if shutil.which("chromedriver"):
            print(f"drawn after {', '.join(f'{ms / 1e3:.2f}' for ms in opened(page, folder))} s")


def opened(page: Path, folder: str) -> list[float]:
    """ms from the start of loading until the page is drawn, in three openings."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for option in (*OPTIONS, f"user-data-dir={folder}/profile"):
        options.add_argument(f"--{option}")
    browser = Chrome(options=options, service=Service(shutil.which("chromedriver")))
    times = []
    try:
        for _ in range(3):
            browser.get(page.as_uri())
            while not (ready := browser.execute_script("return document.documentElement.dataset.ready")):
                time.sleep(0.05)
            times.append(float(ready))
    finally:
        browser.quit()
    return times


if __name__ == "__main__":
    main(*sys.argv[1:])
