"""What ``dstft compare`` works on: results or a recording, constant windows to set beside them, and files to write.

All that can be refused is refused here, before any work is spent on it.
"""

from dataclasses import dataclass
from pathlib import Path

import click

from .options import flags_given


@dataclass(frozen=True)
class Targets:
    """The files asked for: -o, --no-picture, --csv and --force; flags: settings given, by dotted key."""

    out: str | None
    no_picture: bool
    sheet: str | None
    force: bool
    flags: dict[str, object]

    def checked(self, config, sources) -> tuple[Path | None, str | None]:
        """The picture's file, None for none, and that of the CSV. Raises InputError, OutputExistsError or OutputError.

        sources: what is compared, folders of results or a recording; nothing of it is ever replaced.
        """
        from ..errors import InputError
        from ..workflows.replot import check_free, picture_kind

        idle = ["-o"] if self.out is not None else []
        idle += [f"--{key.partition('.')[2].replace('_', '-')}" for key in self.flags if key.startswith("figures.")]
        if self.no_picture and idle:
            raise InputError(f"{idle[0]} and --no-picture: {idle[0]} is about the picture; leave one of them out")
        kind = picture_kind(self.out, self.flags.get("figures.format"))
        if self.out is not None and Path(self.out).suffix.lower() != f".{kind}":
            name = click.format_filename(self.out)
            raise InputError(f"-o {name}: let it end in .png, .svg or .pdf, for that kind of picture")
        picture = None if self.no_picture else Path(self.out or f"compare.{config.figures.format}")
        sheet = None if self.sheet in (None, "-") else Path(self.sheet)
        files = [path for path in (picture, sheet) if path is not None]
        for source in map(Path, sources):
            if source.resolve() in [path.resolve() for path in files]:
                raise InputError(f"{click.format_filename(source)}: this is the recording itself; choose another name")
            check_free(files, source, self.force)
        return picture, self.sheet


def holds_result(path) -> bool:
    """True for what is, or should be, a result: it is no recording."""
    from ..results.reader import is_result

    return is_result(path) or Path(path).is_dir()


def refuse_settings(ctx, source, sets, params) -> None:
    """Raises InputError for a setting that a result, which is there already, can no longer follow."""
    from ..config.loading import SHORT_KEYS
    from ..errors import InputError

    flags = {param.name: param.opts[-1] for param in ctx.command.params}
    lost = [flags[name] for name in params if not name.startswith("figures_") and flags_given({name: params[name]})]
    keys = [item.partition("=")[0].strip() for item in sets]
    lost += [f"--set {key}" for key in keys if SHORT_KEYS.get(key, key).partition(".")[0] != "figures"]
    lost += ["-c"] if source is not None else []
    if lost:
        raise InputError(
            f"{lost[0]}: for a recording only; a result keeps what it was made with, so leave it out, or run dstft optimize again"
        )


def stored(paths, sets, flags, windows, targets):
    """(results by name, lengths of constant windows in samples, config of the figures, picture, CSV), from folders."""
    from ..config.loading import load_config
    from ..results.in_memory import load_into_memory
    from ..results.reader import read_result, result_folder

    wanted = load_config(None, sets, flags)
    found = [load_into_memory(read_result(path), "dstft compare") for path in paths]
    results = dict(zip(_names(paths), found, strict=True))
    first = next(iter(results.values()))
    config = _seen_as(first.config, wanted)
    lengths = _lengths(windows, first.sample_rate, first.support)
    return results, lengths, config, *targets.checked(config, map(result_folder, paths))


def _seen_as(config, wanted):
    """The config with those settings of its figures that were asked for."""
    from ..config.loading import merge_config

    given = wanted.figures.model_dump(exclude_unset=True)
    cleared = {key: None for key, value in given.items() if value is None}
    config = config.model_copy(update={"figures": config.figures.model_copy(update=cleared)})
    return merge_config(config, {f"figures.{key}": value for key, value in given.items()})


def _names(paths) -> list[str]:
    """A name for each result: its folder's, with as many folders above it as tell them apart. Raises InputError for doubles."""
    from ..errors import InputError
    from ..results.reader import result_folder
    from ..text import one_line

    folders = [result_folder(path).resolve() for path in paths]
    for path, folder in zip(paths, folders, strict=True):
        if folders.count(folder) > 1:
            raise InputError(f"{click.format_filename(path)}: this result is given more than once; leave one out")
    depth = 1
    while len({folder.parts[-depth:] for folder in folders}) < len(folders):
        depth += 1
    return [one_line(str(Path(*folder.parts[-depth:])), 100) for folder in folders]


def analysed(paths, source, sets, flags, windows, targets, console):
    """The same, from a recording, which is optimised as the settings say."""
    from ..config.grid import make_grid
    from ..config.loading import load_config
    from ..figures.of_result import check_view
    from ..optimization.optimize import optimize
    from ..results.in_memory import load_into_memory

    config = load_config(source, sets, flags)
    signal = _recording(paths, config, console)
    support = make_grid(config, signal.sample_rate, len(signal.samples)).support
    lengths = _lengths(windows, signal.sample_rate, support)
    files = targets.checked(config, paths)
    check_view(signal, config)
    with console.progress() as show:
        result = load_into_memory(optimize(signal, config, show), "dstft compare")
    names = {"fixed": "Fixed", "constant": "Best constant"} if result.placed else {}
    return {names.get(result.mode, "Optimum"): result}, lengths, config, *files


def _recording(paths, config, console):
    """The one signal of the one file. Raises InputError where there are several."""
    from ..errors import InputError
    from ..workflows.optimize_file import load_inputs

    if len(paths) > 1:
        name = click.format_filename(paths[1])
        raise InputError(
            f"{name}: compare takes one recording, or results; optimize each, and compare what comes of it"
        )
    signals = load_inputs(paths[0], config)
    if len(signals) > 1:
        raise InputError(f"--channel all: compare takes one channel, and {signals[0].where} has {len(signals)}")
    for note in signals[0].notes:
        console.remark(note)
    return signals[0]


def _lengths(windows, sample_rate, support) -> list[float] | None:
    """The window lengths asked for in samples, None where there are none. Raises InputError for one that does not fit."""
    return [_length(text, sample_rate, support) for text in windows] or None


def _length(text, sample_rate, support) -> float:
    from ..config.lengths import LEAST_WINDOW, read_window
    from ..errors import InputError
    from ..text import format_value, time_text

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
