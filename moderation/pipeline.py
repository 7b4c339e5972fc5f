"""`Moderator`: from messages to decisions, reading like the picture in the package's docstring."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from moderation import explain, kernel, patterns, scorer
from moderation.artifacts import Model, load_model
from moderation.features import extract
from moderation.lexicon import Lexicon
from moderation.lexiconwatch import LexiconWatch
from moderation.modelwatch import FixedModel
from moderation.normalize import NormalizedBatch, normalize
from moderation.policy import Circumstances, Policy, decide
from moderation.policyfiles import DEFAULT_POLICY, PolicyBook
from moderation.registry import Registry
from moderation.taxonomy import taxonomy
from moderation.types import Action, Decision, Evidence, Finding, Message, Ruling

logger = logging.getLogger(__name__)

BATCH = 1024
"""Messages worked on at once: enough to use the machine's vectors, little enough for its cache."""

BLOCK_SCORE = 0.98
"""From this score on, a lexicon term or a pattern asks for a block; below, for a review."""

Findings = dict[int, list[Finding]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Detected:
    """What the detectors say of one batch, by the message's number in it."""

    model: Model
    findings: Findings
    scores: NDArray[np.float64] | None
    degraded: dict[int, list[str]]
    lexicon: str


class Moderator:
    """Judges messages. Holds a model, the policies and the lexicon; is safe to share between threads.

    A model that is watched may change between two batches, never within one.
    """

    def __init__(
        self,
        model: Model | FixedModel,
        policies: PolicyBook,
        lexicon: LexiconWatch,
        *,
        compiled: bool = False,
    ) -> None:
        self.models = FixedModel(model) if isinstance(model, Model) else model
        self.policies = policies
        self.lexicon = lexicon
        self.compiled = compiled

    @classmethod
    def load(
        cls,
        model: str | Path | None = None,
        policies: Iterable[Path] = (),
        lexicons: Iterable[Path] = (),
        *,
        compiled: bool = False,
    ) -> Moderator:
        """Load the champion (or the model named) and the shipped policies and terms plus those of folders.

        Raises:
            ModerationError: anything of it is missing or wrong.
        """
        return cls(
            load_model(Registry().resolve(model)),
            PolicyBook.load(*policies),
            LexiconWatch(*lexicons),
            compiled=compiled,
        )

    @property
    def model(self) -> Model:
        """Return the model in force."""
        return self.models.current()

    def moderate(
        self,
        messages: Sequence[Message],
        *,
        with_scores: bool = False,
        with_evidence: bool = True,
    ) -> list[Decision]:
        """Return a decision for each message, in order.

        Without evidence the model's findings do not say which words weighed: for bulk work that
        only counts, at a third less time.

        Raises:
            UnknownNameError: a message names a policy that does not exist.
        """
        decisions: list[Decision] = []
        for low in range(0, len(messages), BATCH):
            part = messages[low : low + BATCH]
            policies = [self.policies[message.policy or DEFAULT_POLICY] for message in part]
            detected = self._detect([message.text for message in part], with_scores, with_evidence)
            stem = os.urandom(12).hex()
            decisions += [
                self._decide(f"{stem}{number:08x}", number, message, policy, detected)
                for number, (message, policy) in enumerate(zip(part, policies, strict=True))
            ]
        return decisions

    def _detect(self, texts: list[str], with_scores: bool, with_evidence: bool) -> _Detected:
        """Normalise, then ask every detector; one that fails is named and voids no other."""
        batch = normalize(texts)
        findings: Findings = defaultdict(list)
        degraded: dict[int, list[str]] = defaultdict(list)
        model = self.model
        scores = _attempt("model", lambda: self._score(model, batch), batch, degraded)
        explained = texts if with_evidence else None
        if scores is not None:
            found = _attempt(
                "model", lambda: _model_findings(model, explained, scores), batch, degraded
            )
            _merge(findings, found)
        lexicon = _attempt("lexicon", self.lexicon.current, batch, degraded)
        if lexicon is not None:
            _merge(findings, _attempt("lexicon", lambda: _terms(lexicon, batch), batch, degraded))
        _merge(findings, _attempt("patterns", lambda: _patterns(batch), batch, degraded))
        if self.lexicon.problem:
            for number in range(len(texts)):
                degraded[number].append("lexicon")
        version = lexicon.version if lexicon else ""
        return _Detected(model, findings, scores if with_scores else None, degraded, version)

    def _score(self, model: Model, batch: NormalizedBatch) -> NDArray[np.float64]:
        """Return calibrated probabilities, float64 `[messages, labels]`."""
        weights, spec = model.weights, model.spec
        if self.compiled:
            total, counts = kernel.extract_and_sum(batch, spec, weights)
        else:
            features = extract(batch, spec)
            total, counts = scorer.sums(weights, features), features.counts
        return scorer.probabilities(weights, total, counts)

    def _decide(
        self, request_id: str, number: int, message: Message, policy: Policy, detected: _Detected
    ) -> Decision:
        found = detected.findings.get(number)
        degraded = detected.degraded.get(number)
        scores = None
        if detected.scores is not None:
            row = detected.scores[number].tolist()
            scores = dict(
                zip(detected.model.labels, (round(score, 6) for score in row), strict=True)
            )
        if not (found or degraded or scores):
            return Decision(
                request_id=request_id,
                message_id=message.message_id,
                action=Action.PASS,
                model=detected.model.version,
                findings=(),
                ruling=policy.silent,
                lexicon=detected.lexicon,
            )
        decision = Decision(
            request_id=request_id,
            message_id=message.message_id,
            action=Action.PASS,
            model=detected.model.version,
            findings=tuple(found or ()),
            ruling=policy.silent,
            degraded=tuple(dict.fromkeys(degraded or ())),
            scores=scores,
            lexicon=detected.lexicon,
        )
        circumstances = Circumstances(
            message.group_kind, message.sender_role, confirmed_otherwise=message.occurrence - 1
        )
        return settle(decision, policy, circumstances)


def _model_findings(model: Model, texts: list[str] | None, scores: NDArray[np.float64]) -> Findings:
    """Return what the model finds; with the texts, also which of their words weighed."""
    review = np.array([at.review for at in model.thresholds])
    rows, columns = (where.tolist() for where in np.nonzero(scores >= review))
    if not rows:
        return {}
    told: list[tuple[Evidence, ...]] = [()] * len(rows)
    if texts is not None:
        flagged = [texts[row] for row in rows]
        told = explain.explain(flagged, columns, model.weights, model.spec)
    findings: Findings = defaultdict(list)
    for row, column, evidence in zip(rows, columns, told, strict=True):
        score = float(scores[row, column])
        block = score >= model.thresholds[column].block
        strength = Action.BLOCK if block else Action.REVIEW
        label = model.labels[column]
        findings[row].append(_finding(label, score, "model", strength, evidence))
    return findings


def settle(
    decision: Decision, policy: Policy, circumstances: Circumstances, more: Iterable[Finding] = ()
) -> Decision:
    """Return a decision with the findings of the conversation added, ruled anew under a policy."""
    found = (*decision.findings, *more)
    ruling = policy.silent
    if found:
        ruling = decide((finding.label for finding in found), policy, circumstances)
    action = _action(list(found), ruling, bool(decision.degraded))
    return replace(decision, findings=found, ruling=ruling, action=action)


def _terms(lexicon: Lexicon, batch: NormalizedBatch) -> Findings:
    by_label: dict[tuple[int, str], list[tuple[float, Evidence]]] = defaultdict(list)
    for hit in lexicon.find(batch):
        reason = f"词库：{hit.term.text}（{hit.term.source}）"
        evidence = _evidence(batch, hit.message, hit.start, hit.end, reason)
        by_label[hit.message, hit.term.label].append((hit.term.score, evidence))
    return _gather(by_label, "lexicon")


def _patterns(batch: NormalizedBatch) -> Findings:
    by_label: dict[tuple[int, str], list[tuple[float, Evidence]]] = defaultdict(list)
    for hit in patterns.find(batch):
        number = int(np.searchsorted(batch.offsets, hit.start, side="right")) - 1
        base = int(batch.offsets[number])
        evidence = _evidence(batch, number, hit.start - base, hit.end - base, hit.reason)
        by_label[number, hit.label].append((hit.score, evidence))
    return _gather(by_label, "pattern")


def _gather(by_label: dict[tuple[int, str], list[tuple[float, Evidence]]], source: str) -> Findings:
    """Return one finding per message and label with all its evidence and its best score."""
    findings: Findings = defaultdict(list)
    for (number, label), pieces in by_label.items():
        score = max(score for score, _ in pieces)
        strength = Action.BLOCK if score >= BLOCK_SCORE else Action.REVIEW
        evidence = tuple(dict.fromkeys(piece for _, piece in pieces))
        findings[number].append(_finding(label, score, source, strength, evidence))
    return findings


def _finding(
    label: str, score: float, source: str, strength: Action, evidence: tuple[Evidence, ...]
) -> Finding:
    return Finding(label, taxonomy()[label].category, score, source, strength, evidence)


def _evidence(batch: NormalizedBatch, number: int, low: int, high: int, reason: str) -> Evidence:
    one = batch[number]
    start, end = one.original_span(low, high)
    return Evidence(start, end, one.original[start:end], one.text[low:high], reason)


def _merge(findings: Findings, more: Findings | None) -> None:
    for number, found in (more or {}).items():
        findings[number] += found


def _action(found: list[Finding], ruling: Ruling, degraded: bool) -> Action:
    """Return the strongest action asked for: exempt labels ask for none, uncovered ones for a review."""
    if not found:
        return Action.REVIEW if degraded else Action.PASS
    exempt, uncovered = set(ruling.exempt), set(ruling.uncovered)
    asked = {
        Action.REVIEW if finding.label in uncovered else finding.strength
        for finding in found
        if finding.label not in exempt
    }
    if Action.BLOCK in asked:
        return Action.BLOCK
    return Action.REVIEW if asked or degraded else Action.PASS


def _attempt(
    detector: str,
    work: Callable[[], T],
    batch: NormalizedBatch,
    degraded: dict[int, list[str]],
) -> T | None:
    """Return what a detector finds, or None after naming it as degraded for the whole batch.

    The one place where any error is caught: whatever a detector stumbles over, the others still
    speak and the message goes to a person.
    """
    try:
        return work()
    except Exception:
        logger.exception("detector %s failed on a batch of %d", detector, len(batch))
        for number in range(len(batch)):
            degraded[number].append(detector)
        return None
