"""Names of groups and nicknames of their members, held against the patterns of a policy. Pure.

    pattern ─ fields filled in ─┐
    name as it is ──────────────┴─ width, case, brackets, blanks and separators aside ─ alike or not

What is not known is not wrong: a nickname that nobody has told, a person whose real name HR does not
have, a pattern with a department or company where none is known. Customers are bound by no pattern.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from moderation.policy import ConductRule
from moderation.types import SenderRole
from service.conduct.model import Duty, Facts
from service.conduct.people import People
from service.conduct.states import State, changes, department, employed, known, owed
from service.storage.roster import Group

ADMIN_NICKNAME = "admin_nickname"
Values = Mapping[str, str | None]

_FIELD = re.compile(r"\{(\w+)\}")
_BRACKETS = str.maketrans("[]{}〔〕【】「」『』〈〉《》", "()" * 8)
_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015\u2212_·•‧∙⋅・/\\|\u200b-\u200f\u2060\ufeff]+")


def group_name(facts: Facts, rule: ConductRule, until: datetime) -> list[Duty]:
    """Return the duties to give the group a right name."""

    def wrong(at: datetime) -> str | None:
        group = known(facts.group, at)
        if group is None or group.dissolved or group.name == group.group_id:
            return None  # a group of which no name is known is called by its id
        return _told("群名", group.name, rule.format, {"company": facts.company})

    return owed(facts, rule, State("group_name", changes(facts), wrong), until)


def admin_nickname(facts: Facts, rule: ConductRule, until: datetime) -> list[Duty]:
    """Return the duties of the group's admin and owner to have the nickname of their office.

    Who is both has one duty, that of the policy's first row for him; the name of either office will do.
    """
    found: list[Duty] = []
    for party in rule.parties:
        for member_id in sorted({_holder(group, party) for _, group in facts.group} - {""}):
            state = _Nickname(facts, member_id, (rule, party)).state()
            found += owed(facts, rule, state, until, (party,))
    return found


def member_nickname(facts: Facts, rule: ConductRule, until: datetime) -> list[Duty]:
    """Return the duties to have a right nickname of all members for whose office the policy has no other."""
    found: list[Duty] = []
    for member_id in sorted(facts.members):
        state = _Nickname(facts, member_id, (rule, None)).state()
        found += owed(facts, rule, state, until)
    return found


def plain(name: str) -> str:
    """Return what of a name counts: `张三 （群负责人）` and `张三(群负责人)` are one."""
    folded = unicodedata.normalize("NFKC", name).casefold().translate(_BRACKETS)
    return _SEPARATORS.sub("", folded)


def fits(name: str, formats: Iterable[str], values: Values) -> bool | None:
    """Return whether a name is as one of some patterns says; None where too little is known to say so.

    {text} in a pattern is anything, but not nothing; other fields are what `values` has for them.
    """
    unknown = False
    for pattern in formats:
        filled = {field: plain(values.get(field) or "") for field in _FIELD.findall(pattern)}
        if not all(value or field == "text" for field, value in filled.items()):
            unknown = True
        elif _pattern(pattern, tuple(filled.items())).fullmatch(plain(name)):
            return True
    return None if unknown else False


@lru_cache(maxsize=4096)
def _pattern(pattern: str, values: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    given = dict(values)
    parts = _FIELD.split(pattern)
    literal = [re.escape(plain(part)) for part in parts[::2]]
    filled = [".+" if field == "text" else re.escape(given[field]) for field in parts[1::2]]
    return re.compile(
        "".join(a + b for a, b in zip(literal, [*filled, ""], strict=True)), re.DOTALL
    )


def _told(what: str, name: str, formats: Iterable[str], values: Values) -> str | None:
    """Return in Chinese what is wrong with a name, None if nothing is."""
    if fits(name, formats, values) is not False:
        return None
    wanted = "或".join(f"“{_filled(pattern, values)}”" for pattern in formats)
    return f"{what}“{name}”不合格，应为{wanted}"


def _filled(pattern: str, values: Values) -> str:
    return _FIELD.sub(lambda field: values.get(field[1]) or "……", pattern)


@dataclass(frozen=True, slots=True)
class _Nickname:
    """One person's nickname under a row of the policy: as holder of an office, or (None) as a member."""

    facts: Facts
    member_id: str
    row: tuple[ConductRule, str | None]

    def state(self) -> State:
        moments = changes(self.facts, self.member_id)
        return State(self.member_id, moments, self.wrong, self.member_id)

    def wrong(self, at: datetime) -> str | None:
        member = known(self.facts.members.get(self.member_id, ()), at)
        person = self.facts.people.get(self.member_id)
        if member is None or not member.present or member.role is SenderRole.CUSTOMER:
            return None
        if member.nickname is None or person is None or not person.name or not employed(person, at):
            return None
        rows = self._rows(at)
        if rows is None:
            return None
        formats = tuple(dict.fromkeys(text for rule, _ in rows for text in rule.format))
        values = {
            "name": person.name,
            "department": department(person, at),
            "company": self.facts.company,
        }
        return _told(f"{person.name}的群昵称", member.nickname, formats, values)

    def _rows(self, at: datetime) -> list[tuple[ConductRule, str | None]] | None:
        """Return the rows whose names he may have at a time, None if this row is not for him then."""
        group = People(self.facts).group(at)
        if group is not None and group.dissolved:
            return None
        offices: list[tuple[ConductRule, str | None]] = [
            (rule, party)
            for rule in self.facts.policy.conduct
            if rule.rule == ADMIN_NICKNAME
            for party in rule.parties
            if _holder(group, party) == self.member_id
        ]
        rows = offices or [(self.row[0], None)]
        return rows if rows[0] == self.row else None


def _holder(group: Group | None, office: str) -> str:
    """Return who holds an office, nobody if that is not known."""
    if group is None:
        return ""
    return (group.owner if office == "group_owner" else group.admin) or ""
