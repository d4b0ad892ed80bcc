"""MCAN-small in training and inference: openvqa's and ours, interleaved in one run. Started by mcan."""

import argparse
import os
import statistics
import subprocess
import sys
import time
import types

import torch
from safetensors.torch import save_file

WORDS, TOKENS, ANSWERS, CHANNELS = 20_000, 14, 3129, 2048
DROPOUT = 0.1
STEPS, ALLOWED = 3, 1e-4  # losses to compare, and how far apart they may be, as a share
OPENVQA = "openvqa"
# Parts of openvqa's names, and what they are called in ours.
NAMES = {
    "embedding.": "question_encoder.embedding.",
    "lstm.": "question_encoder.lstm.",
    "adapter.frcn_linear.": "grid_projection.",
    "backbone.enc_list.": "mcan.encoder.",
    "backbone.dec_list.": "mcan.decoder.",
    ".mhatt1.": ".self_attention.",
    ".mhatt2.": ".cross_attention.",
    ".mhatt.": ".attention.",
    "linear_q.": "query.",
    "linear_k.": "key.",
    "linear_v.": "value.",
    "attflat_lang.": "question_pool.",
    "attflat_img.": "image_pool.",
    "ffn.mlp.fc.linear.": "feed_forward.inner.",
    "ffn.mlp.linear.": "feed_forward.outer.",
    "_pool.mlp.fc.linear.": "_pool.hidden.",
    "_pool.mlp.linear.": "_pool.score.",
    "_pool.linear_merge.": "_pool.merge.",
    "linear_merge.": "out.",
    "proj_norm.": "norm.",
    "proj.": "classifier.",
    ".a_2": ".weight",
    ".b_2": ".bias",
}


def now():
    """With one thread the processor's time, which a busy machine falsifies less."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def our_name(name):
    for theirs, ours in NAMES.items():
        name = name.replace(theirs, ours)
    return name


def settings(batch, cells, dropout):
    """What openvqa reads of its configuration: configs/vqa/mcan_small.yml and the defaults behind it."""
    return types.SimpleNamespace(
        DATASET="vqa", LAYER=6, HIDDEN_SIZE=512, FF_SIZE=2048, MULTI_HEAD=8, DROPOUT_R=dropout, FLAT_MLP_SIZE=512,
        FLAT_GLIMPSES=1, FLAT_OUT_SIZE=1024, USE_AUX_FEAT=False, USE_BBOX_FEAT=False, USE_GLOVE=False,
        WORD_EMBED_SIZE=300, FEAT_SIZE={"vqa": {"FRCN_FEAT_SIZE": (cells, CHANNELS)}}, OPT="Adam",
        OPT_PARAMS={"betas": (0.9, 0.98), "eps": 1e-9}, LR_BASE=1e-4, BATCH_SIZE=batch, WARMUP_EPOCH=3,
    )  # fmt: skip


def make_batch(cells, batch):
    """A picture of its own for every question, without padding; questions as long as VQA-v2's."""
    torch.manual_seed(2)
    lengths = (torch.randn(batch) * 1.9 + 6.2).round().long().clamp(3, TOKENS)
    tokens = torch.randint(2, WORDS, (batch, TOKENS)) * (torch.arange(TOKENS) < lengths.unsqueeze(1))
    target = torch.zeros(batch, ANSWERS)
    for row in target:
        row[torch.randint(ANSWERS, (3,))] = torch.tensor([1.0, 0.6, 0.3])
    return {"grid": torch.rand(batch, cells, CHANNELS), "tokens": tokens, "target": target}


class Theirs:
    """openvqa's network, and a step as its train_engine takes one, without the norms of gradients that it logs."""

    def __init__(self, batch, dropout):
        from openvqa.models.mcan.net import Net
        from openvqa.utils.optim import get_optim

        questions, cells, _ = batch["grid"].shape
        config = settings(questions, cells, dropout)
        torch.manual_seed(1)
        self.name, self.batch = OPENVQA, batch
        self.network = Net(config, None, WORDS, ANSWERS).train()
        self.loss = torch.nn.BCEWithLogitsLoss(reduction="sum")
        self.optimizer = get_optim(config, self.network, 1_000_000)

    def save(self, path):
        tensors = {our_name(name): tensor.contiguous() for name, tensor in self.network.state_dict().items()}
        save_file(tensors, path)

    def forward(self):
        nothing = torch.zeros(1)
        return self.network(self.batch["grid"], nothing, nothing, self.batch["tokens"])

    def train(self):
        """Seconds, and the loss before the step."""
        start = now()
        self.network.train()
        self.optimizer.zero_grad()
        loss = self.loss(self.forward(), self.batch["target"])
        loss.backward()
        value = loss.item()
        self.optimizer.step()
        return now() - start, value

    def infer(self):
        self.network.eval()
        start = now()
        with torch.no_grad():
            self.forward()
        return now() - start, 0

    def close(self):
        pass


class Ours:
    """mcan_ours, a process that does what each line tells it."""

    def __init__(self, options, kind, dropout):
        self.name = f"ours, {kind}"
        batch, weights = (os.path.join(options.work, f"{name}.safetensors") for name in ("batch", "weights"))
        command = [os.path.join(options.programs, "mcan_ours"), kind, str(dropout), batch, weights]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if len(answer) != 2:
            raise SystemExit("mcan_ours failed")
        return float(answer[0]), float(answer[1])

    def train(self):
        return self.ask("train")

    def infer(self):
        return self.ask("infer")

    def parts(self):
        text = self.process.communicate("parts\n")[0]
        if self.process.returncode != 0:
            raise SystemExit("mcan_ours failed")
        return text

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare_losses(options, batch):
    """Both from the same weights, without dropout; leaves the weights in a file for what comes next."""
    theirs = Theirs(batch, 0)
    theirs.save(os.path.join(options.work, "weights.safetensors"))
    ours = Ours(options, "vanilla", 0)
    for step in range(1, STEPS + 1):
        a, b = theirs.train()[1], ours.train()[1]
        print(f"  loss at step {step}: openvqa {a:.4f}, ours {b:.4f}", flush=True)
        if not abs(a - b) <= ALLOWED * abs(a):
            raise SystemExit(f"losses differ by {abs(a - b) / abs(a):.1e}; allowed is {ALLOWED:.0e}")
    ours.close()


def measure(ways, rounds):
    """Seconds by mode, way and round; each way once in every round."""
    times = {mode: {way.name: [] for way in ways} for mode in ("train", "infer")}
    for mode, by_way in times.items():
        for way in ways:
            getattr(way, mode)()
        for _ in range(rounds):
            for way in ways:
                by_way[way.name].append(getattr(way, mode)()[0])
    return times


def report(times, questions):
    for mode, by_way in times.items():
        for name, seconds in by_way.items():
            ratio = statistics.median(a / b for a, b in zip(by_way[OPENVQA], seconds))
            print(f"  {mode}  {name:16}{statistics.median(seconds) / questions * 1e3:10.1f} ms a question  {ratio:6.2f}x")
    sys.stdout.flush()


def run(options, cells, questions):
    print(f"\n{cells} cells, batches of {questions}", flush=True)
    batch = make_batch(cells, questions)
    save_file(batch, os.path.join(options.work, "batch.safetensors"))
    compare_losses(options, batch)
    ways = [Theirs(batch, DROPOUT), *(Ours(options, kind, DROPOUT) for kind in ("vanilla", "dba"))]
    report(measure(ways, options.rounds), questions)
    for way in ways:
        way.close()
    for kind in ("vanilla", "dba") * options.parts:
        print(Ours(options, kind, DROPOUT).parts(), end="", flush=True)


def size(text):
    cells, batch = text.split("x")
    return int(cells), int(batch)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", required=True, help="folder of the built programs")
    parser.add_argument("--work", required=True, help="folder for weights and batches")
    parser.add_argument("--openvqa", required=True, help="a checkout of openvqa")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=size, nargs="+", default=[(100, 64), (608, 8)], help="CELLSxBATCH")
    parser.add_argument("--parts", action="store_true", help="where our time goes")
    options = parser.parse_args()
    if not os.path.exists(os.path.join(options.openvqa, "openvqa/models/mcan/net.py")):
        raise SystemExit(f"tools/peers/mcan: {options.openvqa}: is no checkout of openvqa; clone MILVLG/openvqa")
    sys.path.insert(0, options.openvqa)
    os.makedirs(options.work, exist_ok=True)
    threads = torch.get_num_threads()
    threads = f"{threads} threads, time by the clock" if threads > 1 else "1 thread, processor time"
    print(f"torch {torch.__version__}, {threads}", flush=True)
    for cells, questions in options.sizes:
        run(options, cells, questions)


if __name__ == "__main__":
    main()
