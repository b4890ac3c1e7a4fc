"""The whole road on real data: train, compile, check, emit a program without Python, look at fusion, measure.

Trains scikit-learn's `MLPClassifier` on half of its handwritten digits, writes the trained network as a plain
NumPy function, and compiles that. Run with `make demo`; files go to build/demo/.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import aicomp as ac
from aicomp.cost import cost
from aicomp.measure import interleave, ratio, timing

OUT = Path("build/demo")


def main() -> None:
    """Run the demonstration; stops with an AssertionError where a prediction differs."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    network, images = train()
    expected = network.predict(images)

    exe = compile_network(network, images, dump_dir=OUT / "stages")
    correct = int((exe(images) == expected).sum())
    print(f"checked:    {correct} of {len(images)} predictions equal scikit-learn's")
    assert correct == len(images)

    run_outside_python(exe, images, expected)
    show_fusion()
    measure(network, images)


def train() -> tuple[MLPClassifier, np.ndarray]:
    """Return the network, trained on one half of the digits, and the images of the other half."""
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.5, random_state=0)
    network = MLPClassifier((128, 64), max_iter=200, random_state=0).fit(x_train, y_train)
    right = network.score(x_test, y_test)
    print(f"trained:    MLPClassifier, {right:.1%} right on the {len(x_test)} held-out images")
    return network, np.ascontiguousarray(x_test)


def classify(network: MLPClassifier, x: np.ndarray) -> np.ndarray:
    """Return the digit in each image: the trained network, written in NumPy. x: f32[images, 64]."""
    *hidden, last = zip(network.coefs_, network.intercepts_, strict=True)
    for weights, bias in hidden:
        x = np.maximum(x @ weights + bias, 0)
    weights, bias = last
    return np.argmax(x @ weights + bias, axis=1)


def compile_network(network: MLPClassifier, images: np.ndarray, **options: object) -> ac.Executable:
    """Return the compiled network, and say how long that took."""

    def digits(x: np.ndarray) -> np.ndarray:
        return classify(network, x)

    start = time.perf_counter()
    exe = ac.compile(digits, example_inputs=(images,), **options)
    level = options.get("opt_level", 2)
    print(f"compiled:   at -O{level} in {time.perf_counter() - start:.2f} s")
    return exe


def run_outside_python(exe: ac.Executable, images: np.ndarray, expected: np.ndarray) -> None:
    """Classify the images with a program that holds no Python, or, without a C compiler, a saved artefact."""
    np.save(OUT / "images.npy", images)
    try:
        exe.export(OUT / "digits", emit="exe")
    except ac.AicompError as error:
        print(f"program:    not linked here ({error})")
        exe.save(OUT / "digits.aicx")
        predicted = ac.load(OUT / "digits.aicx")(images)
        how = "saved and loaded"
    else:
        name = exe.output_specs[0].name
        command = [OUT / "digits", "-i", f"x={OUT}/images.npy", "-o", f"{name}={OUT}/digits.npy"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        predicted = np.load(OUT / "digits.npy")
        how = f"{OUT}/digits, {(OUT / 'digits').stat().st_size / 1e3:.0f} KB, no Python"
    assert (predicted == expected).all()
    print(f"program:    {len(expected)} of {len(expected)} equal again ({how})")


def show_fusion() -> None:
    """Print the graph before and after fusion, from the stages that the compiler dumped."""
    stages = sorted((OUT / "stages").glob("*.aic"))
    after = next(i for i, stage in enumerate(stages) if stage.stem.endswith("fuse"))
    for title, stage in (("before", stages[after - 1]), ("after", stages[after])):
        lines = (line.partition("  # ")[0] for line in stage.read_text().splitlines())
        print(f"\nThe graph {title} fusion, from {stage}:\n")
        print("\n".join(re.sub(r"(sha256:\w{8})\w+", r"\1...", line) for line in lines))


def measure(network: MLPClassifier, images: np.ndarray) -> None:
    """Print how much faster the fused graph is than the unfused."""
    print()
    fused, unfused = (compile_network(network, images, opt_level=level) for level in (2, 0))
    assert (fused(images) == unfused(images)).all()
    times = interleave([partial(fused, images), partial(unfused, images)], duration=3.0)
    for name, exe, samples in zip(("fused", "unfused"), (fused, unfused), times, strict=True):
        found = cost(exe.graph)
        work = f"{found.kernels} kernels, {found.bytes_moved / 1e6:.2f} MB moved"
        print(f"{name + ':':11} {timing(samples).median * 1e6:.1f} us for {len(images)} images, {work}")
    gain = ratio(times[1], times[0])
    interval = f"95% interval {gain.low:.2f} to {gain.high:.2f}"
    print(f"summary:    every prediction equal; fused runs {gain.value:.2f} times as fast as unfused ({interval})")


if __name__ == "__main__":
    main()
