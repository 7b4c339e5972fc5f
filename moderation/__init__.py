"""Chinese group-chat moderation: a message goes in, a decision comes out.

    from moderation import Message, Moderator

    moderator = Moderator.load()
    decision = moderator.moderate([Message("加薇看片 日结", policy="suzhou-2017")])[0]
    decision.action, decision.ruling.articles, decision.ruling.penalty

The way of a message, one short module per step:

    text ─ normalize ─ features ─ scorer ─┐
                 ├──── lexicon ───────────┤
                 └──── patterns ──────────┴─ findings ─ policy ─ decision

The library knows no web framework and no database; it stores nothing and fines nobody. It proposes,
a person confirms.
"""

from moderation.errors import (
    DataFileError,
    MessageError,
    ModelError,
    ModerationError,
    UnknownNameError,
)
from moderation.pipeline import Moderator
from moderation.types import Action, Decision, Evidence, Finding, Message

__all__ = [
    "Action",
    "DataFileError",
    "Decision",
    "Evidence",
    "Finding",
    "Message",
    "MessageError",
    "ModelError",
    "Moderator",
    "ModerationError",
    "UnknownNameError",
]
