"""A firm on one database, over HTTP: its bot, two reviewers, an approver, an admin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from service.rights import Role
from tests import accounts
from tests.support import Api

START = datetime(2026, 11, 3, 1, 5, tzinfo=UTC)
AD = "诚信代开发票，加微信详谈"


class Firm:
    """Its clock goes a minute with every message and step."""

    def __init__(self, folder: Path, model: Path, url: str, **settings: Any) -> None:
        self.app = accounts.service(folder, model, database=url, **settings)
        self.database = self.app.state.database
        self.clock = START
        self.app.state.recorder.now = self.app.state.desk.now = self.now
        self.bot = Api(self.app)
        self.li = self.user("li", Role.REVIEWER)
        self.wang = self.user("wang", Role.REVIEWER)
        self.zhao = self.user("zhao", Role.APPROVER)
        self.admin = self.user("admin", Role.ADMIN)
        self._numbers = count(1)

    def user(self, name: str, *roles: Role, **given: Any) -> Api:
        accounts.add_user(self.database, name, *roles, **given)
        return accounts.signed_in(self.app, accounts.open_session(self.database, name))

    def now(self) -> datetime:
        self.clock += timedelta(minutes=1)
        return self.clock

    def close(self) -> None:
        self.app.state.recorder.close()
        self.database.close()

    def classify(self, text: str = AD, **given: Any) -> dict[str, Any]:
        body = {
            "text": text,
            "message_id": f"m-{next(self._numbers)}",
            "group_id": "g-1",
            "sender_id": "u-1",
            "policy": "shenzhen",
        }
        response = self.bot.post("/v1/classify", json=body | given)
        assert response.status_code == 200, response.text
        return response.json()

    def flag(self, text: str = AD, **given: Any) -> str:
        case_id = self.classify(text, **given)["case_id"]
        assert case_id is not None
        return case_id

    def do(self, who: Api, case_id: str, verb: str, code: int = 200, **body: Any) -> dict[str, Any]:
        given = {"json": body} if body else {}
        response = who.post(f"/v1/cases/{case_id}/{verb}", **given)
        assert response.status_code == code, response.text
        return response.json()

    def confirm(self, case_id: str, **body: Any) -> dict[str, Any]:
        self.do(self.li, case_id, "claim")
        return self.do(self.li, case_id, "confirm", **body)

    def confirmed(self, text: str = AD, **given: Any) -> str:
        case_id = self.flag(text, **given)
        self.confirm(case_id)
        return case_id

    def overturn(self, case_id: str) -> dict[str, Any]:
        self.do(self.bot, case_id, "appeal", text="那是转发给财务核对的")
        return self.do(self.zhao, case_id, "appeal/decision", outcome="overturned")

    def case(self, case_id: str, who: Api | None = None) -> dict[str, Any]:
        return get(who or self.li, f"/v1/cases/{case_id}")

    def cases(self, **query: Any) -> list[str]:
        return [case["case_id"] for case in get(self.li, "/v1/cases", **query)["cases"]]

    def publish(self, case_id: str) -> dict[str, Any]:
        """Approve and publish the notice of a case."""
        notice = self.case(case_id)["notices"][-1]
        for verb in ("approve", "publish"):
            response = self.zhao.post(f"/v1/notices/{notice['id']}/{verb}")
            assert response.status_code == 200, response.text
        return self.case(case_id)["notices"][-1]


def get(who: Api, url: str, **query: Any) -> Any:
    response = who.get(url, params=query)
    assert response.status_code == 200, response.text
    return response.json()
