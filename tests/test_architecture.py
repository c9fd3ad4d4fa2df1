"""How the package hangs together: what may import what, and what no module may do."""

import ast
import functools
import graphlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "dstft_cli"
TREES = {
    path.relative_to(PACKAGE).with_suffix(""): ast.parse(path.read_text("utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
}

LADDER = [  # a package imports from lower lines only
    "__main__",
    "cli",
    "workflows",
    "viewer",
    "figures",
    "optimization tracking training",
    "results",
    "config",
    "recordings stft",
    "system",
    "units",
    "text",
    "errors",
]
RUNG = {name: i for i, line in enumerate(LADDER) for name in line.split()}
OF_CONFIG = {"stft.modes", "stft.frame_positions"}  # all that a configuration needs to know of the transform
MOST_MODULES, MOST_LINES, MOST_OF_A_FUNCTION = 15, 300, 50
HOMES = {
    "soundfile": {"recordings/audio", "recordings/encoded_audio"},
    "pymatreader": {"recordings/formats/matlab"},
    "h5py": {"recordings/formats/hdf5"},
    "nptdms": {"recordings/formats/tdms"},
    "pyuff": {"recordings/formats/uff"},
    "pyedflib": {"recordings/formats/edf"},
    "wfdb": {"recordings/formats/physionet"},
    "obspy": {"recordings/formats/seismic"},
    "pyarrow": {"recordings/formats/columnar"},
    "av": {"recordings/formats/media"},
    "charset_normalizer": {"recordings/tables/encoding"},
    "scipy": {
        *("recordings/preparation/band", "recordings/preparation/whitening"),
        *("optimization/local_entropy/seen_regions", "tracking/order_spectrum"),
    },
    "pandas": {"recordings/tables/rates/clock_text", "recordings/tables/table"},
    "yaml": {"config/yaml_io"},
    "numba": {"optimization/fused_kernels"},
    "matplotlib": {
        "figures/axes",
        "figures/frame_timeline",
        "figures/images",
        "figures/length_curve",
        "figures/loss_curves",
        "figures/shown/view",
        "figures/spectrograms",
        "figures/style",
        "figures/thumbnail",
        "figures/titles",
        "figures/training/confusion",
        "figures/training/curves",
        "figures/training/windows",
        "workflows/training/pictures",
        "figures/tracks/track_figure",
    },
    "PIL": {"figures/spectrograms", "figures/thumbnail"},
    "rich": {"cli/printing/console"},
    "jinja2": {"viewer/page", "workflows/batch/report"},
    "bokeh": {"viewer/page", "viewer/plots"},
    "distributed": {"workflows/batch/workers"},
    "pydantic": {
        "config/field_types",
        "config/figure_settings",
        "config/loading",
        "config/preparation_settings",
        "config/schema",
        "config/section",
        "results/json_files",
        "results/metrics",
        "workflows/regression/baseline_file",
        "workflows/regression/tolerances",
    },
    "click": {"cli"},
    "cloup": {"cli"},
}


def package(dotted: str) -> str:
    return dotted.split(".")[0]


def module(path: Path) -> str:
    """stft.windows for stft/windows.py, stft for stft/__init__.py."""
    return ".".join(path.parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """The modules of our own that a module imports, anywhere in it."""
    folder = path.parts[:-1]
    targets = set()
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*folder[: len(folder) - node.level + 1], *(node.module or "").split(".")]
            base = [part for part in base if part]
            for alias in node.names:
                inner = Path(*base, alias.name)
                targets.add(module(inner if inner in TREES else Path(*base)))
    return targets


@pytest.mark.parametrize("path", [path for path in TREES if path.parts != ("__init__",)], ids=str)
def test_imports_run_down_the_ladder(path):
    here = package(module(path))
    for target in imports(path):
        there = package(target)
        assert there == here or RUNG[there] > RUNG[here], f"{module(path)} imports {target}"
        assert (here, there) != ("config", "stft") or target in OF_CONFIG, f"{module(path)} imports {target}"


def test_no_modules_import_each_other_in_a_circle():
    graph = {module(path): imports(path) for path in TREES}
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError


def test_importing_the_package_imports_nothing_of_it():
    assert not imports(Path("__init__"))


@pytest.mark.parametrize("folder", sorted({path.parent for path in TREES}), ids=str)
def test_a_folder_can_be_taken_in_at_a_glance(folder):
    modules = [path for path in TREES if path.parent == folder and path.name != "__init__"]
    assert len(modules) <= MOST_MODULES
    assert folder / "__init__" in TREES


@functools.cache
def libraries(path: Path) -> set[str]:
    """The top packages that a module imports from outside, anywhere in it."""
    plain = {alias.name for node in ast.walk(TREES[path]) if isinstance(node, ast.Import) for alias in node.names}
    parts = {node.module for node in ast.walk(TREES[path]) if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.split(".")[0] for name in plain | parts}


@pytest.mark.parametrize("library", HOMES)
def test_each_library_has_one_home(library):
    users = {path for path in TREES if library in libraries(path)}
    homes = {"cli" if library in ("click", "cloup") and path.parts[0] == "cli" else path.as_posix() for path in users}
    assert homes == HOMES[library]


BANNED_CALLS = {"print", "exit", "quit", "eval", "exec", "sys.exit", "os._exit", "os.system", "os.popen", "torch.load"}
BANNED_CALLS |= {
    f"yaml.{name}" for name in ("load", "load_all", "unsafe_load", "full_load", "unsafe_load_all", "full_load_all")
}
ALLOWED_CALLS = {Path("system/shutdown"): {"os._exit"}}  # the one place that may end the process wherever it stands
BANNED_ARGUMENTS = {("allow_pickle", True), ("weights_only", False), ("shell", True)}


@pytest.mark.parametrize("path", TREES, ids=str)
def test_no_module_prints_exits_or_runs_data_as_code(path):
    nodes = list(ast.walk(TREES[path]))
    calls = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    assert not calls & BANNED_CALLS - ALLOWED_CALLS.get(path, set())
    assert (
        not {(node.arg, getattr(node.value, "value", None)) for node in nodes if isinstance(node, ast.keyword)}
        & BANNED_ARGUMENTS
    )
    assert not libraries(path) & {"pickle", "marshal", "shelve", "dill", "cloudpickle"}


@pytest.mark.parametrize("path", TREES, ids=str)
def test_files_and_functions_stay_short(path):
    lines = (PACKAGE / path.with_suffix(".py")).read_text("utf-8").count("\n")
    assert lines <= MOST_LINES
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            assert node.end_lineno - body[0].lineno < MOST_OF_A_FUNCTION, node.name
