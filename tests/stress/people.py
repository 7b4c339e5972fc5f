"""Reviewers who take cases from one queue, and approvers who publish what comes of them."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from service.cases import State
from service.caseschemas import CaseListRequest
from service.client import AnswerError, AsyncClient
from service.clientcalls import Call
from service.noticeforms import NoticeOut, NoticePage
from tests.stress.bots import Told

QUEUE = CaseListRequest(state=[State.OPEN], limit=20)
IDLE = 0.05


class Person(ABC):
    """Somebody who works until told to stop; being refused by the rules is part of the work."""

    def __init__(self, name: str, client: AsyncClient, told: Told) -> None:
        self.name = name
        self.client = client
        self.told = told
        self.chance = random.Random(name)

    async def run(self) -> None:
        """Work until told to stop."""
        while not self.told.enough:
            await self.work()

    @abstractmethod
    async def work(self) -> None:
        """Do one thing."""

    async def allowed(self, verb: str, doing: Awaitable[object]) -> bool:
        """Return whether the rules let something be done."""
        try:
            await doing
        except AnswerError as error:
            if error.status != 409:
                self.told.wrong.append(f"{self.name} {verb}: {error}")
            self.told.done[f"{verb} refused"] += 1
            return False
        self.told.done[verb] += 1
        return True


class Reviewer(Person):
    """Takes a case that looks free, and decides it; the others look at the same queue."""

    async def work(self) -> None:
        """Claim and decide one case."""
        queue = (await self.client.cases(QUEUE)).cases
        if not queue:
            await asyncio.sleep(IDLE)
            return
        case_id = self.chance.choice(queue).case_id
        if await self.allowed("claim", self.client.claim(case_id)):
            if (other := self.told.claimed.setdefault(case_id, self.name)) != self.name:
                self.told.wrong.append(f"{case_id}: {other} and {self.name}")
            await self._decide(case_id)

    async def _decide(self, case_id: str) -> None:
        verdict, weights = ("confirm", "reject", "relabel", "undo"), (70, 15, 10, 5)
        (verb,) = self.chance.choices(verdict, weights)
        if verb == "relabel":
            await self.allowed(verb, self.client.relabel(case_id, ["venting", "cult"]))
            return
        if verb == "undo":
            await self.allowed("confirm", self.client.confirm(case_id))
            if not await self.allowed(verb, self.client.ask(_step(case_id, verb))):
                return  # an approver was quicker
            verb = "reject"
        way: Callable[[str], Awaitable[object]] = getattr(self.client, verb)
        await self.allowed(verb, way(case_id))


class Approver(Person):
    """Approves and publishes drafts; the others look at the same list."""

    async def work(self) -> None:
        """Bring one draft to publication, or withdraw a notice now and then."""
        state = self.chance.choices(("draft", "published"), (95, 5))[0]
        drafts = (await self.client.ask(_notices(state))).notices
        if not drafts:
            await asyncio.sleep(IDLE)
            return
        number = self.chance.choice(drafts).id
        if state == "published":
            await self.allowed("withdraw", self.client.ask(_notice(number, "withdraw")))
        elif await self.allowed("approve", self.client.ask(_notice(number, "approve"))):
            await self.allowed("publish", self._publish(number))

    async def _publish(self, number: int) -> None:
        notice = await self.client.ask(_notice(number, "publish"))
        if notice.number is None or notice.number in self.told.numbers:
            self.told.wrong.append(f"notice {number} was published as {notice.number}")
        else:
            self.told.numbers.add(notice.number)


class Messenger(Person):
    """Carries out instructions, as the bot does; one may be cancelled in his hands."""

    async def work(self) -> None:
        """Acknowledge one instruction."""
        found = (await self.client.actions()).actions
        if not found:
            await asyncio.sleep(IDLE)
            return
        await self.client.acknowledge(self.chance.choice(found).id)
        self.told.done["acknowledge"] += 1


def _step(case_id: str, verb: str) -> Call[None]:
    return Call("POST", f"/v1/cases/{case_id}/{verb}", lambda _: None, repeatable=False)


def _notices(state: str) -> Call[NoticePage]:
    return Call("GET", "/v1/notices", NoticePage.model_validate, params={"state": state})


def _notice(number: int, verb: str) -> Call[NoticeOut]:
    body = {"reason": "误判"} if verb == "withdraw" else None
    path = f"/v1/notices/{number}/{verb}"
    return Call("POST", path, NoticeOut.model_validate, body, repeatable=False)
