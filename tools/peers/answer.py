"""A question answered from a cold start: ours against a Python script. Started by answer.

Imports nothing large: the largest resident size of a process counts that of the one that started it.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

SIZE = 448


def measured(command):
    """Wall-clock seconds, largest resident size in MB, and what was printed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        sys.exit(f"tools/peers/answer: failed: {' '.join(command)}")
    return seconds, usage.ru_maxrss / 1024, output


def make_model(vqa, work, weights):
    """A model of full size (MCAN-small) on features of these weights; what it has learnt does not matter here."""
    data, store, model = (os.path.join(work, name) for name in ("shapes", "G.h5", "model"))
    few = ["--images", "8", "--validation-images", "2", "--questions-per-image", "4"]
    subprocess.run([vqa, "data", "shapes", "--out", data, *few], check=True)
    folders = [os.path.join(data, folder) for folder in ("train2014", "val2014")]
    network = ["--backbone", "resnet152", "--weights", weights, "--image-size", str(SIZE)]
    subprocess.run([vqa, "extract", *network, "--images", *folders, "--out", store], check=True)
    recipe = ["--preset", "mcan-small", "--epochs", "1", "--min-answer-count", "1"]
    subprocess.run(
        [vqa, "train", "--data", data, "--features", store, "--weights", weights, *recipe, "--out", model], check=True
    )
    return model, os.path.join(folders[1], sorted(os.listdir(folders[1]))[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vqa", required=True, help="our program")
    parser.add_argument("--work", required=True, help="folder for weights and the model; made anew")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()

    subprocess.run(["rm", "-rf", options.work], check=True)
    os.makedirs(options.work)
    weights = os.path.join(options.work, "resnet152.pth")
    here = os.path.dirname(os.path.abspath(__file__))
    subprocess.run([sys.executable, os.path.join(here, "network.py"), weights], check=True)
    model, picture = make_model(options.vqa, options.work, weights)
    script = os.path.join(here, "features_of_one.py")
    ways = {
        "Python script, features alone": [sys.executable, script, weights, picture, str(SIZE)],
        "vqa answer": [options.vqa, "answer", "--model", model, "--image", picture, "--question", "What shape is it?"],
    }
    for command in ways.values():
        measured(command)  # fills the cache
    found = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, command in ways.items():
            found[name].append(measured(command))
    peer, ours = found.values()
    print(f"\nResNet-152, {SIZE}x{SIZE}, {len(os.sched_getaffinity(0))} cores, median of {options.rounds} rounds")
    for name, runs in found.items():
        seconds, megabytes = (statistics.median(run[i] for run in runs) for i in (0, 1))
        print(f"  {name:30} {seconds:6.2f} s  {megabytes:6.0f} MB")
    faster = statistics.median(a[0] / b[0] for a, b in zip(peer, ours))
    smaller = statistics.median(b[1] / a[1] for a, b in zip(peer, ours))
    print(f"  ours is {faster:.2f} times as fast, in {smaller:.2f} of its memory")


if __name__ == "__main__":
    main()
