"""Questions per second in training: ours against a PyTorch LSTM. Started by question_only."""

import argparse
import os
import re
import statistics
import subprocess
import sys

BATCH, WORD_DIM, DIM, TOKENS, LEAST = 256, 300, 512, 14, 9


def rate(command):
    """The number before "questions/s" in what a program prints."""
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"([0-9.]+) questions/s", done.stdout + done.stderr)
    if done.returncode != 0 or not found:
        sys.exit(f"tools/peers/question_only: failed: {' '.join(command)}\n{done.stderr}")
    return float(found.group(1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="VQA-v2's layout; the train split's questions and annotations")
    parser.add_argument("--vqa", required=True, help="our program")
    parser.add_argument("--work", required=True, help="folder for the model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    os.makedirs(options.work, exist_ok=True)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "question_only_lstm.py")
    sizes = {"batch-size": BATCH, "word-dim": WORD_DIM, "dim": DIM, "min-answer-count": LEAST}
    flags = [text for name, value in sizes.items() for text in (f"--{name}", str(value))]
    flags += ["--threads", str(options.threads)]
    theirs = [sys.executable, script, "--data", options.data, "--tokens", str(TOKENS), *flags]
    model = os.path.join(options.work, "model")
    shape = ["--max-tokens", str(TOKENS), "--encoder-layers", "0", "--pool-dim", str(DIM), "--fused-dim", str(DIM)]
    ours = [options.vqa, "train", "--no-image", "--data", options.data, "--out", model, *flags, *shape]
    ours += ["--val-split", "", "--epochs", "1", "--loss", "binary", "--dropout", "0"]
    ratios = []
    for number in range(1, options.rounds + 1):
        peer, own = rate(theirs), rate(ours)
        ratios.append(own / peer)
        print(f"round {number}: PyTorch LSTM {peer:.0f}, ours {own:.0f} questions/s: {ratios[-1]:.2f} times", flush=True)
    print(f"ours trains on {statistics.median(ratios):.2f} times as many questions per second")


if __name__ == "__main__":
    main()
