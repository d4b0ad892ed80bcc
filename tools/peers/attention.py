"""One layer of self-attention: PyTorch's and ours, interleaved in one run. Started by attention."""

import argparse
import math
import os
import statistics
import subprocess
import time

import torch
from safetensors.torch import load_file

HEADS = {256: 4, 512: 8}
D_P, D_IN = 16, 24
LEAST, MOST = 5e-3, 50  # seconds that a round lasts at least, by doing the work again, but no more often than this
OUTPUT, GRADIENT = 1e-4, 1e-3  # by how much of the largest number both sides may differ


class PublishedDba(torch.nn.Module):
    """DBA in the order of its authors' layer; z (B, d_p, D), x (B, n, D) -> (B, n, D)."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        for name, width in {"pq": D_IN, "pk": D_IN, "pv": dim, "q": D_IN, "k": D_IN, "v": dim}.items():
            self.add_module(name, torch.nn.Linear(dim, width))
        self.len = torch.nn.Linear(dim, heads * D_P)
        self.out = torch.nn.Linear(dim, dim)
        self.norm = torch.nn.LayerNorm(dim)

    def split(self, x):
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)  # (B, h, T, width)

    def join(self, x):
        return x.transpose(1, 2).contiguous().view(x.shape[0], x.shape[2], -1)  # (B, T, D)

    def attend(self, q, k, v):
        scores = torch.matmul(q, k.transpose(-2, -1)) / math.sqrt(q.shape[-1])
        return self.join(torch.matmul(torch.softmax(scores, dim=-1), v))

    def forward(self, x, z):
        c = self.attend(self.split(self.pq(z)), self.split(self.pk(x)), self.split(self.pv(x)))  # (B, d_p, D)
        y = self.norm(self.attend(self.split(self.q(c)), self.split(self.k(c)), self.split(self.v(c))))
        restore = torch.softmax(self.split(self.len(x)), dim=-1)  # (B, h, n, d_p)
        return self.out(self.join(torch.matmul(restore, self.split(y))))


class Softmax(torch.nn.Module):
    """Multi-head softmax attention; `fused`: by scaled_dot_product_attention."""

    def __init__(self, dim, heads, fused):
        super().__init__()
        self.heads, self.fused = heads, fused
        for name in ("query", "key", "value", "out"):
            self.add_module(name, torch.nn.Linear(dim, dim))

    def forward(self, x, _):
        q, k, v = (
            linear(x).view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)
            for linear in (self.query, self.key, self.value)
        )
        if self.fused:
            mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        else:
            scores = torch.matmul(q, k.transpose(-2, -1)) / math.sqrt(q.shape[-1])
            mixed = torch.matmul(torch.softmax(scores, dim=-1), v)
        return self.out(mixed.transpose(1, 2).contiguous().view(x.shape))


class Theirs:
    def __init__(self, name, layer, file, training):
        self.name, self.layer, self.training = name, layer, training
        self.layer.load_state_dict({n: t for n, t in file.items() if n in layer.state_dict()})
        self.x, self.g = file["input.x"], file["input.g"]
        self.z = file.get("input.z")
        self.inputs = [t.requires_grad_(training) for t in (self.x, self.z) if t is not None]
        self.inputs += list(layer.parameters())
        self.check(file)

    def gradients(self):
        return torch.autograd.grad(self.layer(self.x, self.z), self.inputs, self.g)

    def run(self):
        if self.training:
            return self.gradients()
        with torch.inference_mode():
            return self.layer(self.x, self.z)

    def check(self, file):
        """That both sides compute the same; a bias of keys has no gradient but rounding, so it is not looked at."""
        with torch.inference_mode():
            compare(f"{self.name}: output", file["output"], self.layer(self.x, self.z), OUTPUT)
        if self.training:
            names = ["x"] + ["z"] * (self.z is not None) + [name for name, _ in self.layer.named_parameters()]
            for i, (name, gradient) in enumerate(zip(names, self.gradients())):
                if name not in ("key.bias", "pk.bias", "k.bias"):
                    compare(f"{self.name}: gradient of {name}", file[f"gradient.{i}"], gradient, GRADIENT)

    def seconds(self, times):
        now = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
        start = now()
        for _ in range(times):
            self.run()
        return (now() - start) / times


class Ours:
    """attention_ours, a process that runs as often as the number it is given."""

    def __init__(self, options, kind, dim, length, mode):
        self.name = f"ours, {kind}"
        path = os.path.join(options.work, f"{kind}.safetensors")
        program = os.path.join(options.programs, "attention_ours")
        command = [program, kind, str(dim), str(HEADS[dim]), str(length), mode, path]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit("attention_ours failed")
        self.file = load_file(path)

    def seconds(self, times):
        self.process.stdin.write(f"{times}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare(what, ours, theirs, allowed):
    error = ((ours - theirs).abs().max() / theirs.abs().max()).item()
    if not error <= allowed:
        raise SystemExit(f"{what}: ours differs by {error:.1e}; allowed is {allowed:.0e}")


def measure(ways, rounds):
    """Seconds by way and round; each way once in every round."""
    repeats, times = {}, {way.name: [] for way in ways}
    for way in ways:
        way.seconds(1)
        repeats[way.name] = max(1, min(MOST, int(LEAST / way.seconds(1))))
    for _ in range(rounds):
        for way in ways:
            times[way.name].append(way.seconds(repeats[way.name]))
    return times


def report(length, times):
    for name, seconds in times.items():
        line = f"{length:6}  {name:24}{statistics.median(seconds) * 1e3:10.3f} ms"
        if name.startswith("ours"):
            for peer in times:
                if not peer.startswith("ours"):
                    line += f"  {statistics.median(a / b for a, b in zip(times[peer], seconds)):7.2f}x"
        print(line, flush=True)


def run(options, dim, length, mode):
    training = mode == "training"
    ours = {kind: Ours(options, kind, dim, length, mode) for kind in ("dba", "vanilla")}
    heads = HEADS[dim]
    theirs = [
        Theirs("published DBA", PublishedDba(dim, heads), dict(ours["dba"].file), training),
        Theirs("plain softmax", Softmax(dim, heads, fused=False), dict(ours["vanilla"].file), training),
        Theirs("fused SDPA", Softmax(dim, heads, fused=True), dict(ours["vanilla"].file), training),
    ]
    times = measure([*theirs, *ours.values()], options.rounds if length <= 1024 else min(options.rounds, 5))
    for way in ours.values():
        way.close()
    report(length, times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", required=True, help="folder of the built programs")
    parser.add_argument("--work", required=True, help="folder for weights and outputs")
    parser.add_argument("--rounds", type=int, default=11, help="at most 5 for lengths above 1024")
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 256, 512, 608, 1024, 2048, 4096])
    parser.add_argument("--dims", type=int, nargs="+", default=[256, 512], choices=sorted(HEADS))
    parser.add_argument("--modes", nargs="+", default=["inference", "training"], choices=["inference", "training"])
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    threads = torch.get_num_threads()
    threads = f"{threads} threads, time by the clock" if threads > 1 else "1 thread, processor time"
    print(f"torch {torch.__version__}, {threads}; our speed as a multiple of")
    for dim in options.dims:
        for mode in options.modes:
            print(f"\n{mode}, d {dim}, {HEADS[dim]} heads\n     n{'published':>49}{'plain':>9}{'fused':>9}")
            for length in options.lengths:
                run(options, dim, length, mode)


if __name__ == "__main__":
    main()
