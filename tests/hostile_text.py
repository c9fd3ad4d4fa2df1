"""Tables of numbers: what odd programs write, and what nobody should be asked to read."""

import functools
import struct
from collections.abc import Iterator

import numpy as np
from hostile import READ, REFUSED, WARNED, Case

N, FS = 600, 200.0
X = np.round(np.random.default_rng(5).standard_normal(N), 5)
T = np.round(np.arange(N) / FS, 6)


def rows(time=T, values=X, between=",", form="{}", end="\n") -> list[str]:
    return [form.format(t) + between + form.format(x) + end for t, x in zip(time, values, strict=True)]


def table(head="time,x\n", lines=None) -> bytes:
    return (head + "".join(rows() if lines is None else lines)).encode()


def with_line(place: int, line: str, head="time,x\n", lines=None) -> bytes:
    """The table with another line in place of one, which stands on line place + 1 below one line of names."""
    lines = rows() if lines is None else lines
    return table(head, [*lines[:place], line, *lines[place + 1 :]])


def legal() -> Iterator[Case]:
    def good(name, content, message="", channels=1, rate=FS, frames=N, **options):
        return Case(f"{name}", content, READ, message, frames, channels, rate, options)

    yield good("legal.csv", table())
    for code in ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"):
        if code.startswith("utf-16"):
            yield good(f"legal-{code}.csv", table().decode().encode(code))
        yield good(f"legal-{code}-bom.txt", ("\ufeff" + table().decode()).encode(code.removesuffix("-sig")))
    yield good("legal-latin.csv", "Zeit (s),Größe\n".encode("cp1252") + table(""))
    for name, end in {"crlf": "\r\n", "cr": "\r"}.items():
        yield good(f"legal-{name}.csv", table("time,x" + end, rows(end=end)))
    yield good(
        "legal-mixed-ends.csv",
        table(lines=[line.replace("\n", "\r\n") if i % 3 else line for i, line in enumerate(rows())]),
    )
    yield good("legal-quoted.csv", table('"time","x"\n', rows(form='"{}"')))
    yield good("legal-quoted-commas.csv", table("time;x\n", rows(between=";", form='"{}"')).replace(b".", b","))
    yield good("legal-half-quoted.csv", table(lines=[f'{t},"{x}"\n' for t, x in zip(T, X, strict=True)]))
    yield good("legal-tabs.tsv", table("time\tx\n", rows(between="\t")))
    yield good("legal-space-and-comma.csv", table(lines=rows(between=" , ")))
    yield good("legal-semicolons.csv", table("time;x\n", rows(between=";")).replace(b".", b","))
    yield good("legal-one-column.txt", table("", [f"{x}\n" for x in X]), fs=FS)
    yield good("legal-one-column-named.txt", table("accel\n", [f"{x}\n" for x in X]), fs=FS)
    yield good("legal-one-column-commas.txt", table("", [f"{x}\n".replace(".", ",") for x in X]), fs=FS)
    yield good("legal-exponents.csv", table(lines=rows(form="{:.6E}")))
    yield good("legal-plus-signs.csv", table(lines=rows(form="{:+.6f}")))
    yield good("legal-no-final-newline.csv", table().rstrip())
    yield good("legal-blank-lines-at-end.csv", table() + b"\n\n\n  \n")
    yield good("legal-comments.csv", b"# made by hand\n# fs unknown\n" + table())
    yield good("legal-trailing-commas.csv", table("time,x,\n", [line.replace("\n", ",\n") for line in rows()]))
    yield good("legal-fortran.txt", table("", rows(between="   ", form="{:12.5f}")))
    yield good("legal-unix-time.csv", table(lines=rows(T + 1.7e9, form="{:.6f}")), rate=None)
    yield good("legal-milliseconds.csv", table("time (ms),x\n", rows(1000 * T)))
    yield good("legal-jitter.csv", table(lines=rows(T + 4e-4 * np.sin(np.arange(N)))), rate=None)
    yield good("legal-64-columns.csv", wide(64), channels=64)
    yield good("legal-1000-columns.csv", wide(1000, 50), channels=1000, frames=50)
    yield good("legal-lvm.lvm", LVM.encode() + table("X_Value\tacc\tComment\n", rows(between="\t")))
    yield good("legal-rate-above.csv", b"# sampling rate: 200 Hz\n" + table("x\n", [f"{x}\n" for x in X]))
    yield good("legal-huge-numbers.csv", table(lines=rows(values=X * 1e200)))
    yield good("legal-long-header.csv", b"# " + b"a" * 200_000 + b"\n" + table())
    yield good("legal-many-header-lines.csv", b"# line\n" * 5000 + table())
    yield good("legal-integers.csv", table(lines=rows(values=np.round(X * 1000).astype(int))))
    yield good("legal-big-integers.csv", table(lines=rows(values=2**53 + np.round(X * 1000).astype(int))))
    yield good("legal-unicode-minus.csv", table().replace(b"-", "\u2212".encode()))
    yield good("legal-named.CSV", table())


LVM = "LabVIEW Measurement\nWriter_Version\t2\nSeparator\tTab\n***End_of_Header***\n\nChannels\t1\nSamples\t600\n***End_of_Header***\n"


def wide(columns: int, count: int = N) -> bytes:
    values = np.round(np.outer(X[:count], np.arange(1, columns + 1)), 4)
    names = "time," + ",".join(f"c{i}" for i in range(columns)) + "\n"
    return (
        names + "".join(f"{t}," + ",".join(map(str, row)) + "\n" for t, row in zip(T, values.tolist(), strict=False))
    ).encode()


def cells() -> Iterator[Case]:
    """One bad line in the midst of good ones; each refusal names the line."""
    middle = 400
    place = f"line {middle + 2}"
    for name, line in {
        "word": "2.0,hello\n",
        "empty": "2.0,\n",
        "nan": "2.0,nan\n",
        "infinite": "2.0,inf\n",
        "error": "2.0,#DIV/0!\n",
        "dashes": "2.0,--\n",
        "two-numbers": "2.0,1 2\n",
        "unit": "2.0,1.5 mV\n",
        "hexadecimal": "2.0,0x1F\n",
        "underscore": "2.0,1_000\n",
        "thousands": "2.0,1,234\n",
        "third-cell": "2.0,1.5,7\n",
        "one-cell": "2.0\n",
        "no-time": ",1.5\n",
        "semicolon": "2.0;1.5\n",
        "tab": "2.0\t1.5\n",
        "decimal-comma": "2,0,1,5\n",
        "quote-open": '2.0,"1.5\n',
        "quote-open-first": '"2.0,1.5\n',
        "null-byte": "2.0,1\0.5\n",
        "replacement": "2.0,1\ufffd5\n",
        "bell": "2.0,\x1b[31m\n",
        "true": "2.0,True\n",
        "complex": "2.0,1+2j\n",
        "huge": "2.0,1e999\n",
        "long": "2.0," + "9" * 50_000 + "\n",
        "names-again": "time,x\n",
    }.items():
        yield Case(f"cell-{name}.csv", with_line(middle, line), REFUSED, "byte" if "\0" in line else place)
    quoted = rows(form='"{}"')
    for name, line in {"first": '"2.0,"1.5"\n', "second": '"2.0","1.5\n', "middle": '"2.0",1"5\n'}.items():
        yield Case(f"cell-quoted-open-{name}.csv", with_line(middle, line, lines=quoted), REFUSED, "line")
    yield Case("cell-first.csv", with_line(0, "0,oops\n"), REFUSED, "line 2")
    yield Case("cell-last.csv", with_line(N - 1, "2.995,oops\n"), REFUSED, f"line {N + 1}")
    yield Case("cell-cut.csv", table()[: table().rindex(b".") + 1], WARNED, f"line {N + 1}", N)
    yield Case("cell-cut-in-time.csv", table()[: table().rindex(b"2.995") + 3], REFUSED, f"line {N + 1}")
    yield Case(
        "ragged.csv",
        table(lines=[line.replace("\n", ",5\n") if i % 2 else line for i, line in enumerate(rows())]),
        REFUSED,
    )
    yield Case("ragged-late.csv", table(lines=rows()[:590] + ["2.95,1,2,3,4\n"] * 10), REFUSED, "line 592")
    yield Case("blank-inside.csv", with_line(middle, "\n"), REFUSED)
    yield Case("text-below.csv", table() + b"mean,0.1\n", REFUSED, f"line {N + 2}")
    yield Case("table-below.csv", table() + b"\n" + table(), REFUSED)
    yield Case("thousands.csv", table(lines=[f'{t},"{1000 + i},{i % 10}00"\n' for i, t in enumerate(T)]), REFUSED)
    yield Case(
        "mixed-separators.csv",
        table(lines=[line.replace(",", ";") if i % 2 else line for i, line in enumerate(rows())]),
        REFUSED,
    )
    yield Case(
        "zeros-in-the-middle.csv",
        table(lines=rows(values=np.where(abs(np.arange(N) - 300) < 140, 0, X))),
        WARNED,
        "zero",
    )
    yield Case("constant.csv", table(lines=rows(values=0 * X + 2)), REFUSED, "constant (2")


def times() -> Iterator[Case]:
    """Time columns that are no clock."""
    bad = {
        "falls": np.where(np.arange(N) == 300, 0.1, T),
        "repeats": np.where(np.arange(N) == 300, T[299], T),
        "all-alike": 0 * T + 1,
        "backwards": T[::-1],
        "jumps": T + (np.arange(N) > 300) * 10,
        "restarts": T % 1.5,
        "wanders": T * (1 + 0.1 * np.sin(np.arange(N) / 50)),
        "squares": T**2,
        "logarithm": np.log10(T + 0.005),
        "coarse": np.round(T, 1),
    }
    for name, time in bad.items():
        yield Case(f"time-{name}.csv", table(lines=rows(np.round(time, 6))), REFUSED, "line")
    yield Case(
        "time-gap-of-one.csv", table(lines=rows(np.delete(np.arange(N + 1) / FS, 300).round(6))), WARNED, "line 302"
    )
    yield Case("time-nan.csv", with_line(300, "nan,1.5\n"), REFUSED, "line 302")
    yield Case(
        "time-dates.csv",
        table(lines=[f"2024-01-01 00:00:{t:09.6f},{x}\n" for t, x in zip(T, X, strict=True)]),
        READ,
        "",
        N,
        1,
        FS,
    )
    yield Case(
        "time-dates-in-whole-seconds.csv",
        table(lines=[f"2024-01-01 00:00:{t:02.0f},{x}\n" for t, x in zip(T, X, strict=True)]),
        REFUSED,
        "--fs",
    )
    yield Case("time-tiny.csv", table(lines=rows(T * 1e-300)), REFUSED)
    yield Case("time-huge.csv", table(lines=rows(T * 1e300)), REFUSED)
    yield Case("time-only.csv", table("time\n", [f"{t}\n" for t in T]), REFUSED)
    yield Case("no-time.csv", table("x,y\n", [f"{x},{-x}\n" for x in X]), REFUSED, "--fs")
    for rate in ("0", "-5", "nan", "1e400", "fast"):
        content = f"# sampling rate: {rate} Hz\n".encode() + table("x\n", [f"{x}\n" for x in X])
        yield Case(f"rate-{rate}.csv", content, REFUSED)


def slow() -> Iterator[Case]:
    """Lines on which a pattern may try for ever."""
    spaces, words = " " * 100_000, "sampl" * 20_000
    for name, head in {
        "spaces": f"time,x{spaces}y\n",
        "spaces-in-comment": f"# time x{spaces}y\ntime,x\n",
        "brackets": f"time,x{' (' * 50_000}\n",
        "sampling": f"# {words}\ntime,x\n",
        "rate": f"# sampling rate{spaces}\ntime,x\n",
        "colons": f"# units{':' * 100_000} y z\ntime,x\n",
        "labels": f"# labels{':=' * 50_000}\ntime,x\n",
        "digits": f"# sampling rate: {'1,' * 50_000}\ntime,x\n",
    }.items():
        yield Case(f"slow-{name}.csv", table(head), READ, "", N, 1, FS)
        yield Case(f"slow-{name}-spaced.txt", table(head.replace(",x", " x"), rows(between=" ")), READ, "", N, None, FS)


def no_text() -> Iterator[Case]:
    """What is no table at all."""
    noise = np.random.default_rng(2).bytes(3000)
    for name, content in {
        "empty": b"",
        "newline": b"\n",
        "newlines": b"\n" * 100_000,
        "spaces": b" " * 100_000,
        "commas": b"," * 100_000,
        "bom": b"\xef\xbb\xbf",
        "bom-16": b"\xff\xfe",
        "nulls": bytes(5000),
        "noise": noise,
        "high-noise": bytes(byte | 128 for byte in noise),
        "names-only": b"time,x\n",
        "html": b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n" * 20,
        "json": b'{"time": [0, 1, 2], "x": [1.5, 2.5, 3.5]}',
        "zip": b"PK\3\4" + noise,
        "excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + noise,
        "gzip": b"\x1f\x8b\x08\0" + noise,
        "words": b"the quick brown fox\n" * 1000,
        "one-number": b"1\n",
        "quotes": b'"' * 10_000,
        "open-quote": b'"time,x\n' + b"0,1\n" * 500,
        "formula": b'=cmd|" /C calc"!A0,1\n' * 50,
        "one-line": b"1,2," * 30_000 + b"3\n",
        "odd-utf-16": b"\xff\xfe" + "time,x\n0,1\n".encode("utf-16-le") + b"\x41",
        "utf-16-surrogates": b"\xff\xfe" + struct.pack("<H", 0xD800) * 500,
        "wav": b"RIFF" + bytes(100),
    }.items():
        yield Case(f"none-{name}.csv", content, REFUSED)
    yield Case("none-null-inside.txt", table()[:3000] + bytes(200) + table()[3000:], REFUSED, "byte 3000")
    yield Case("none-escape.csv", b"\x1b]0;owned\x07\n\x1b[2Jx\n" * 20, REFUSED)


def long_text() -> Iterator[Case]:
    """Tables so long that the fault lies far behind what is looked at first."""
    count = 14_000
    lines = [f"{i / 1000:.18f},{v:.60f}\n" for i, v in enumerate(np.sin(np.arange(count)).tolist())]
    for name, line in {"word": "13.9,oops\n", "null": "13.9,1\0\n"}.items():
        content = "".join(["time,x\n", *lines[:13_900], line, *lines[13_901:]]).encode()
        yield Case(f"far-{name}.csv", content, REFUSED, "line 13902")
    yield Case("far-latin-cell.csv", "".join(["time,x\n", *lines, "14.0,µ\n"]).encode("cp1252"), REFUSED, "line 14002")
    yield Case("long-line.csv", b"time,x\n" + b"0,1\n" * 3 + b"1" * 1_200_000 + b"\n", REFUSED)
    yield Case("long-line-of-cells.csv", b"1," * 2_000_000 + b"1\n", REFUSED)


@functools.cache
def cases() -> list[Case]:
    return [*legal(), *cells(), *times(), *slow(), *no_text(), *long_text()]


def million() -> Case:
    """A million rows."""
    lines = "\n".join(f"{i / 1000:.3f},{i % 977}" for i in range(1_000_000))
    return Case("million.csv", f"time,x\n{lines}\n".encode(), READ, "", 1_000_000, 1, 1000.0)
