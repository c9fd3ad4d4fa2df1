"""Arrays: archives that lie, hide code or hold what no spectrogram is made of."""

import io
import pickle
import struct
import zipfile
from collections.abc import Iterator

import numpy as np
from hostile import READ, REFUSED, UNHARMED, Case, cut, flip, put

SIGNATURES = {"member": b"PK\3\4", "list": b"PK\1\2", "end": b"PK\5\6"}


class _Evil:
    """Would make a file where it is unpickled."""

    def __init__(self, canary: str):
        self.canary = canary

    def __reduce__(self):
        return open, (self.canary, "w")


def npy(array: np.ndarray, header: bytes | None = None, **named) -> bytes:
    """An array as numpy.save writes it, maybe under another header."""
    file = io.BytesIO()
    np.save(file, array, **named)
    if header is None:
        return file.getvalue()
    text = header + b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + array.tobytes()


def described(shape, descr="'<f8'", order="False", extra="") -> bytes:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, {extra}}}".encode()


def archive(members: dict[str, bytes], method=zipfile.ZIP_STORED, comment=b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, content in members.items():
            made.writestr(zipfile.ZipInfo(name), content, method)
        made.comment = comment
    return file.getvalue()


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def without(content: bytes, name: str) -> bytes:
    return archive({key: value for key, value in members(content).items() if key != name})


def instead(content: bytes, name: str, array: bytes) -> bytes:
    return archive({**members(content), name: array})


def result_cases(good: bytes, canary: str) -> Iterator[Case]:
    """What may have become of the result.npz ``good``; canary: a file that code in them would make."""

    def bad(name: str, content: bytes) -> Case:
        return Case(f"{name}.npz", content, REFUSED)

    yield Case("good.npz", good, READ)
    yield Case("good-again.npz", archive(members(good)), READ)
    yield Case("good-comment.npz", archive(members(good), comment=b"kept by me"), READ)
    evil = pickle.dumps(_Evil(canary))
    objects = npy(np.array([_Evil(canary)], dtype=object), allow_pickle=True)
    for name in ("stft.npy", "loss_history.npy", "mode.npy"):
        yield bad(f"pickle-{name}", instead(good, name, evil))
        yield bad(f"objects-{name}", instead(good, name, objects))
        yield bad(f"lost-{name}", without(good, name))
        yield bad(f"empty-{name}", instead(good, name, b""))
        yield bad(f"zeros-{name}", instead(good, name, bytes(500)))
    yield bad("pickle-whole", evil)
    yield bad("npy-whole", npy(np.arange(5.0)))
    yield bad("objects-extra", instead(good, "extra.npy", objects))
    yield bad("no-arrays", archive({}))
    for name in (
        "../up.npy",
        "/tmp/absolute.npy",
        "..\\back.npy",
        "C:\\x.npy",
        "a/b.npy",
        "a\0b.npy",
        "\x1b[2J.npy",
        "x" * 5000,
    ):
        yield bad(f"name-{len(name)}-{ord(name[0])}-{ord(name[1])}", instead(good, name, npy(np.arange(5.0))))
    yield bad("compressed", archive(members(good), zipfile.ZIP_DEFLATED))
    yield bad("compressed-lzma", archive(members(good), zipfile.ZIP_LZMA))
    bomb = npy(np.zeros(1), described("(10000000,)")) + bytes(80_000_000)
    yield bad("bomb", archive({**members(good), "stft.npy": bomb}, zipfile.ZIP_DEFLATED))
    yield bad("bomb-beside", archive({"extra.npy": bomb}, zipfile.ZIP_DEFLATED))
    for shape in (
        "(2**40,)",
        "(1099511627776,)",
        "(-1,)",
        "(3, -3)",
        "(1,) * 10",
        "(" + "1," * 300 + ")",
        "(0, 10**30)",
        "'x'",
        "None",
        "(1.5,)",
    ):
        yield bad(
            f"shape-{len(shape)}-{shape[:6]}".replace("/", ""),
            instead(good, "stft.npy", npy(np.ones(3), described(shape))),
        )
    for descr in (
        "'O'",
        "'|O8'",
        "'<M8[s]'",
        "'V1000000000'",
        "'U1000000000'",
        "'S10'",
        "[('a', '<f8')]",
        "[('a', 'O')]",
        "'<f2'",
        "'>c8'",
        "'c32'",
        "'nonsense'",
        "1",
        "__import__('os')",
    ):
        yield bad(
            f"type-{descr}".replace("/", ""), instead(good, "theta.npy", npy(np.ones(3), described("(3,)", descr)))
        )
    deep = "(" * 300 + ")" * 300
    for header in (
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff\xfe",
        described("(3,)", extra="'x': 1"),
        deep.encode(),
        b"1" * 5000,
        b"{'a': " * 200,
    ):
        yield bad(f"header-{len(header)}-{header[:1].hex()}", instead(good, "theta.npy", npy(np.ones(3), header)))
    for version in (0, 2, 3, 255):
        yield bad(f"version-{version}", instead(good, "theta.npy", put(npy(np.ones(3)), 6, bytes([version]))))
    for mark, signature in SIGNATURES.items():
        place = good.index(signature) if mark != "end" else good.rindex(signature)
        for end, part in cut(good, place, place + 2, place + 12, place + 28):
            yield Case(f"cut-{mark}-{end}.npz", part, UNHARMED if end > len(good) else REFUSED)
        for at in range(4, 20 if mark == "end" else 46, 3):
            if mark != "member" or at < 26:
                yield Case(f"flip-{mark}-{at}.npz", flip(good, place + at, 6), UNHARMED)
    for end, part in cut(good, 1, 100, len(good) // 2, -1, -22, -30):
        yield bad(f"cut-{end}", part)
    for i in range(8):
        place = len(good) * (2 * i + 1) // 16
        yield Case(f"flip-{place}.npz", flip(good, place, 5), REFUSED)
    yield bad("hole", put(good, len(good) // 3, bytes(600)))
    yield Case("doubled.npz", good[: len(good) // 2] + good, UNHARMED)
    yield bad("text", b"this is no archive\n" * 20)
    yield bad("nothing", b"")
    yield Case("entries-65535.npz", put(good, good.rindex(b"PK\5\6") + 8, struct.pack("<HH", 65535, 65535)), UNHARMED)
    yield bad("list-far", put(good, good.rindex(b"PK\5\6") + 16, struct.pack("<I", 2**32 - 2)))
    yield bad("list-long", put(good, good.rindex(b"PK\5\6") + 12, struct.pack("<I", 2**31)))
