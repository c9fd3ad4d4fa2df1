"""What ``dstft compare`` works on: results or a recording, constant windows to compare with, and files to write.

All that can be refused is refused here, before any work.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from ...config.grid import make_grid
from ...config.lengths import LEAST_WINDOW, read_window
from ...config.loading import SHORT_KEYS, Config, merge_config
from ...errors import InputError
from ...figures.of_result import check_view
from ...optimization.auto_lengths import choose_lengths
from ...optimization.optimize import optimize
from ...recordings.signal import Signal
from ...results.folder import is_result, result_folder
from ...results.reader import read_result
from ...results.result import Result
from ...text import format_value, one_line, time_text
from ...workflows.optimize_file import load_inputs
from ...workflows.replot import check_free, picture_kind
from ..options.settings import Settings
from ..printing.console import Console


@dataclass(frozen=True)
class Targets:
    """The files asked for with -o, --no-picture, --csv and --force."""

    output: str | None
    no_picture: bool
    table: str | None
    force: bool

    def checked(
        self, config: Config, settings: Settings, sources: Iterable[str | Path]
    ) -> tuple[Path | None, str | None]:
        """The picture's file, None for none, and that of the CSV. Raises InputError, OutputExistsError or OutputError.

        sources: folders of results or a recording; their files are never replaced.
        """
        self._check_options(settings)
        picture = None if self.no_picture else Path(self.output or f"compare.{config.figures.format}")
        table = None if self.table in (None, "-") else Path(self.table)
        files = [path for path in (picture, table) if path is not None]
        for source in map(Path, sources):
            if source.resolve() in [path.resolve() for path in files]:
                raise InputError(f"{click.format_filename(source)}: this is the recording itself; choose another name")
            check_free(files, source, self.force)
        return picture, self.table

    def _check_options(self, settings: Settings) -> None:
        unused = ["-o"] if self.output is not None else []
        unused += [option for option, key in settings.given().items() if key in settings.flags and _of_picture(key)]
        if self.no_picture and unused:
            raise InputError(f"{unused[0]} has no effect with --no-picture; leave one of them out")
        kind = picture_kind(self.output, settings.flags.get("figures.format"))
        if self.output is not None and Path(self.output).suffix.lower() != f".{kind}":
            raise InputError(f"-o {click.format_filename(self.output)}: use a .png, .svg or .pdf suffix")


@dataclass(frozen=True)
class Inputs:
    """What is compared, and where to.

    results: by name. lengths: of constant windows, in samples; None: the usual ones. config: how pictures look.
    picture: its file, None for none. table: the file of the CSV, - for stdout, None for none.
    """

    results: dict[str, Result]
    lengths: list[float] | None
    config: Config
    picture: Path | None
    table: str | None


def holds_result(path: str) -> bool:
    """True for what is, or should be, a result, not a recording."""
    return is_result(path) or Path(path).is_dir()


def refuse_settings(settings: Settings) -> None:
    """Raise InputError for a setting that does not apply to a result."""
    unused = [option for option, key in settings.given().items() if not _of_picture(SHORT_KEYS.get(key, key))]
    if unused:
        raise InputError(
            f"{unused[0]}: applies to recordings only; a result keeps its settings, so leave it out, or run dstft optimize again"
        )


def read_results(
    paths: Sequence[str], config: Config, settings: Settings, windows: Sequence[str], targets: Targets
) -> Inputs:
    """The inputs of a comparison of folders of results. config: that of the settings, which are of pictures only."""
    loaded = [read_result(path) for path in paths]
    results = dict(zip(_names(paths), loaded, strict=True))
    first = next(iter(results.values()))
    config = _with_figures_of(first.config, config)
    lengths = _lengths(windows, first.sample_rate, first.support)
    return Inputs(results, lengths, config, *targets.checked(config, settings, map(result_folder, paths)))


def analyse(
    console: Console,
    paths: Sequence[str],
    config: Config,
    settings: Settings,
    windows: Sequence[str],
    targets: Targets,
) -> Inputs:
    """The inputs of a comparison of a recording, which is optimised with the config."""
    signal = _recording(console, paths, config)
    grid = make_grid(choose_lengths(signal, config).config, signal.sample_rate, len(signal.samples))
    lengths = _lengths(windows, signal.sample_rate, grid.support)
    files = targets.checked(config, settings, paths)
    check_view(signal, config)
    with console.progress() as show:
        result = optimize(signal, config, show)
    names = {"fixed": "Fixed", "constant": "Best constant"} if result.placed else {}
    return Inputs({names.get(result.mode, "Optimum"): result}, lengths, config, *files)


def _of_picture(key: str) -> bool:
    return key.startswith("figures.")


def _with_figures_of(config: Config, given: Config) -> Config:
    """The config with the settings of figures that are set in another."""
    figures = given.figures.model_dump(exclude_unset=True)
    cleared = {key: None for key, value in figures.items() if value is None}
    config = config.model_copy(update={"figures": config.figures.model_copy(update=cleared)})
    return merge_config(config, {f"figures.{key}": value for key, value in figures.items()})


def _names(paths: Sequence[str]) -> list[str]:
    """A name for each result: its folder's, with as many parents as tell them apart. Raises InputError for doubles."""
    folders = [result_folder(path).resolve() for path in paths]
    for path, folder in zip(paths, folders, strict=True):
        if folders.count(folder) > 1:
            raise InputError(f"{click.format_filename(path)}: this result is given more than once; leave one out")
    depth = 1
    while len({folder.parts[-depth:] for folder in folders}) < len(folders):
        depth += 1
    return [one_line(str(Path(*folder.parts[-depth:])), 100) for folder in folders]


def _recording(console: Console, paths: Sequence[str], config: Config) -> Signal:
    """The signal of the one file. Raises InputError if there are several."""
    if len(paths) > 1:
        name = click.format_filename(paths[1])
        raise InputError(f"{name}: compare takes one recording, or results; optimize each and compare the results")
    signals = load_inputs(paths[0], config)
    if len(signals) > 1 and config.signal.each_box:
        raise InputError(
            f"--each-box: compare takes one box, but {signals[0].where} has {len(signals)}; choose one with --label"
        )
    if len(signals) > 1:
        raise InputError(f"--channel all: compare takes one channel, but {signals[0].where} has {len(signals)}")
    console.notes(signals)
    return signals[0]


def _lengths(windows: Sequence[str], sample_rate: float, support: int) -> list[float] | None:
    """The window lengths asked for, in samples; None if there are none. Raises InputError for one that does not fit."""
    return [_length(text, sample_rate, support) for text in windows] or None


def _length(text: str, sample_rate: float, support: int) -> float:
    try:
        length = read_window(text)
    except ValueError as error:
        raise InputError(f"--window-length {format_value(text)}: it must be {error}") from None
    samples = length.samples(sample_rate, support)
    if samples is None:
        raise InputError("--window-length auto: give a length; without --window-length the best constant one is shown")
    if not LEAST_WINDOW <= samples <= support:
        whole = f"{support} samples ({time_text(support / sample_rate)})"
        raise InputError(
            f"--window-length {text} is {samples:g} samples: it must be from {LEAST_WINDOW} samples to the support, {whole}"
        )
    return float(samples)
