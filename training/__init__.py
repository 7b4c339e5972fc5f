"""Training: labelled messages -> a model folder. Needs the extra `training`; the service never imports it.

data set + corpora ─ near-duplicate groups ─ folds ─ augment ─ fit ─ calibrate ─ thresholds ─ model folder
                                                                      └─ held-out scores ─ evaluation
"""
