"""The disk cache: a file is used only if generating anew would print the same text."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import pytest

from srcad.cache import disk
from srcad.cache.disk import BODY_LINE, DiskCache, SrcadCacheWarning

KEY = {
    "srcad": "0.1.0",
    "sources": "d1",
    "python": "3.11",
    "numpy": "2.4",
    "transform": "vjp",
    "options": {"optimize": True, "argnums": [0, "b"]},
    "signature": "f64[*]",
    "function": "model:Net.loss",
    "ast": "a1",
}
MANIFEST = {"model:g": "0123", "model:K": "4567"}
TEXT = 'def loss_grad(x):\n    """Gradient, d\u00e9riv\u00e9e."""\n    return 2.0 * x\n'

posix = pytest.mark.skipif(os.name != "posix", reason="file modes and links of POSIX")


@pytest.fixture
def cache(tmp_path: Path) -> DiskCache:
    return DiskCache(tmp_path / "cache")


def stored(cache: DiskCache) -> Path:
    path = cache.put(KEY, MANIFEST, TEXT)
    assert path is not None
    return path


def get(cache: DiskCache, key: dict[str, object] = KEY) -> str | None:
    return cache.get(key, MANIFEST.get)


def refused(cache: DiskCache, *words: str) -> None:
    """Check that the cache gives and takes nothing, and says so once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert cache.put(KEY, MANIFEST, TEXT) is None
        assert get(cache) is None
        assert cache.put(KEY, MANIFEST, TEXT) is None
        assert DiskCache(cache.directory).put(KEY, MANIFEST, TEXT) is None
    assert [warning.category for warning in caught] == [SrcadCacheWarning]
    for word in (str(cache.directory), *words):
        assert word in str(caught[0].message)


# -- keys


def test_round_trip(cache: DiskCache) -> None:
    assert get(cache) is None
    assert not cache.directory.exists()  # reading makes nothing
    path = stored(cache)
    assert path == cache.path(KEY)
    assert get(cache) == TEXT
    assert get(DiskCache(cache.directory)) == TEXT
    assert cache.info() == {
        "directory": str(cache.directory),
        "entries": 1,
        "bytes": path.stat().st_size,
    }


@pytest.mark.parametrize("text", ["", "x", "a = 1\r\nb = '\x0c\u2028'\n\n\n", "# key: {}\n" * 9])
def test_any_text_comes_back_as_it_was(cache: DiskCache, text: str) -> None:
    cache.put(KEY, {}, text)
    assert get(cache) == text


def test_the_file_is_python_with_the_key_in_full(cache: DiskCache) -> None:
    hostile = {**KEY, "signature": "coding=latin-1\n\x0cimport os\u2028"}
    path = cache.put(hostile, MANIFEST, TEXT)
    assert path is not None
    assert path.name.startswith("loss_") and path.suffix == ".py"
    lines = path.read_text(encoding="utf-8").split("\n")
    assert "\n".join(lines[BODY_LINE - 1 :]) == TEXT
    assert all(line.startswith("# ") for line in lines[: BODY_LINE - 2])
    assert json.loads(lines[2].removeprefix("# key: ")) == hostile
    assert json.loads(lines[3].removeprefix("# depends on: ")) == MANIFEST
    namespace: dict[str, object] = {}
    exec(compile(path.read_bytes(), str(path), "exec"), namespace)
    assert namespace["loss_grad"].__doc__ == "Gradient, d\u00e9riv\u00e9e."


@pytest.mark.parametrize("name", KEY)
def test_each_part_of_the_key_counts(cache: DiskCache, name: str) -> None:
    stored(cache)
    changed = {**KEY, name: f"{KEY[name]}x"}
    assert get(cache, changed) is None
    assert (
        get(cache, {key: value for key, value in KEY.items() if key in ("function", name)}) is None
    )


def test_the_order_of_a_key_does_not_count(cache: DiskCache) -> None:
    stored(cache)
    assert get(cache, dict(reversed(KEY.items()))) == TEXT


def test_a_file_under_the_name_of_another_key_is_a_miss(cache: DiskCache) -> None:
    other = {**KEY, "signature": "f32[*]"}
    shutil.copy(stored(cache), cache.path(other))
    assert get(cache, other) is None


@pytest.mark.parametrize(
    ("function", "readable"),
    [
        ("model:f", "f"),
        ("model:make.<locals>.<lambda>", "lambda"),
        ("model:\u00e9t\u00e9_\u03b8", "t"),
        ("model:../../etc/passwd", "etc_passwd"),
        ("model:\u03b8", "function"),
        ("model:" + "f" * 300, "f" * 40),
    ],
)
def test_file_names_are_plain(cache: DiskCache, function: str, readable: str) -> None:
    path = cache.put({**KEY, "function": function}, {}, TEXT)
    assert path is not None and path.parent == cache.directory
    name, digest = path.stem.rsplit("_", 1)
    assert name == readable
    assert len(digest) == 32
    assert cache.info()["entries"] == 1


def test_a_key_that_is_not_json_is_a_mistake_of_the_caller(cache: DiskCache) -> None:
    with pytest.raises(TypeError):
        cache.put({**KEY, "options": object()}, {}, TEXT)
    with pytest.raises(KeyError):
        cache.get({"a": 1}, MANIFEST.get)


# -- dependencies


@pytest.mark.parametrize("reference", MANIFEST)
@pytest.mark.parametrize("now", ["changed", "", None])
def test_a_changed_or_missing_dependency_is_a_miss(cache, reference: str, now: str | None) -> None:
    stored(cache)
    assert cache.get(KEY, {**MANIFEST, reference: now}.get) is None
    assert get(cache) == TEXT


def test_errors_of_resolve_are_not_swallowed(cache: DiskCache) -> None:
    def resolve(reference: str) -> str:
        raise OSError(reference)

    stored(cache)
    with pytest.raises(OSError, match="model:"):
        cache.get(KEY, resolve)


def test_a_new_text_replaces_the_old_one(cache: DiskCache) -> None:
    stored(cache)
    cache.put(KEY, {"model:g": "89ab"}, "def loss_grad(x):\n    return 3.0 * x\n")
    assert get(cache) is None
    assert cache.get(KEY, {"model:g": "89ab"}.get) == "def loss_grad(x):\n    return 3.0 * x\n"
    assert cache.info()["entries"] == 1


# -- damaged and hostile files


def test_no_damage_to_any_byte_gives_a_text(cache: DiskCache) -> None:
    path = cache.put(KEY, {"model:g": "0123", "model:K": "0123"}, TEXT)
    assert path is not None
    whole = path.read_bytes()
    damaged = [whole[:i] for i in range(len(whole))]
    for i in range(len(whole)):
        before, byte, after = whole[:i], whole[i], whole[i + 1 :]
        damaged += [before + bytes([byte ^ bit]) + after for bit in (0x01, 0x20, 0x80)]
        damaged += [before + after, before + b"\n" + whole[i:]]
    damaged += [whole + b"\n", whole + b"x", whole * 2, whole.replace(b"\n", b"\r\n"), b"\0" * 99]
    for content in damaged:
        path.write_bytes(content)
        # Any dependency would do: only the file itself can tell.
        assert cache.get(KEY, lambda reference: "0123") is None
    path.write_bytes(whole)
    assert cache.get(KEY, lambda reference: "0123") == TEXT


@pytest.mark.parametrize(
    "manifest",
    ["[]", "null", "1", '"x"', "[" * 100_000, "{", '{"model:g":0}', '{ "model:g":"0123"}'],
)
def test_a_bad_header_with_a_right_digest_is_a_miss(cache: DiskCache, manifest: str) -> None:
    path = stored(cache)
    first, _, key, _, blank, body = path.read_text(encoding="utf-8").split("\n", 5)
    rest = "\n".join([key, f"# depends on: {manifest}", blank, body])
    digest = hashlib.sha256(rest.encode()).hexdigest()
    path.write_text("\n".join([first, f"# sha256: {digest}", rest]), encoding="utf-8")
    assert get(cache) is None


def test_an_altered_manifest_is_a_miss(cache: DiskCache) -> None:
    path = stored(cache)
    content = path.read_text(encoding="utf-8")
    for altered in ('{"model:K":"4567"}', "{}"):
        whole = '{"model:K":"4567","model:g":"0123"}'
        assert whole in content
        path.write_text(content.replace(whole, altered), encoding="utf-8")
        assert get(cache) is None


@posix
def test_what_is_not_a_private_regular_file_is_a_miss(cache: DiskCache, tmp_path: Path) -> None:
    path = stored(cache)
    for mode in (0o666, 0o620, 0o602):
        path.chmod(mode)
        assert get(cache) is None
    path.chmod(0o600)
    assert get(cache) == TEXT
    path.rename(tmp_path / "elsewhere.py")
    path.symlink_to(tmp_path / "elsewhere.py")
    assert get(cache) is None
    path.unlink()
    os.mkfifo(path, 0o600)  # must not block
    assert get(cache) is None
    path.unlink()
    path.mkdir()
    assert get(cache) is None


@posix
def test_a_file_of_somebody_else_is_a_miss(cache: DiskCache, monkeypatch) -> None:
    stored(cache)
    real = os.fstat

    def of_somebody_else(descriptor: int) -> os.stat_result:
        fields = list(real(descriptor))
        fields[stat.ST_UID] += 1
        return os.stat_result(fields)

    monkeypatch.setattr(os, "fstat", of_somebody_else)
    assert get(cache) is None


@posix
def test_putting_over_a_link_leaves_its_target_alone(cache: DiskCache, tmp_path: Path) -> None:
    path = stored(cache)
    path.unlink()
    victim = tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    path.symlink_to(victim)
    assert cache.put(KEY, MANIFEST, TEXT) == path
    assert victim.read_text(encoding="utf-8") == "mine"
    assert not path.is_symlink()
    assert get(cache) == TEXT


def test_a_file_above_the_bound_is_neither_written_nor_read(tmp_path: Path) -> None:
    small = DiskCache(tmp_path, max_bytes=100)
    assert small.put(KEY, MANIFEST, TEXT) is None
    stored(DiskCache(tmp_path))
    assert get(small) is None


# -- directories


@posix
def test_modes_do_not_depend_on_the_umask(cache: DiskCache) -> None:
    before = os.umask(0)
    try:
        path = stored(cache)
    finally:
        os.umask(before)
    assert stat.S_IMODE(cache.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
@pytest.mark.parametrize("mode", [0o777, 0o720, 0o702])
def test_a_directory_that_others_can_write_to_is_refused(cache: DiskCache, mode: int) -> None:
    stored(cache)
    cache.directory.chmod(mode)
    refused(cache, "others can write to it")
    assert cache.info()["entries"] == cache.clear() == 0
    cache.directory.chmod(0o755)
    assert get(cache) == TEXT


@posix
def test_a_directory_of_somebody_else_is_refused(cache: DiskCache, monkeypatch) -> None:
    stored(cache)
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    refused(cache, "not yours")


@posix
def test_a_linked_directory_is_refused(cache: DiskCache, tmp_path: Path) -> None:
    stored(cache)
    (tmp_path / "link").symlink_to(cache.directory, target_is_directory=True)
    refused(DiskCache(tmp_path / "link"), "symbolic link")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    refused(DiskCache(tmp_path / "dangling"))
    assert not (tmp_path / "nowhere").exists()


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    refused(DiskCache(tmp_path / "file"))
    refused(DiskCache(tmp_path / "file" / "below"))


@posix
@pytest.mark.skipif("os.geteuid() == 0", reason="root writes everywhere")
def test_a_read_only_directory_is_read_but_not_written(cache: DiskCache) -> None:
    stored(cache)
    cache.directory.chmod(0o500)
    try:
        assert get(cache) == TEXT
        with pytest.warns(SrcadCacheWarning, match="cannot be written"):
            assert cache.put({**KEY, "ast": "a2"}, MANIFEST, TEXT) is None
    finally:
        cache.directory.chmod(0o700)


def failing(*arguments: object, **keywords: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("owner", "name"),
    [(tempfile, "mkstemp"), (os, "fsync"), (os, "replace"), (os, "makedirs"), (os, "listdir")],
)
def test_failing_writes_are_misses_with_one_warning(cache, monkeypatch, owner, name) -> None:
    if name == "listdir":
        stored(cache)
        monkeypatch.setattr(owner, name, failing)
        with pytest.warns(SrcadCacheWarning, match="cannot be read: No space"):
            assert cache.info()["entries"] == 0
        assert get(cache) == TEXT
        return
    monkeypatch.setattr(owner, name, failing)
    refused(cache, "No space left on device")
    monkeypatch.undo()
    if cache.directory.exists():
        assert list(cache.directory.iterdir()) == []
    stored(cache)
    assert get(cache) == TEXT


@pytest.mark.parametrize("name", ["open", "fstat", "lstat"])
def test_failing_reads_are_misses(cache: DiskCache, monkeypatch, name: str) -> None:
    stored(cache)
    monkeypatch.setattr(os, name, failing)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert get(cache) is None
    monkeypatch.undo()
    assert get(cache) == TEXT


def test_a_file_whose_time_cannot_be_set_is_read_all_the_same(cache, monkeypatch) -> None:
    stored(cache)
    monkeypatch.setattr(os, "utime", failing)
    assert get(cache) == TEXT


# -- size


def keys(count: int) -> list[dict[str, object]]:
    return [{**KEY, "ast": f"a{i}"} for i in range(count)]


def test_the_files_used_longest_ago_are_removed(tmp_path: Path) -> None:
    size = stored(DiskCache(tmp_path / "measure")).stat().st_size
    cache = DiskCache(tmp_path / "cache", max_bytes=3 * size + size // 2)
    first, second, third, fourth, fifth = keys(5)
    for age, key in enumerate([third, second, first]):
        path = cache.put(key, MANIFEST, TEXT)
        assert path is not None
        os.utime(path, (1000 + age, 1000 + age))
    assert get(cache, third) == TEXT  # the oldest, but used now
    cache.put(fourth, MANIFEST, TEXT)
    assert [get(cache, key) == TEXT for key in (first, second, third, fourth)] == [
        True, False, True, True,
    ]  # fmt: skip
    os.utime(cache.path(first), (1000, 1000))
    cache.put(fifth, MANIFEST, TEXT)
    assert get(cache, first) is None
    assert cache.info()["entries"] == 3


def test_a_cache_stays_within_its_bound(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "cache", max_bytes=5_000)
    for key in keys(60):
        assert cache.put(key, MANIFEST, TEXT) is not None
        assert get(cache, key) == TEXT
        assert cache.info()["bytes"] <= 5_000


def test_the_text_just_stored_stays_even_if_the_clock_went_back(tmp_path: Path) -> None:
    size = stored(DiskCache(tmp_path / "measure")).stat().st_size
    cache = DiskCache(tmp_path / "cache", max_bytes=size + size // 2)
    first, second = keys(2)
    cache.put(first, MANIFEST, TEXT)
    os.utime(cache.path(first), (2**32, 2**32))
    cache.put(second, MANIFEST, TEXT)
    assert get(cache, second) == TEXT
    assert get(cache, first) is None


def test_clear_removes_what_is_ours_only(cache: DiskCache) -> None:
    assert cache.clear() == 0
    for key in keys(3):
        cache.put(key, MANIFEST, TEXT)
    (cache.directory / "srcad_ab12.tmp").write_text("interrupted", encoding="utf-8")
    os.utime(cache.directory / "srcad_ab12.tmp", (1000, 1000))
    (cache.directory / "srcad_cd34.tmp").write_text("being written", encoding="utf-8")
    (cache.directory / "notes.py").write_text("mine", encoding="utf-8")
    (cache.directory / "data.tmp").write_text("mine", encoding="utf-8")
    assert cache.info()["entries"] == 3
    assert cache.clear() == 3
    left = sorted(path.name for path in cache.directory.iterdir())
    assert left == ["data.tmp", "notes.py", "srcad_cd34.tmp"]


# -- processes

WORKER = """
import sys
from srcad.cache.disk import DiskCache

cache, wrong, hits = DiskCache(sys.argv[1], max_bytes=7_000), 0, 0
for round in range(5):
    for i in range(10):
        key = {"function": "model:f", "i": i}
        text = f"def f_grad(x):\\n    return {i}.0 * x\\n" + f"# {i}\\n" * 200
        found = cache.get(key, {"model:g": "1"}.get)
        hits += found == text
        wrong += found not in (None, text)
        cache.put(key, {"model:g": "1"}, text)
print(wrong, hits)
"""


def test_sixteen_processes_fill_one_cache_at_once(tmp_path: Path) -> None:
    root = str(Path(disk.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "PYTHONWARNINGS": "error"}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path / "cache")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True,
        )
        for _ in range(16)
    ]  # fmt: skip
    all_hits = 0
    for worker in workers:
        out, error = worker.communicate(timeout=120)
        assert (worker.returncode, error) == (0, "")
        wrong, hits = map(int, out.split())
        assert wrong == 0
        all_hits += hits
    assert all_hits > 0
    names = [path.name for path in (tmp_path / "cache").iterdir()]
    assert names and all(name.endswith(".py") for name in names)


# -- digests and places


def test_source_digest_is_that_of_the_files(tmp_path: Path, monkeypatch) -> None:
    package = tmp_path / "srcad"
    (package / "cache").mkdir(parents=True)
    monkeypatch.setattr(disk, "__file__", str(package / "cache" / "disk.py"))
    digests = set()
    files = [("a.py", "x"), ("a.py", "y"), ("a.py", "yy"), ("cache/b.py", ""), ("c.txt", "no code")]
    for second, (name, content) in enumerate(files):
        (package / name).write_text(content, encoding="utf-8")
        os.utime(package / name, (second, second))
        disk.source_digest.cache_clear()
        digests.add(disk.source_digest())
    (package / "a.py").rename(package / "b.py")
    assert disk.source_digest() in digests  # computed once
    disk.source_digest.cache_clear()
    digests.add(disk.source_digest())
    assert len(digests) == 5
    disk.source_digest.cache_clear()


@posix
def test_source_digest_sees_a_change_that_keeps_size_and_time(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "cache").mkdir()
    monkeypatch.setattr(disk, "__file__", str(tmp_path / "cache" / "disk.py"))
    digests = set()
    for content in ("x + y", "x - y"):
        (tmp_path / "a.py").write_text(content, encoding="utf-8")
        os.utime(tmp_path / "a.py", (0, 0))  # as some tools do, for builds that can be repeated
        disk.source_digest.cache_clear()
        digests.add(disk.source_digest())
        time.sleep(0.05)  # the clock of a file system may be this coarse
    assert len(digests) == 2
    disk.source_digest.cache_clear()


def test_digest_text_takes_any_string() -> None:
    assert disk.digest_text("a") == hashlib.sha256(b"a").hexdigest()
    assert len({disk.digest_text(text) for text in ("", "\ud800", "\udfff", "\u00e9")}) == 4


def test_default_directory(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SRCAD_CACHE_DIR", "~/mine")
    assert disk.default_directory() == Path("~/mine").expanduser()
    monkeypatch.setenv("SRCAD_CACHE_DIR", "")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert disk.default_directory() == tmp_path / "xdg" / "srcad"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert disk.default_directory() == Path("~/.cache/srcad").expanduser()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert disk.default_directory() == Path("~/Library/Caches/srcad").expanduser()
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert disk.default_directory() == tmp_path / "local" / "srcad"


def test_the_directory_does_not_follow_a_change_of_the_working_directory(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cache = DiskCache("cache")
    stored(cache)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert get(cache) == TEXT
