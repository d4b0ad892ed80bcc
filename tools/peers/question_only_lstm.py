"""Trains an LSTM on questions alone as a PyTorch script does. Started by question_only.py."""
import argparse
import collections
import gzip
import json
import pathlib
import re
import time

import torch

SCORES = (0.0, 0.3, 0.6, 0.9, 1.0)  # by the number of people who gave an answer


def read(path):
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else open(path)
    with opened as file:
        return json.load(file)


def find(folder, pattern):
    return next(iter(sorted(folder.glob(pattern))))


def words_of(question):
    return re.sub(r"[.,'!?\"()*#:;]", "", question.lower()).replace("-", " ").replace("/", " ").split()


def examples(folder, tokens, least):
    """Token ids, and the soft targets (answer, score) of each training question."""
    questions = read(find(folder, "v2_OpenEnded_mscoco_train2014_questions.json*"))["questions"]
    annotations = read(find(folder, "v2_mscoco_train2014_annotations.json*"))["annotations"]
    by_id = {each["question_id"]: each for each in annotations}
    counts = collections.Counter(each["multiple_choice_answer"] for each in annotations)
    answers = {answer: i for i, answer in enumerate(a for a, n in counts.items() if n >= least)}
    vocabulary, ids, targets = {}, [], []
    for question in questions:
        words = words_of(question["question"])[:tokens] or ["?"]
        ids.append([vocabulary.setdefault(word, len(vocabulary) + 2) for word in words])
        given = collections.Counter(each["answer"] for each in by_id[question["question_id"]]["answers"])
        targets.append([(answers[a], SCORES[min(n, 4)]) for a, n in given.items() if a in answers])
    return ids, targets, len(vocabulary) + 2, len(answers)


class QuestionOnly(torch.nn.Module):
    def __init__(self, vocabulary, answers, word_dim, dim):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, word_dim, padding_idx=0)
        self.lstm = torch.nn.LSTM(word_dim, dim, batch_first=True)
        self.classifier = torch.nn.Linear(dim, answers)

    def forward(self, ids, lengths):
        states, _ = self.lstm(self.embedding(ids))  # (Q, T, D)
        last = states[torch.arange(len(ids)), lengths - 1]  # (Q, D)
        return self.classifier(last)


def batch_of(ids, targets, answers):
    """Padded to the longest, with dense targets."""
    lengths = torch.tensor([len(each) for each in ids])
    padded = torch.zeros(len(ids), int(lengths.max()), dtype=torch.long)
    dense = torch.zeros(len(ids), answers)
    for row, (each, target) in enumerate(zip(ids, targets)):
        padded[row, : len(each)] = torch.tensor(each)
        for answer, score in target:
            dense[row, answer] = score
    return padded, lengths, dense


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--word-dim", type=int, default=300)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=14)
    parser.add_argument("--min-answer-count", type=int, default=9)
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    ids, targets, vocabulary, answers = examples(options.data, options.tokens, options.min_answer_count)
    batches = []  # made before the clock starts, as a loader's workers would beside the training
    order = torch.randperm(len(ids)).tolist()
    for begin in range(0, len(order), options.batch_size):
        rows = order[begin : begin + options.batch_size]
        batches.append(batch_of([ids[i] for i in rows], [targets[i] for i in rows], answers))
    network = QuestionOnly(vocabulary, answers, options.word_dim, options.dim)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    for epoch in range(options.epochs):
        start, total = time.perf_counter(), 0.0
        for padded, lengths, dense in batches:
            adam.zero_grad()
            logits = network(padded, lengths)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, dense, reduction="sum") / len(padded)
            loss.backward()
            adam.step()
            total += loss.item() * len(padded)
        seconds = time.perf_counter() - start
        print(
            f"epoch {epoch + 1}  loss {total / len(ids):.4f}  {len(ids) / seconds:.0f} questions/s"
            f"  {answers} answers  {vocabulary} words",
            flush=True,
        )


if __name__ == "__main__":
    main()
