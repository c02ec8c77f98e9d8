"""Columns of the accounts' spreadsheets: their names, and how a file's heading is recognised."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from core.i18n import LANGUAGES, LazyText, lazy

SKIP = -1
"""Stands for "no column of the file"."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """Something of an account that a column of a file can fill."""

    name: str
    label: LazyText
    also: tuple[str, ...] = ()
    """Other headings it is recognised by, in lower case."""
    required: bool = False
    sample: str = ""
    """What stands in the template's example row."""


TARGETS: tuple[Target, ...] = (
    Target(
        name="login",
        label=lazy("Account"),
        also=("login", "username", "user", "登录名", "登陆用户名", "用户名", "子账号", "帐号", "账号"),
        required=True,
        sample="zhangsan",
    ),
    Target(
        name="name",
        label=lazy("Name"),
        also=("full name", "操作员姓名", "用户姓名", "名称", "姓名"),
        required=True,
        sample="张三",
    ),
    Target(name="password", label=lazy("Password"), also=("initial password", "初始密码", "密码")),
    Target(name="code", label=lazy("Code"), also=("number", "编号", "编码")),
    Target(
        name="employee_number",
        label=lazy("Employee number"),
        also=("employee", "employee no", "工号"),
        sample="1001",
    ),
    Target(name="role", label=lazy("Role"), also=("role name", "角色", "角色名称")),
    Target(
        name="group",
        label=lazy("Group"),
        also=("user group", "department", "用户组", "所属组名", "组名", "部门"),
    ),
    Target(
        name="mobile",
        label=lazy("Mobile"),
        also=("mobile number", "phone", "cell", "操作员手机号码", "手机号码", "手机号", "手机", "电话"),
        sample="13800138000",
    ),
    Target(name="email", label=lazy("E-mail"), also=("email", "mail", "邮箱", "电子邮件", "邮件")),
    Target(name="wecom_id", label=lazy("WeCom"), also=("wecom id", "企业微信", "企业微信账号")),
    Target(name="dingtalk_id", label=lazy("DingTalk"), also=("dingtalk id", "钉钉", "钉钉账号")),
    Target(name="welink_id", label=lazy("WeLink"), also=("welink id", "welink账号")),
)
REQUIRED = tuple(target.name for target in TARGETS if target.required)


def guess(header: Sequence[str]) -> dict[str, int]:
    """Return for each target which column of `header` it probably is, or :data:`SKIP`; no column serves two."""
    normal = [_normal(text) for text in header]
    taken: set[int] = set()
    found = {}
    for target in TARGETS:
        names = {_normal(target.label.in_language(language)) for language in LANGUAGES}
        names |= {_normal(each) for each in (target.name, *target.also)}
        place = next((at for at, text in enumerate(normal) if text in names and at not in taken), SKIP)
        if place != SKIP:
            taken.add(place)
        found[target.name] = place
    return found


def _normal(text: str) -> str:
    return re.sub(r"[\s*_:：()（）.-]+", "", text).lower()
