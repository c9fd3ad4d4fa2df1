"""Files of arrays that anybody may have made: sound ones come back as they are, all others are one sentence."""

import io
import os
import pickle
import random
import struct
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

from dstft_cli.errors import InputError
from dstft_cli.results import npy_files
from dstft_cli.results.npy_files import read_npy, read_npz

MEGABYTE = 1_000_000
ARRAYS = {"a": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "b": np.float64(2.5), "c_x": np.str_("hann")}
pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "it.npz"


def read(path):
    """The arrays a and b, and those whose names end in _x."""
    return read_npz(path, ["a", "b"], "_x", "arrays", "make it again")


def refusal(call, path) -> str:
    """The sentence with which a file is refused: one line, not long, and named after the file; for little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as caught:
            call(path)
        assert tracemalloc.get_traced_memory()[1] < 5 * MEGABYTE
    finally:
        tracemalloc.stop()
    sentence = str(caught.value)
    assert sentence.isprintable() and len(sentence) <= 300 and "it.np" in sentence
    return sentence


def saved(arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def npy(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def with_header(text: str, data: bytes = b"", version: int = 1) -> bytes:
    """An .npy file with that header."""
    head = text.encode("latin1") + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(head))
    return b"\x93NUMPY" + bytes([version, 0]) + length + head + data


def header(dtype: str, shape: str, order: str = "False") -> str:
    return f"{{'descr': {dtype}, 'fortran_order': {order}, 'shape': {shape}, }}"


def packed(members: dict[str, bytes] | list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are given twice
        for name, data in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, data)
    return file.getvalue()


def overwrite(path, place: int, data: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(data)


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


class TestSound:
    @pytest.mark.parametrize("dtype", ["f4", ">f4", "f2", ">f8", "c8", ">c16", "i8", ">i2", "u1", "?", "U7", ">U7"])
    def test_arrays_come_back_in_this_machine_s_order(self, path, dtype):
        values = (np.arange(6).reshape(2, 3) % 2).astype(dtype)
        scalar = np.array(values[0, 0], dtype)
        path.write_bytes(saved({"a": values, "b": np.asfortranarray(values), "e_x": values[:0], "s_x": scalar}))
        found = read(path)
        assert same(found, {"a": values, "b": values, "e_x": values[:0], "s_x": scalar})
        for array in found.values():
            assert array.dtype == np.dtype(dtype).newbyteorder("=")
            assert array.dtype.isnative and array.flags.writeable

    def test_arrays_of_npy_come_back(self, tmp_path):
        np.save(tmp_path / "it.npy", ARRAYS["a"])
        assert np.array_equal(read_npy(tmp_path / "it.npy"), ARRAYS["a"])

    @pytest.mark.parametrize("order", "CF")
    def test_arrays_keep_their_layout_so_that_saved_again_the_bytes_are_the_same(self, path, order):
        path.write_bytes(saved({"a": np.asarray(ARRAYS["a"], order=order), "b": ARRAYS["b"]}))
        assert saved(read(path)) == path.read_bytes()

    def test_what_the_zip_says_beside_its_arrays_does_not_matter(self, path):
        path.write_bytes(b"in front of it" + saved(ARRAYS))
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = b"behind it"
        assert same(read(path), ARRAYS)


class TestDamaged:
    def test_cut_off_anywhere_it_is_refused(self, path):
        path.write_bytes(saved(ARRAYS))
        for length in reversed(range(path.stat().st_size)):
            os.truncate(path, length)
            with pytest.raises(InputError, match="damaged, cut off, or no arrays"):
                read(path)

    def test_one_bit_changed_anywhere_it_is_refused_or_means_the_same(self, path):
        whole, draw, refused = saved(ARRAYS), random.Random(0), 0
        path.write_bytes(whole)
        for place in draw.sample(range(len(whole)), 500):
            overwrite(path, place, bytes([whole[place] ^ 1 << draw.randrange(8)]))
            try:
                assert same(read(path), ARRAYS)
            except InputError as error:
                assert str(error).isprintable() and len(str(error)) <= 300
                refused += 1
            overwrite(path, place, whole[place : place + 1])
        assert refused > 300  # the rest are dates and the like

    def test_no_array_goes_missing_where_the_list_skips_it(self, path):
        whole = saved(ARRAYS)
        entries = [place for place in range(len(whole)) if whole.startswith(b"PK\1\2", place)]
        path.write_bytes(whole)
        overwrite(path, entries[1] + 32, struct.pack("<H", whole.rindex(b"PK\5\6") - entries[2]))
        assert "comment" in refusal(read, path)

    @pytest.mark.parametrize("place", [0, 400_000, 799_999])
    def test_the_checksum_is_compared_however_large_the_array(self, path, place):
        whole = bytearray(saved({**ARRAYS, "a": np.ones(100_000)}))
        whole[whole.index(np.ones(2).tobytes()) + place] ^= 1
        path.write_bytes(whole)
        assert "CRC" in refusal(read, path)

    def test_a_file_on_a_disk_that_fails_is_said_to_be_unreadable(self, path, monkeypatch):
        path.write_bytes(saved(ARRAYS))

        def failing(*_):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(npy_files, "_read_array", failing)
        assert "cannot be read: Input/output error" in refusal(read, path)


class Canary:
    """Makes a folder when it is unpickled."""

    def __init__(self, place):
        self.place = str(place)

    def __reduce__(self):
        return os.mkdir, (self.place,)


HEADERS = {
    "objects": (header("'|O'", "(1,)"), "object"),
    "records": (header("[('a', '<f8'), ('b', '<i4')]", "()"), "not plain numbers"),
    "arrays in records": (header("('<f8', (2, 2))", "()"), "not plain numbers"),
    "dates": (header("'<M8[s]'", "()"), "not plain numbers"),
    "bytes": (header("'|S8'", "()"), "not plain numbers"),
    "nothing": (header("'|V8'", "()"), "not plain numbers"),
    "long doubles": (header("'<f16'", "()"), "not plain numbers"),
    "8 TB": (header("'<f8'", "(1000000000000,)"), "size does not match its shape"),
    "more than a word": (header("'<f8'", f"({10**30}, {10**30})"), "size does not match its shape"),
    "many axes": (header("'<f8'", f"({'1, ' * 80})"), "maximum supported dimension"),
    "no numbers but many": (header("'<f8'", f"({10**30}, 0)"), "it.np"),
    "no letters but many": (header("'<U0'", "(1000000000000,)"), "it.np"),
    "2 GB of text": (header("'<U500000000'", "()"), "not plain numbers"),
    "less than nothing": (header("'<f8'", "(-1,)"), "size does not match its shape"),
    "twice less than nothing": (header("'<f8'", "(-1, -1)"), "size does not match its shape"),
    "half an axis": (header("'<f8'", "(1.5,)"), "header"),
    "no shape": ("{'descr': '<f8', 'fortran_order': False}", "header"),
    "another key": ("{'descr': '<f8', 'fortran_order': False, 'shape': (), 'x': 1}", "header"),
    "a call": ("__import__('os').mkdir('canary')", "header"),
    "a call as shape": (header("'<f8'", "(__import__('os').mkdir('canary'),)"), "header"),
    "a product as shape": (header("'<f8'", "(9**9**9,)"), "header"),
    "Python 2": (header("'<f8'", "(2L,)"), "size does not match its shape"),
    "an odd escape": (header(r"'\d'", "()"), "header"),
    "an unknown type": (header("'<q9'", "()"), "header"),
    "deep brackets": ("[" * 900, "header"),
    "deep signs": ("-" * 60_000 + "1", "header"),
    "too long": (header("'<f8'", "()").ljust(60_000), "header"),
    "empty": ("", "header"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_lies_is_found_out_before_it_is_believed(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    text, words = HEADERS[name]
    data = with_header(text, np.float64(1).tobytes())
    (tmp_path / "it.npy").write_bytes(data)
    (tmp_path / "it.npz").write_bytes(packed({"a.npy": data, "b.npy": npy(1.0)}))
    assert words in refusal(read_npy, tmp_path / "it.npy")
    assert words in refusal(read, tmp_path / "it.npz")
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("order", "<>")
def test_text_of_no_letters_is_refused(tmp_path, order):
    for number, good in ((0x10FFFF, True), (0x110000, False), (2**32 - 1, False)):
        letters = struct.pack(f"{order}2I", 65, number)
        (tmp_path / "it.npy").write_bytes(with_header(header(f"'{order}U2'", "()"), letters))
        if good:
            assert read_npy(tmp_path / "it.npy").item() == "A\U0010ffff"
        else:
            assert "codes that are no characters" in refusal(read_npy, tmp_path / "it.npy")


@pytest.mark.parametrize("version", [0, 2, 3, 255])
def test_headers_of_other_versions_are_refused(tmp_path, version):
    (tmp_path / "it.npy").write_bytes(with_header(header("'<f8'", "()"), np.float64(1).tobytes(), version))
    assert f"version {version}" in refusal(read_npy, tmp_path / "it.npy")


def test_a_header_that_claims_gigabytes_of_itself_is_refused(tmp_path):
    (tmp_path / "it.npy").write_bytes(b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{" * 100)
    refusal(read_npy, tmp_path / "it.npy")


@pytest.mark.parametrize("more", [-1, 1])
def test_an_array_with_a_byte_too_many_or_too_few_is_refused(tmp_path, more):
    whole = npy(np.arange(5.0))
    (tmp_path / "it.npy").write_bytes(whole[:more] if more < 0 else whole + b"x")
    assert "size does not match its shape" in refusal(read_npy, tmp_path / "it.npy")


def test_pickles_are_never_run(tmp_path):
    canary = np.array([Canary(tmp_path / "canary")], dtype=object)
    raw = pickle.dumps(canary[0])
    np.save(tmp_path / "it.npy", canary, allow_pickle=True)
    refusal(read_npy, tmp_path / "it.npy")
    (tmp_path / "it.npy").write_bytes(raw)
    refusal(read_npy, tmp_path / "it.npy")
    for members in ({"a.npy": (tmp_path / "it.npy").read_bytes()}, {"a.npy": raw}, {"a": raw}, {"a.pkl": raw}):
        (tmp_path / "it.npz").write_bytes(packed({**members, "b.npy": npy(1.0)}))
        refusal(read, tmp_path / "it.npz")
    np.savez(tmp_path / "it.npz", a=canary, b=1.0)
    assert "object" in refusal(read, tmp_path / "it.npz")
    assert not (tmp_path / "canary").exists()
    pickle.loads(raw)  # noqa: S301 - and it would have been seen
    assert (tmp_path / "canary").exists()


GOOD = {"a.npy": npy(np.arange(3.0)), "b.npy": npy(1.0)}


class TestZip:
    @pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_bombs_are_not_unpacked(self, path, method):
        bomb = with_header(header("'|u1'", "(8000000,)"), bytes(8 * MEGABYTE))
        path.write_bytes(packed({**GOOD, "a.npy": bomb}, method))
        assert "compressed" in refusal(read, path)

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_bombs_that_claim_to_be_small_are_not_unpacked(self, path, method):
        path.write_bytes(packed({**GOOD, "a.npy": bytes(8 * MEGABYTE)}, method))
        entry = path.read_bytes().index(b"PK\1\2")
        overwrite(path, entry + 24, path.read_bytes()[entry + 20 : entry + 24])
        assert "a is compressed" in refusal(read, path)

    def test_encrypted_ones_are_refused(self, path):
        path.write_bytes(packed(GOOD))
        overwrite(path, path.read_bytes().index(b"PK\1\2") + 8, b"\1")
        assert "encrypted" in refusal(read, path)

    def test_places_before_the_start_are_damage(self, path):
        path.write_bytes(packed(GOOD))
        overwrite(path, path.stat().st_size - 6, struct.pack("<I", 5000))
        assert "damaged, cut off" in refusal(read, path)

    @pytest.mark.parametrize("name", ["../../a.npy", "/etc/passwd", "C:\\a.npy", "a\n\x1b[31m.npy", "é" * 500, "x/"])
    def test_names_are_only_names(self, path, name):
        path.write_bytes(packed({**GOOD, name: npy(1.0)}))
        assert "it holds" in refusal(read, path)
        assert [item.name for item in path.parent.iterdir()] == ["it.npz"]

    @pytest.mark.parametrize("other", ["a.npy", "a"])
    def test_two_of_one_name_are_refused(self, path, other):
        path.write_bytes(packed([*GOOD.items(), (other, npy(np.arange(4.0)))]))
        assert "a is in it twice" in refusal(read, path)

    def test_what_is_missing_is_named(self, path):
        path.write_bytes(packed({"a.npy": npy(1.0), "c_x.npy": npy(1.0)}))
        assert "it lacks b" in refusal(read, path)

    def test_many_names_for_the_same_bytes_are_refused(self, path):
        whole = packed({**GOOD, "c_x.npy": npy(np.zeros(10_000))})
        start, last, end = whole.index(b"PK\1\2"), whole.rindex(b"PK\1\2"), whole.rindex(b"PK\5\6")
        names = b"".join(whole[last:end].replace(b"c_x", b"%c_x" % letter) for letter in b"defghij")
        tail = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 10, 10, end - start + len(names), start, 0)
        path.write_bytes(whole[:end] + names + tail)
        assert "its arrays overlap" in refusal(read, path)

    def test_a_list_of_a_million_names_is_not_read(self, path):
        entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 0, 20, *[0] * 8, 1, *[0] * 6) + b"a"
        names = entry * 200_000
        path.write_bytes(names + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0, 0, len(names), 0, 0))
        assert "table of contents" in refusal(read, path)

    def test_a_size_that_only_the_list_tells_is_not_believed(self, path):
        whole = bytearray(packed(GOOD))
        entry = whole.index(b"PK\1\2")
        whole[entry + 20 : entry + 28] = struct.pack("<II", 2**32 - 2, 2**32 - 2)
        path.write_bytes(whole)
        assert "its arrays overlap" in refusal(read, path)

    def test_a_file_larger_than_the_free_memory_is_refused(self, path, monkeypatch):
        path.write_bytes(packed(GOOD))
        monkeypatch.setattr(npy_files, "free_bytes", lambda device: 1000)
        assert "memory" in refusal(read, path)


class TestNoFile:
    @pytest.mark.parametrize("call", [read, read_npy])
    @pytest.mark.parametrize(
        ("name", "words"),
        [("it.npx", "no such file"), ("it.np\0", "cannot be read: embedded null"), ("it.np" * 99, "name too long")],
    )
    def test_names_that_name_none(self, tmp_path, call, name, words):
        assert words in refusal(call, tmp_path / name).lower()

    @pytest.mark.parametrize("call", [read, read_npy])
    def test_things_that_are_none(self, tmp_path, call):
        (tmp_path / "it.npa").mkdir()
        os.mkfifo(tmp_path / "it.npb")
        os.symlink("/dev/zero", tmp_path / "it.npc")
        os.symlink("it.npd", tmp_path / "it.npd")
        (tmp_path / "it.npe").touch()
        ends = {
            "a": "this is a folder",
            "b": "not a regular file",
            "c": "not a regular file",
            "d": "symbolic",
            "e": "cut off",
        }
        for end, words in ends.items():
            assert words in refusal(call, tmp_path / f"it.np{end}")

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
    def test_a_file_that_may_not_be_read(self, path):
        path.write_bytes(saved(ARRAYS))
        path.chmod(0)
        assert "cannot be read: Permission denied" in refusal(read, path)

    def test_the_one_kind_under_the_other_s_name(self, tmp_path):
        (tmp_path / "it.npy").write_bytes(saved(ARRAYS))
        assert "header" in refusal(read_npy, tmp_path / "it.npy")
        (tmp_path / "it.npz").write_bytes(npy(ARRAYS["a"]))
        assert "not a zip file" in refusal(read, tmp_path / "it.npz")
