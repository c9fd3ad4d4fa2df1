"""How much memory a run counts on: the least of what the machine, its control groups and the shell leave."""

import os
import platform
import subprocess
import sys

import pytest
from patience import HANGING

from dstft_cli.system import memory
from dstft_cli.workflows.batch.workers import LocalWorkers

GB = 10**9


@pytest.fixture
def machine(tmp_path):
    """Writes files of /proc and /sys below a folder of their own, with 8 GB free."""

    def write(**files: str):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    write(**{"proc/meminfo": f"MemTotal: 16000000 kB\nMemAvailable: {8 * GB // 1024} kB\n", "proc/self/cgroup": ""})
    return write


def group(folder: str, names: tuple[str, str], limit: object, used: int, cache: str) -> dict[str, str]:
    values = (str(limit), str(used), cache)
    return {f"sys/fs/cgroup/{folder}{n}": v for n, v in zip((*names, "memory.stat"), values, strict=True)}


TWO, ONE = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")


@pytest.mark.parametrize(
    ("line", "files", "expected"),
    [
        ("0::/", {}, 8.0),
        ("0::/", group("", TWO, "max", 3 * GB, f"anon 5\ninactive_file {GB}"), 8.0),
        ("0::/", group("", TWO, 4 * GB, 3 * GB, f"anon 5\ninactive_file {GB}"), 2.0),
        ("0::/a/b", group("a/", TWO, 4 * GB, 1 * GB, "inactive_file 0"), 3.0),  # one above it
        ("0::/a/b", group("", TWO, 4 * GB, 1 * GB, "inactive_file 0"), 3.0),  # a container shows its own at the top
        ("5:memory:/a\n0::/", group("memory/a/", ONE, 2 * GB, GB, f"total_inactive_file {GB // 2}"), 1.5),
        ("5:cpu:/a", group("cpu/a/", ONE, 2 * GB, GB, "total_inactive_file 0"), 8.0),
        ("0::/", group("", TWO, GB, 2 * GB, "inactive_file 0"), 0.0),
        ("nonsense", {}, 8.0),
        ("0::/", group("", TWO, "?", 2 * GB, "inactive_file 0"), 8.0),
    ],
)
def test_a_container_gets_no_more_than_it_is_allowed(machine, line, files, expected):
    root = machine(**{"proc/self/cgroup": line + "\n"}, **files)
    assert memory.free_memory(root) == pytest.approx(expected * GB, rel=1e-6)


def test_a_system_without_proc_has_half_of_what_is_built_in(tmp_path):
    found = memory.free_memory(tmp_path)
    assert found == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def sharers() -> int:
    return memory._processes


def test_each_worker_of_a_batch_counts_on_its_share():
    workers = LocalWorkers(3)
    try:
        assert [workers.submit(sharers).result(HANGING) for _ in range(2)] == [3, 3]
    finally:
        workers.close()


def test_workers_share_it(machine, monkeypatch):
    monkeypatch.setattr(memory, "_processes", 1)
    memory.share_among(4)
    assert memory.free_memory(machine()) == pytest.approx(2 * GB, rel=1e-6)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a shell as POSIX has them")
def test_a_limit_of_the_shell_counts():
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (10**9, 10**9))\n"
        "from dstft_cli.system.memory import free_memory; print(free_memory())"
    )
    found = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert 0.5e9 < found < 1e9


def printed(lines: tuple[str, ...]) -> int:
    """The number that a process of its own prints."""
    command = [sys.executable, "-c", "\n".join(lines)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=HANGING).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the C library glibc")
def test_freed_memory_is_used_again_without_asking_the_kernel():
    """Blocks as those of a training step; each page that the kernel gives anew is counted as a fault, 327 680 at most here."""
    lines = (
        "import resource, torch",
        "from dstft_cli.system.memory import keep_freed_memory",
        "keep_freed_memory()",
        "def faults():",
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt",
        "    for _ in range(20): blocks = [torch.ones(2**20) for _ in range(16)]; del blocks",
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before",
        "faults(); print(faults())",
    )
    assert printed(lines) < 1000


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the C library glibc")
def test_memory_that_is_free_between_blocks_in_use_goes_back_to_the_system():
    lines = (
        "import os",
        "from dstft_cli.system.memory import return_freed_memory",
        "def resident(): return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE')",
        "blocks = [bytearray(100_000) for _ in range(2000)]; del blocks[::2]",
        "before = resident(); return_freed_memory(); print(before - resident())",
    )
    assert printed(lines) > 5e7
