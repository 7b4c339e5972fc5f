"""What people build first for this task, trained on the same data: jieba words and a linear model.

Both give the same nineteen probabilities per message that `core` gives; neither undoes evasions nor
says where and why, which `whole` does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fasttext
import jieba
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from moderation.taxonomy import taxonomy
from training.corpus import Sample, label_matrix

Scorer = Callable[[Sequence[str]], object]


def tfidf(samples: Sequence[Sample]) -> Scorer:
    """Return `predict_proba` of TF-IDF over jieba's words and one logistic regression per label."""
    Y = label_matrix(samples)
    Y[0] |= ~Y.any(axis=0)  # a label without a message (small data) would not be fitted
    model = make_pipeline(
        TfidfVectorizer(tokenizer=jieba.lcut, token_pattern=None, lowercase=False),
        OneVsRestClassifier(LogisticRegression(solver="liblinear")),
    )
    model.fit([sample.text for sample in samples], Y)
    _expect(model.predict_proba(["好"]).shape == (1, len(taxonomy())), "TF-IDF model")
    return model.predict_proba


def fast_text(samples: Sequence[Sample]) -> Scorer:
    """Return a fastText model of independent labels (`ova`) over jieba's words.

    It is called by its low-level batch function, which is its fastest and works with numpy 2; its
    answer is taken as it comes, without the work of putting labels in order.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        path.write_text("".join(map(_training_line, samples)), encoding="utf-8")
        model: Any = fasttext.train_supervised(
            str(path),
            loss="ova",
            epoch=10,
            lr=0.5,
            wordNgrams=2,
            bucket=200_000,
            thread=1,
            verbose=0,
        )
    labels = len(model.get_labels())

    def score(texts: Sequence[str]) -> object:
        lines = [_words(text) for text in texts]
        return model.f.multilinePredict(lines, labels, 0.0, "strict")

    _, probabilities = score(["今天开会", "加微信"])
    _expect([len(row) for row in probabilities] == [labels] * 2, "fastText model")
    _expect(bool(np.isfinite(np.array(probabilities)).all()), "fastText model")
    return score


def _training_line(sample: Sample) -> str:
    labels = " ".join(f"__label__{label}" for label in sample.labels or ("none",))
    return f"{labels} {_words(sample.text)}"


def _words(text: str) -> str:
    return " ".join(jieba.lcut(text.replace("\n", " "))) + "\n"


def _expect(truth: bool, what: str) -> None:
    if not truth:
        raise RuntimeError(f"{what} does not give one probability per label")
