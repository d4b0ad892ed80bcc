"""ALBERT-base over questions: Hugging Face's AlbertModel and ours, interleaved in one run. Started by albert."""

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import time

import torch
import transformers
from safetensors.torch import load_file, save_file

MOST = 16  # tokens


def read_questions(path, count):
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
    with opened as file:
        return [question["question"] for question in json.load(file)["questions"][:count]]


def tokenize(options):
    """(Q, MOST) ids padded with 0, and lengths (Q); a question that is too long keeps its [SEP]."""
    folder = os.path.join(options.work, "model")
    os.makedirs(folder, exist_ok=True)
    shutil.copyfile(options.spiece, os.path.join(folder, "spiece.model"))
    tokenizer = transformers.AlbertTokenizer.from_pretrained(folder)
    texts = read_questions(options.questions, options.count)
    batch = tokenizer(texts, padding="max_length", truncation=True, max_length=MOST, return_tensors="pt")
    return batch["input_ids"], batch["attention_mask"].sum(1)


def make_model():
    """Random weights of ordinary size."""
    torch.manual_seed(1)
    config = transformers.AlbertConfig(hidden_size=768, num_attention_heads=12, intermediate_size=3072)
    model = transformers.AlbertModel(config, add_pooling_layer=False).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0, 0.02)
            elif "LayerNorm" in name or "layer_norm" in name:
                parameter.normal_(1, 0.1)
            else:
                parameter.normal_(0, 0.04)
    return model


class HuggingFace:
    """As its users would write it."""

    def __init__(self, options, ids, lengths, dtype=torch.float32, longest=False):
        self.model = make_model().to(dtype)
        self.batches = []
        for begin in range(0, len(ids), options.batch):
            some = lengths[begin : begin + options.batch]
            width = int(some.max()) if longest else MOST
            mask = (torch.arange(width) < some.unsqueeze(1)).long()
            self.batches.append((ids[begin : begin + options.batch, :width], mask))
        self.seconds()

    def seconds(self):
        start = time.perf_counter()
        with torch.inference_mode():
            self.last = [self.model(input_ids=i, attention_mask=m).last_hidden_state for i, m in self.batches]
        return time.perf_counter() - start

    def outputs(self):
        rows = [(x.float() * m.unsqueeze(2)) for x, (_, m) in zip(self.last, self.batches)]
        return torch.cat([torch.nn.functional.pad(x, (0, 0, 0, MOST - x.shape[1])) for x in rows])


class Ours:
    """albert_ours, a process that runs once for each line it is given."""

    def __init__(self, options, precision):
        self.path = os.path.join(options.work, f"outputs_{precision}.safetensors")
        files = [os.path.join(options.work, name) for name in ("model", "questions.safetensors")]
        command = [os.path.join(options.programs, "albert_ours"), precision, *files, self.path, str(options.batch)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.seconds()

    def seconds(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def outputs(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise SystemExit("albert_ours failed")
        return load_file(self.path)["outputs"]


def make_ways(options, ids, lengths):
    ways = {
        "Hugging Face, float32, padded to 16": HuggingFace(options, ids, lengths),
        "Hugging Face, float32, padded to the longest": HuggingFace(options, ids, lengths, longest=True),
        "ours, float32": Ours(options, "float32"),
    }
    if "avx512_bf16" in open("/proc/cpuinfo").read():
        ways["Hugging Face, bfloat16, padded to 16"] = HuggingFace(options, ids, lengths, torch.bfloat16)
        ways["ours, bfloat16"] = Ours(options, "bfloat16")
    return ways


def report(times, outputs, count):
    reference = outputs["Hugging Face, float32, padded to 16"]
    for name, seconds in times.items():
        print(f"{name:45} {statistics.median(seconds) / count * 1e3:6.2f} ms a question")
        if name.startswith("ours"):
            for peer in times:
                if not peer.startswith("ours"):
                    ratio = statistics.median(a / b for a, b in zip(times[peer], seconds))
                    print(f"    {ratio:5.2f} times as fast as {peer}")
        error = ((outputs[name] - reference).abs().max() / reference.abs().max()).item()
        cosine = torch.nn.functional.cosine_similarity(
            outputs[name].flatten().double(), reference.flatten().double(), dim=0
        ).item()
        print(f"    against Hugging Face in float32: error {error:.1e}, cosine {cosine:.6f}")
        if "float32" in name and not error <= 1e-4:
            raise SystemExit(f"{name}: outputs differ by {error:.1e}; allowed is 1e-4")
        if not cosine >= 0.999:
            raise SystemExit(f"{name}: cosine is {cosine:.6f}; allowed is 0.999 or more")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", required=True, help="folder of the built programs")
    parser.add_argument("--work", required=True, help="folder for weights, ids and outputs")
    parser.add_argument("--questions", required=True, help="VQA-v2 question file, .json or .json.gz")
    parser.add_argument("--spiece", required=True, help="SentencePiece model with ALBERT's special pieces")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=512, help="questions")
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()

    os.makedirs(options.work, exist_ok=True)
    ids, lengths = tokenize(options)
    save_file({"ids": ids.contiguous(), "lengths": lengths}, os.path.join(options.work, "questions.safetensors"))
    make_model().save_pretrained(os.path.join(options.work, "model"))
    threads = f"{torch.get_num_threads()} threads"
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, {threads}")
    print(f"{len(ids)} questions of {lengths.double().mean():.1f} tokens, batch {options.batch}", flush=True)
    ways = make_ways(options, ids, lengths)
    times = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():
            times[name].append(way.seconds())
    report(times, {name: way.outputs() for name, way in ways.items()}, len(ids))


if __name__ == "__main__":
    main()
