"""How the package hangs together: what may import what, and what no module may do."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "dstft_cli"
TREES = {
    path.relative_to(PACKAGE).with_suffix(""): ast.parse(path.read_text("utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
}

LADDER = [  # a module imports from lower lines only
    "__main__",
    "commands",
    "batch check_reports comparison console plots recommendation reconstruction",
    "baselines work",
    "movements",
    "adaptive_gain baseline_files report runs",
    "claims holding watching",
    "check_values figures frame_figure optimization recommendation_figure stored thumbnails tolerances",
    "display",
    "drawing histograms moving_pieces results still_blocks sum_tables report_page",
    "local_pieces long_run moving_frames pilot still_frames",
    "moving_bank progress raster",
    "long_problem search",
    "problem",
    "planning",
    "collecting descent final frame_sums geometry",
    "bank concentration config module scales signals",
    "inversion",
    "node_sum verify",
    "array_files audio_files criteria interpolation refusals text_files transform yaml_files",
    "containers settings staging sums text_layout text_rates trials",
    "flac_audit iff_audit ogg_audit riff_audit",
    "flac_frames riff_lists setting_types",
    "findings",
    "devices frames holes lengths positions recordings text_names windows",
    "chunks disk_planes faults hush modes sizes tapes text_cells tool_lines wording workers",
    "errors free_memory streams",
]
RUNG = {name: i for i, line in enumerate(LADDER) for name in line.split()}
UPWARDS = {("text_rates", "text_files")}  # for type checkers only
HOMES = {
    "soundfile": {"audio_files"},
    "pandas": {"text_files"},
    "yaml": {"yaml_files"},
    "matplotlib": {"figures", "frame_figure", "drawing", "recommendation_figure", "thumbnails"},
    "PIL": {"thumbnails"},
    "rich": {"console"},
    "distributed": {"workers"},
    "pydantic": {"settings", "setting_types", "config"},
    "click": {"commands", "console"},
}
LONG_FILES: set[str] = set()


def room(path: Path) -> str:
    return path.parts[0]


def later(tree) -> set[int]:
    """The nodes that are not run when the module is imported."""

    def waits(node):
        return isinstance(node, ast.FunctionDef) or (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        )

    return {id(inner) for block in filter(waits, ast.walk(tree)) for inner in ast.walk(block)}


def own_imports(path: Path):
    """(room imported, whether at the top) of every relative import that leaves the module's own room."""
    postponed = later(TREES[path])
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.ImportFrom) and node.level:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            inside = node.level == 1 and len(path.parts) == 2  # within the folder of commands
            yield from ((name, id(node) not in postponed) for name in names if not inside)


@pytest.mark.parametrize("path", [path for path in TREES if path.parts != ("__init__",)], ids=str)
def test_imports_run_down_the_ladder(path):
    here = RUNG[room(path)]
    for name, at_the_top in own_imports(path):
        allowed_up = (room(path), name) in UPWARDS and not at_the_top
        assert RUNG[name] > here or allowed_up, f"{room(path)} imports {name}"


def test_importing_the_package_imports_nothing_of_it():
    assert not list(own_imports(Path("__init__")))


def libraries(tree) -> set[str]:
    """The top packages that a module imports from outside, anywhere in it."""
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    parts = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.split(".")[0] for name in plain | parts}


@pytest.mark.parametrize("library", HOMES)
def test_each_library_has_one_home(library):
    assert {room(path) for path, tree in TREES.items() if library in libraries(tree)} == HOMES[library]


BANNED_CALLS = {"print", "exit", "quit", "eval", "exec", "sys.exit", "os._exit", "os.system", "os.popen", "torch.load"}
BANNED_CALLS |= {
    f"yaml.{name}" for name in ("load", "load_all", "unsafe_load", "full_load", "unsafe_load_all", "full_load_all")
}
ALLOWED_CALLS = {Path("watching"): {"os._exit"}}  # the one place that may end the process wherever it stands
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
    assert not libraries(TREES[path]) & {"pickle", "marshal", "shelve", "dill", "cloudpickle"}


@pytest.mark.parametrize("path", TREES, ids=str)
def test_files_and_functions_stay_short(path):
    lines = (PACKAGE / path.with_suffix(".py")).read_text("utf-8").count("\n")
    assert lines <= 300 or room(path) in LONG_FILES
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            assert node.end_lineno - body[0].lineno < 50, node.name
