"""Benchmarks: `python -m tests.bench`.

    core     normaliser + features + scorer alone            messages/s
    whole    Moderator.moderate, from message to decision    messages/s, ms for one
    against  the same work by jieba + TF-IDF + logistic regression and by jieba + fastText
    cli      `moderation classify TEXT` as a process         ms to the first answer
    service  `moderation serve`                              ms to the first answer, memory
    http     POST /v1/classify beside a bare FastAPI endpoint
    train    the whole training of 13,000 messages, the data set and 100,000, on all cores   s

Everything compared is measured in one run on one core, in turns; each figure is the median of the
rounds, that of `train` a single run. Nothing here says how good the decisions are.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before numpy is imported: one core for everybody
