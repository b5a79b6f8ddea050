"""Runs scikit-learn's IsolationForest for bench/forest: one JSON command per
line on standard input, one JSON answer per line on standard output."""

import json
import sys
import time

import numpy
from sklearn.ensemble import IsolationForest


def load(path):
    with open(path, "rb") as f:
        rows, columns = numpy.fromfile(f, "<u8", 2)
        return numpy.fromfile(f, "<f8").reshape(int(rows), int(columns))


def fit(data, seed):
    forest = IsolationForest(n_estimators=100, max_samples=256, random_state=seed)
    return forest.fit(data)


def main():
    data, forest = None, None
    for line in sys.stdin:
        command = json.loads(line)
        op, scores = command["op"], None
        begin = time.perf_counter()
        if op == "load":
            data = load(command["path"])
        elif op == "fit":
            forest = fit(data, command["seed"])
        elif op == "score":
            forest.score_samples(data)
        elif op == "one":
            for i in range(command["calls"]):
                k = i % len(data)
                forest.score_samples(data[k : k + 1])
        elif op == "scores":
            forest = fit(data, command["seed"])
            scores = (-forest.score_samples(data)).tolist()
        answer = {"seconds": time.perf_counter() - begin}
        if scores is not None:
            answer["scores"] = scores
        print(json.dumps(answer), flush=True)


main()
