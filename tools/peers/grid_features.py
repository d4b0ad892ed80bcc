"""Grid features of a ResNet-152: torchvision's two ways and ours, interleaved in one run. Started by grid_features."""

import argparse
import json
import os
import statistics
import subprocess
import time

import torch
import torchvision
from network import make_network
from safetensors.torch import load_file, save_file


def body(network):
    return torch.nn.Sequential(*list(network.children())[:-2])


def seconds_of(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


class Torchvision:
    """One setting of the peer, as its users would write it."""

    def __init__(self, network, guard, dtype=torch.float32, channels_last=False):
        self.guard, self.dtype = guard, dtype
        self.order = torch.channels_last if channels_last else torch.contiguous_format
        self.network = body(network).to(dtype=dtype, memory_format=self.order)

    def seconds(self, images, runs):
        images = images.to(dtype=self.dtype, memory_format=self.order)
        with self.guard():
            self.network(images)
            pairs = [seconds_of(lambda: self.network(images)) for _ in range(runs)]
        return statistics.median(p[0] for p in pairs), pairs[-1][1].float()


class Ours:
    """grid_features_ours, a process for each call."""

    def __init__(self, program, work, precision):
        self.program, self.work, self.precision = program, work, precision
        self.build = []
        self.calibration = os.path.join(work, "calibration.safetensors")

    def seconds(self, images, runs):
        grid, source = os.path.join(self.work, "grid.safetensors"), os.path.join(self.work, "images.safetensors")
        save_file({"images": images.contiguous()}, source)
        weights = os.path.join(self.work, "weights.safetensors")
        command = [self.program, "resnet152", self.precision, weights, self.calibration, source, grid, str(runs)]
        line = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        self.build.append(line["build"])
        return statistics.median(line["forward"]), load_file(grid)["grid"]


def error(ours, theirs):
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def cosine(ours, theirs):
    return torch.nn.functional.cosine_similarity(ours.flatten(), theirs.flatten(), dim=0).item()


def compare(ways, batch, options):
    """Times every way once a round, and prints medians and ratios of the times within a round."""
    images = torch.randn(batch, 3, options.size, options.size)
    times = {name: [] for name in ways}
    grids = {}
    for _ in range(options.rounds):
        for name, way in ways.items():
            seconds, grids[name] = way.seconds(images, options.runs)
            times[name].append(seconds)
    with torch.no_grad():
        reference = body(make_network()).double()(images.double()).float()
    print(f"\n{options.size}x{options.size}, batch {batch}: median of {options.rounds} rounds; errors against float64")
    for name in ways:
        line = f"  {name:45} {statistics.median(times[name]) * 1e3:8.0f} ms"
        if name.startswith("ours"):
            for peer in ways:
                if not peer.startswith("ours"):
                    ratio = statistics.median(a / b for a, b in zip(times[peer], times[name]))
                    line += f"\n    {ratio:5.2f} times as fast as {peer}"
        line += f"\n    error {error(grids[name], reference):.1e}, cosine {cosine(grids[name], reference):.6f}"
        print(line, flush=True)


def print_shares(bench):
    """Where our time goes: milliseconds in the network and share of the processor's peak, by kind of convolution."""
    command = [bench, "--benchmark_filter=^(convolution/|fma_peak)", "--benchmark_format=json"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["benchmarks"]
    peak = next((b["gflops"] for b in found if b["name"].startswith("fma_peak")), None)
    if peak:
        print(f"\npeak of AVX2's multiply-adds on all cores: {peak:.0f} GFLOP/s; above 1: Winograd does fewer than it counts for")
    print("  ms in network   share of peak   convolution")
    for b in found:
        if b["name"].startswith("convolution/"):
            name = b["name"].removeprefix("convolution/").removesuffix("/real_time")
            print(f"  {b['ms_in_network']:13.1f}   {b.get('share_of_peak', float('nan')):13.2f}   {name}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", required=True, help="folder of the built programs")
    parser.add_argument("--work", required=True, help="folder for weights, images and grids")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--runs", type=int, default=3, help="per round, of which the median counts")
    parser.add_argument("--size", type=int, default=448)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    options = parser.parse_args()

    network = make_network()
    os.makedirs(options.work, exist_ok=True)
    save_file(network.state_dict(), os.path.join(options.work, "weights.safetensors"))
    other = torch.randn(1, 3, options.size, options.size)
    save_file({"images": other}, os.path.join(options.work, "calibration.safetensors"))
    has_bfloat16 = "avx512_bf16" in open("/proc/cpuinfo").read()
    program = os.path.join(options.programs, "grid_features_ours")
    ways = {"torchvision, eager, contiguous, float32": Torchvision(make_network(), torch.no_grad)}
    best = "torchvision, channels last, inference_mode"
    ways[f"{best}, float32"] = Torchvision(make_network(), torch.inference_mode, channels_last=True)
    ways["ours, float32"] = Ours(program, options.work, "float32")
    ways["ours, int8"] = Ours(program, options.work, "int8")
    if has_bfloat16:
        ways[f"{best}, bfloat16"] = Torchvision(make_network(), torch.inference_mode, torch.bfloat16, True)
        ways["ours, bfloat16"] = Ours(program, options.work, "bfloat16")

    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, {torch.get_num_threads()} threads")
    for batch in options.batch:
        compare(ways, batch, options)
    print(f"\nour plan is built from the weights' file in {statistics.median(ways['ours, float32'].build):.2f} s")
    print_shares(os.path.join(options.programs, "vqa_bench"))


if __name__ == "__main__":
    main()
