"""What is to be deducted from wages in a month, from the fines that were published. Pure.

    fines ─ charges of the month ─ rows per person ─ marks against the cap

A fine is charged in the month of its publication and, if it ceases to hold in a later one, given back
in that: a month that has been paid does not change any more. One that ceases in the same month does
not appear.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

FEN = Decimal("0.01")
MONTH = r"^20\d\d-(0[1-9]|1[0-2])$"
"""How a month is written."""
LAW = (
    "提示：用人单位能否对员工罚款在法律上有争议；依照《工资支付暂行规定》第十六条，因劳动者本人原因造成损失的赔偿可从工资中"
    "扣除，每月扣除部分不得超过当月工资的20%，扣除后的剩余工资不得低于当地月最低工资标准。本表按当月工资的{share}核对并标记，"
    "未核对最低工资；扣款前请由人力资源部门复核。"
)


@dataclass(frozen=True, slots=True)
class Fine:
    """A fine that was published; `void_at` is when it was withdrawn or the ledger dropped it.

    `liable` are party and member id, None where the roster did not say who that was.
    """

    number: str
    amount: Decimal
    liable: tuple[tuple[str, str | None], ...]
    published_at: datetime
    void_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Staff:
    """What payroll knows of a person; `wage` is a month's."""

    name: str | None = None
    department: str | None = None
    wage: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """One sum of one person from one notice; a correction is negative."""

    member_id: str | None
    party: str
    number: str
    amount: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """A person's month. `cap` is None where no wage is known."""

    member_id: str | None
    staff: Staff
    charges: tuple[Charge, ...]
    cap: Decimal | None

    @property
    def charged(self) -> Decimal:
        """Return the sum of the month's fines."""
        return sum((c.amount for c in self.charges if c.amount > 0), Decimal(0))

    @property
    def given_back(self) -> Decimal:
        """Return the sum of the corrections, 0 or less."""
        return sum((c.amount for c in self.charges if c.amount < 0), Decimal(0))

    @property
    def total(self) -> Decimal:
        """Return what is to be deducted; less than 0 is to be paid out."""
        return self.charged + self.given_back

    @property
    def over_cap(self) -> bool:
        """Return whether more would be deducted than the cap allows."""
        return self.cap is not None and self.total > self.cap

    @property
    def mark(self) -> str:
        """Return what payroll has to look at, in Chinese; empty where nothing."""
        if self.member_id is None:
            return "名册未登记责任人，不能扣款"
        if self.cap is None:
            return "未登记月工资，未核对扣款上限"
        return f"超过扣款上限 {self.total - self.cap:.2f} 元" if self.over_cap else ""

    def to_dict(self) -> dict[str, Any]:
        """Return the public form: sums are decimal strings of yuan."""
        staff = self.staff
        return {
            "member_id": self.member_id,
            "name": staff.name,
            "department": staff.department,
            "charged": f"{self.charged:.2f}",
            "given_back": f"{self.given_back:.2f}",
            "total": f"{self.total:.2f}",
            "wage": None if staff.wage is None else f"{staff.wage:.2f}",
            "cap": None if self.cap is None else f"{self.cap:.2f}",
            "over_cap": self.over_cap,
            "mark": self.mark,
            "charges": [
                {
                    "number": c.number,
                    "party": c.party,
                    "amount": f"{c.amount:.2f}",
                    "at": c.at.isoformat(),
                }
                for c in self.charges
            ],
        }


@dataclass(frozen=True, slots=True)
class Payroll:
    """The deductions of a month, and what the law says of them."""

    month: str
    rows: tuple[Row, ...]
    law: str

    @property
    def total(self) -> Decimal:
        """Return the sum of all rows."""
        return sum((row.total for row in self.rows), Decimal(0))

    def to_dict(self) -> dict[str, Any]:
        """Return the public form."""
        return {
            "month": self.month,
            "rows": [row.to_dict() for row in self.rows],
            "total": f"{self.total:.2f}",
            "law": self.law,
        }


def span(month: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return begin and end of a month written as `MONTH` in the firm's zone."""
    year, number = map(int, month.split("-"))
    after = (year + 1, 1) if number == 12 else (year, number + 1)
    return datetime(year, number, 1, tzinfo=zone), datetime(*after, 1, tzinfo=zone)


def charges(fines: Iterable[Fine], since: datetime, until: datetime) -> list[Charge]:
    """Return what the fines come to in `[since, until)`; each person liable pays the whole sum once."""
    since, until = since.astimezone(UTC), until.astimezone(UTC)  # times of one zone compare fast
    found = []
    for fine in fines:
        begins = since <= fine.published_at < until
        ends = fine.void_at is not None and since <= fine.void_at < until
        if begins == ends:
            continue
        sign, at = (1, fine.published_at) if begins else (-1, fine.void_at or fine.published_at)
        found += [
            Charge(member_id, party, fine.number, sign * fine.amount, at)
            for party, member_id in _payers(fine)
        ]
    return sorted(found, key=lambda charge: (charge.at, charge.number))


def payroll(
    month: str, charged: Iterable[Charge], staff: Mapping[str, Staff], share: Decimal
) -> Payroll:
    """Return the rows of a month, by department and name; `share` of the wage is the cap."""
    by_person: dict[str | None, list[Charge]] = defaultdict(list)
    for charge in charged:
        by_person[charge.member_id].append(charge)
    rows = [
        _row(member_id, tuple(found), staff.get(member_id or "", Staff()), share)
        for member_id, found in by_person.items()
    ]
    return Payroll(month, tuple(sorted(rows, key=_order)), LAW.format(share=_percent(share)))


def _payers(fine: Fine) -> Iterator[tuple[str, str | None]]:
    """Yield each person liable once, under his first party; each unknown one on his own."""
    named = set()
    for party, member_id in fine.liable:
        if member_id is None or member_id not in named:
            yield party, member_id
        named.add(member_id)


def _row(member_id: str | None, found: tuple[Charge, ...], staff: Staff, share: Decimal) -> Row:
    cap = None if staff.wage is None else (staff.wage * share).quantize(FEN, ROUND_DOWN)
    return Row(member_id, staff, found, cap)


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f}%"


def _order(row: Row) -> tuple[bool, bool, str, str, str]:
    """Sort by department and name; what is not known comes last."""
    staff, who = row.staff, row.member_id
    department, name = staff.department, staff.name
    return who is None, department is None, department or "", name or "", who or ""
