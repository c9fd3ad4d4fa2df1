"""Memory, disk and time that a run will need, and whether its plane fits in memory, computed before it starts."""

import math
from dataclasses import dataclass

from ..config.grid import Grid, make_grid
from ..config.loading import Config
from ..config.memory_size import AUTO, size_bytes
from ..config.schema import LOCAL_ENTROPY
from ..errors import InputError
from ..recordings.request import max_samples
from ..stft.log_interpolation import density_for, node_count
from ..stft.modes import CONSTANT, FIXED, FIXED_HOP, OVERLAP, PLANE, theta_shape
from ..system.devices import DTYPES, free_bytes, get_device
from ..text import size_text
from .local_entropy.evidence import PER_OCTAVE
from .local_entropy.working_grid import WorkingGrid

PROCESS = 4.6e8  # bytes of the program itself, its libraries among them
HALO = 24  # frames on each side of a block that are descended with it
LEAST_FRAMES = 6 * HALO  # of a block, so that most of its frames are its own
FINER = 1.5  # factor on the nodes an octave where a bank is too coarse
_BLOCK_WORDS = 26  # numbers per bin of a block's descent, besides its bank
_BYTES_PER_SAMPLE = 24  # of a block
LEAST_ROOM = 1.5e8  # bytes for the block in work, and for pictures
_BYTES_PER_FRAME = 150  # that every run keeps
_MOST_OF_FREE = 0.9  # of the free memory, where a run cannot do with less
PICTURES = 2e6  # bytes of a result that do not grow with the plane, at most
_NS_EVALUATION, _NS_NODE, _NS_STEP, _NS_MOVING, _NS_FINAL = 25, 25, 90, 200, 15  # per bin; the last per bin and node
_PLACE_WORDS, _NS_PAIR = 5.6, 500  # numbers per place and window length of a local criterion; ns per sample and length
_SEARCH, _REFINED = 30, 15  # evaluations of a search, and between the nodes of a bank
_START, _FIGURES = 3.0, 60  # s before the computation starts; ns per bin for measures and pictures


@dataclass(frozen=True)
class ResourcePlan:
    """What a run will need.

    memory: bytes at the peak.
    disk: bytes of the result.
    seconds: rough running time.
    budget: bytes of memory allowed.
    long: True where the plane does not fit in the budget and is worked on block by block.
    room: bytes that a block may take.
    """

    memory: float
    disk: float
    seconds: float
    budget: float
    long: bool = False
    room: float = 0.0

    @property
    def words(self) -> str:
        """The plan in one line, for the user."""
        blocks = "; the plane is worked on block by block" if self.long else ""
        disk = f"{size_text(self.disk)} of disk"
        return f"needs about {size_text(self.memory)} of memory, {disk} and roughly {rough_time(self.seconds)}{blocks}"


def rough_time(seconds: float) -> str:
    """A duration rounded to one digit: 20 s, 3 min, 2 h."""
    amount, unit = next(
        (seconds / size, unit) for size, unit in ((3600, "h"), (60, "min"), (1, "s")) if seconds >= size or size == 1
    )
    return f"{float(f'{max(1.0, amount):.1g}'):.0f} {unit}"


def plan_run(
    config: Config, sample_rate: float, samples: int, in_memory: bool = True, custom: bool = False
) -> ResourcePlan:
    """The plan of a run.

    sample_rate: in Hz.
    samples: N.
    in_memory: True where the samples are in memory, False where they stay in their file.
    custom: True where the criterion or the penalty is a callable, which needs the whole plane in memory.

    Raises InputError where lengths clash.
    """
    grid, budget = make_grid(config, sample_rate, samples), memory_budget(config)
    whole = PROCESS + samples * (8 * in_memory + 2 * _word(config)) + _plane_bytes(config, grid)
    long = whole > budget and not custom
    rest = _disk(config, grid), _seconds(config, grid, long), budget
    if not long:
        return ResourcePlan(whole, *rest)
    fixed = PROCESS + samples * 8 * in_memory + grid.frames * _BYTES_PER_FRAME
    local = config.criterion == LOCAL_ENTROPY
    blocks = local or (config.transform.mode == PLANE and config.transform.hop_mode == FIXED_HOP)
    room = max(0.0, budget - fixed - LEAST_ROOM)
    if blocks and not local:
        room = max(room, _least_block(config, grid))
    used = min(room, _plane_bytes(config, grid)) if blocks else _per_axis_bytes(config, grid)
    return ResourcePlan(fixed + LEAST_ROOM + used, *rest, long=True, room=room)


def frame_bytes(grid: Grid, word: int, words: float) -> float:
    """Bytes that one frame of a block takes, with the samples up to the next frame.

    word: bytes per number.
    words: numbers per bin.
    """
    return word * words * grid.bins + _BYTES_PER_SAMPLE * grid.samples / grid.frames


def block_bytes(grid: Grid, word: int, nodes: float) -> float:
    """Bytes that one frame of a block takes in a descent on a bank of ``nodes`` nodes; word: bytes per number."""
    return frame_bytes(grid, word, 2 * nodes + _BLOCK_WORDS)


def _least_block(config: Config, grid: Grid) -> float:
    """Bytes of the shortest block possible, on a bank that was refined once."""
    frames = min(grid.frames, LEAST_FRAMES)
    return 1.01 * frames * block_bytes(grid, _word(config), FINER * nodes_for(config, grid) + 1)


def memory_budget(config: Config) -> float:
    """Bytes that a run may use, including the program itself."""
    if config.run.memory != AUTO:
        return size_bytes(config.run.memory)
    return PROCESS + free_bytes(get_device(config.run.device)) / 2


def run_room(config: Config) -> float:
    """Bytes that a run may use besides the program itself."""
    return max(0.0, memory_budget(config) - PROCESS)


def most_samples_in_memory(config: Config) -> int:
    """The number of samples up to which a recording is read into memory; a longer one stays in its file."""
    return max_samples(run_room(config))


def check_plan(plan: ResourcePlan, where: str, config: Config) -> None:
    """Raises InputError where a plan needs more memory than is free or allowed.

    where: the input, as an error names it.
    """
    explicit = config.run.memory != AUTO
    free = free_bytes(get_device(config.run.device))
    most = plan.budget if explicit else _MOST_OF_FREE * free
    need = plan.memory if explicit else plan.memory - PROCESS
    if need <= most:
        return
    what = f"--memory allows {size_text(plan.budget)}" if explicit else f"{size_text(free)} are free"
    raise _too_much(config, where, plan.memory, what, "more --memory, " if explicit else "")


def check_plane(config: Config, grid: Grid, nodes: int, where: str) -> None:
    """Raises InputError where a plane in memory, with a bank of ``nodes`` nodes and the steps on it, needs more than is free.

    where: the input, as an error names it.
    """
    free = free_bytes(get_device(config.run.device))
    need = grid.bins * grid.most_frames * _word(config) * plane_words(config, nodes)
    if need > _MOST_OF_FREE * free:
        raise _too_much(config, where, need, f"{size_text(free)} are free")


def _too_much(config: Config, where: str, need: float, what: str, more: str = "") -> InputError:
    hop = "a larger --overlap" if config.transform.hop_mode == OVERLAP else "a longer --hop"
    return InputError(
        f"{where}: {config.transform.mode} needs about {size_text(need)} of memory and {what}: take {more}"
        f"a part with --duration, {hop} or a smaller --support"
    )


def plane_words(config: Config, nodes: int) -> int:
    """Numbers per bin of a plane in memory: a bank of ``nodes`` nodes and the steps on it; without a bank S, |S| and the loss."""
    if not nodes:
        return 12 if config.transform.hop_mode == FIXED_HOP else 20
    return 2 * nodes + 24


def _word(config: Config) -> int:
    return DTYPES[config.run.dtype].itemsize


def nodes_for(config: Config, grid: Grid) -> int:
    """The number of window lengths at which a run computes the plane before it steps; 0 where it uses no bank."""
    if config.criterion == LOCAL_ENTROPY:
        return 0
    still = config.transform.hop_mode == FIXED_HOP and config.transform.mode not in (FIXED, CONSTANT)
    return node_count(*grid.bounds, density_for(config.bank.tolerance)) if still and config.optimizer.steps else 0


def bytes_per_place(nodes: int, word: int) -> int:
    """Bytes that a place of the working grid of a local criterion takes at the peak, with ``nodes`` window lengths.

    word: bytes per number.
    """
    return math.ceil(word * (_PLACE_WORDS * nodes + 8))


def _plane_bytes(config: Config, grid: Grid) -> float:
    word = _word(config)
    plane = grid.bins * grid.most_frames * word * plane_words(config, nodes_for(config, grid))
    return plane + _places_bytes(config, grid)


def _places_bytes(config: Config, grid: Grid) -> float:
    """Bytes that the evidence of a local criterion takes in memory; 0 for other criteria."""
    if config.criterion != LOCAL_ENTROPY:
        return 0.0
    places = WorkingGrid((grid.bins, grid.frames), grid.support, grid.hop, grid.theta_min)
    return math.prod(places.places) * bytes_per_place(node_count(*grid.bounds, PER_OCTAVE), _word(config))


def _per_axis_bytes(config: Config, grid: Grid) -> float:
    """Bytes that a block-by-block run keeps for all frames or all frequencies: tables, window lengths, frame positions."""
    mode, tables = config.transform.mode, 2 * nodes_for(config, grid) + 24
    shape = theta_shape(mode, grid.support, grid.most_frames)
    positions = 0 if config.transform.hop_mode == FIXED_HOP else 80 * grid.most_frames
    return math.prod(shape) * _word(config) * tables + positions


def _disk(config: Config, grid: Grid) -> float:
    theta = grid.bins * grid.most_frames * _word(config) if config.transform.mode == PLANE else 0
    return grid.bins * grid.most_frames * 8 + theta + grid.samples * _word(config) + PICTURES


def _seconds(config: Config, grid: Grid, long: bool) -> float:
    """Rough running time in s on two cores; long: block by block."""
    nodes, steps, octaves = nodes_for(config, grid), config.optimizer.steps, math.log2(grid.bounds[1] / grid.bounds[0])
    if config.criterion == LOCAL_ENTROPY:
        on_plane = grid.bins * grid.most_frames * (_FIGURES + 20 * octaves * _NS_FINAL)
        return _START + (grid.samples * PER_OCTAVE * octaves * _NS_PAIR + on_plane) * 1e-9
    ns = _FIGURES + _NS_EVALUATION
    if nodes and long and config.transform.mode != PLANE:
        ns += nodes * _NS_EVALUATION  # the steps are taken on tables
    elif nodes:
        ns += nodes * _NS_NODE + _REFINED * _NS_EVALUATION + steps * _NS_STEP + 20 * octaves * _NS_FINAL
    elif config.transform.hop_mode not in (FIXED_HOP, OVERLAP):
        ns += steps * _NS_MOVING
    elif config.transform.mode != FIXED and steps:
        ns += min(steps, _SEARCH) * _NS_EVALUATION
    return _START + grid.bins * grid.most_frames * ns * 1e-9
