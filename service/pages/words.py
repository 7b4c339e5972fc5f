"""Chinese words for what the program calls by English ids."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from service.wording import KINDS, PARTIES

WORDS = {
    **KINDS,
    **PARTIES,
    **{"draft": "草稿", "approved": "已批准", "published": "已发布", "withdrawn": "已撤回"},
    **{"pass": "通过", "review": "待复核", "block": "拦截"},
    **{"open": "待处理", "claimed": "处理中", "confirmed": "已确认", "relabelled": "已改标"},
    **{"rejected": "已驳回", "upheld": "申诉维持", "overturned": "申诉成立"},
    **{"pending": "待执行", "acknowledged": "已执行", "cancelled": "已取消", "dead": "发送失败"},
    **{"work": "工作群", "customer": "客户群", "interest": "兴趣群", "staff": "员工"},
    **{"none": "未规定处罚", "restore": "恢复入群"},
    **{
        "model": "模型",
        "lexicon": "词库",
        "pattern": "规则",
        "conversation": "会话",
        "roster": "名册",
        "duty": "到期提醒",
    },
    **{"bot": "机器人", "reviewer": "复核员", "approver": "审批人", "analyst": "分析员"},
    **{"admin": "管理员"},
    **{"claim": "领取", "release": "放回", "confirm": "确认", "relabel": "改标", "reject": "驳回"},
    **{"amount": "填写金额", "undo": "撤销", "comment": "备注", "opinion": "二次复核"},
    **{"appeal": "申诉", "decide_appeal": "裁定申诉", "reopen": "重新打开"},
}

_REFUSALS = (
    ("is on it", "另一位复核员正在处理这个案件。"),
    ("claim it first", "请先领取这个案件。"),
    ("message of his own", "不能复核自己发的消息。"),
    ("these are the labels found", "标签没有变化，请直接确认。"),
    ("at least one label", "请至少选一个标签；不违规请驳回。"),
    ("nothing was found", "系统没有发现标签，请改标或驳回。"),
    ("its notice is approved", "通知单已批准，不能再改；需要时请重新打开。"),
    ("the sender has appealed", "发送人已经申诉，请先裁定申诉。"),
    ("the verdict is", "只能撤销自己的结论。"),
    ("another person", "需要由另一个人来做。"),
    ("says why", "请写明理由。"),
    ("the comment is empty", "备注不能为空。"),
    ("no fine here", "这里没有罚款，不需要填写金额。"),
    ("allows", "金额超出了条款规定的范围。"),
    ("leaves the amount open", "请先在案件中填写罚款金额。"),
    ("cannot approve", "这张通知单现在不是草稿。"),
    ("cannot publish", "通知单批准之后才能发布。"),
    ("withdrawn already", "通知单已经撤回。"),
    ("amount", "金额不对，请填写元，最多两位小数。"),
)
"""A sign in the program's words, and what a page says."""


SETTINGS = {
    "host": "服务监听的地址",
    "port": "服务监听的端口",
    "data_dir": "服务自己的文件",
    "api_key": "机器人的密钥；没有设置时自动生成并存放在数据目录",
    "model": "模型的文件夹、版本或别名；默认 champion",
    "policies_dir": "本公司的制度文件；默认在数据目录的 policies",
    "lexicons_dir": "本公司的词；默认在数据目录的 lexicons",
    "datasets_dir": "重新训练所用的标注消息；默认随产品提供",
    "default_policy": "没有指明制度的消息按哪个制度处理",
    "max_body": "请求的最大字节数",
    "database": "数据库的地址；默认是数据目录中的 SQLite 文件",
    "secret": "指纹的密钥，各副本必须相同；没有设置时自动生成",
    "timezone": "公司所在时区：通知单、月份、页面",
    "firm": "通知单上的公司名称",
    "company": "群名里的公司名称；没有设置则不检查群名",
    "work_hours": "工作时间，时限只在其中计算",
    "work_calendar": "公司自己的日历文件：放假日、上班日、工作时间",
    "lateness": "消息最多可能迟到几分钟；过了这段时间，事项才算未尽",
    "opinion_rate": "已确认案件中请第二人复核的比例",
    "sample_rate": "通过的消息中抽取、保存文字以估计漏判的比例",
    "wage_cap": "扣款超过月工资的这个比例时标记",
    "keep_days": "案件结案多少天后可清除文字",
    "webhook": "发送指令的地址；没有设置时由机器人来取",
    "webhook_secret": "给发出的指令签名的密钥",
    "metrics": "谁可以读取 /metrics：off 不开放，open 任何人，key 有密钥的人",
    "drift_alert": "一周与此前相比的 AUC 达到这个值时标记为漂移",
    "rate": "每把密钥每秒可发的请求数；0 表示不限",
    "compiled": "使用编译的内核（需要 fast）",
}
"""What each setting means; one that is not here is told in the program's words."""


def clock(now: datetime, due: datetime) -> str:
    """Return how long there is until a time, or how long it is over: 还剩 12 分钟."""
    left = due - now
    span = _span(abs(left))
    return f"已超 {span}" if left < timedelta(0) else f"还剩 {span}"


def _span(length: timedelta) -> str:
    minutes = int(length.total_seconds()) // 60
    if minutes < 60:
        return f"{minutes} 分钟"
    if minutes < 48 * 60:
        return f"{minutes // 60} 小时 {minutes % 60} 分"
    return f"{minutes // (24 * 60)} 天"


def word(name: str | None) -> str:
    """Return the Chinese word for an id; an unknown one stands for itself."""
    return "" if name is None else WORDS.get(name, name)


def span(text: str) -> str:
    """Return a span of time as a policy writes it, `2 working days`, in Chinese."""
    amount, _, unit = text.partition(" ")
    units = {"minute": "分钟", "hour": "小时", "working day": "个工作日"}
    return f"{amount} {units[unit.removesuffix('s')]}"


def penalty(body: Mapping[str, Any] | None, due: Decimal | str | None = None) -> str:
    """Return a penalty of the contract in one phrase: the sum that is due, else what the policy allows."""
    if body is None:
        return "不提出处罚"
    kind = word(body["kind"])
    amount = body["amount"]
    if body["kind"] != "fine":
        return kind
    if due is not None:
        return f"{kind} {due} 元"
    if amount is None:
        return f"{kind}（金额待填）"
    if amount["max"] is None:
        return f"{kind} {amount['min']} 元以上"
    if amount["max"] == amount["min"]:
        return f"{kind} {amount['min']} 元"
    return f"{kind} {amount['min']}–{amount['max']} 元"


def ago(span: timedelta) -> str:
    """Return a length of time in its largest whole unit."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 1:
        return "刚刚"
    if minutes < 60:
        return f"{minutes} 分钟前"
    if minutes < 60 * 24:
        return f"{minutes // 60} 小时前"
    return f"{minutes // (60 * 24)} 天前"


def refusal(error: Exception) -> str:
    """Return in Chinese why a step was refused; what is not listed is told as the program says it."""
    told = str(error)
    return next((words for sign, words in _REFUSALS if sign in told), f"没有完成：{told}")
