"""What is wrong with a Dockerfile for a service: few rules, each worth its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deployer.image.context import Context
from deployer.image.dockerfile import Dockerfile, Instruction, Stage, parse_dockerfile
from deployer.image.leaks import Finding, Severity, leaks
from deployer.image.request import SECRET_NAME

ERROR, WARN, INFO = Severity.ERROR, Severity.WARN, Severity.INFO
LARGE = 300 * 2**20  # bytes of a context that is probably a mistake
_COMPILERS = re.compile(r"\b(?:gcc|g\+\+|build-essential|build-base|clang|cargo|rustc)\b")


@dataclass(frozen=True, slots=True)
class Subject:
    """What the rules look at. `port` is the service's; `protected` makes some warnings errors."""

    context: Context
    dockerfile: Dockerfile
    target: str | None = None
    platform: str | None = None
    port: int | None = None
    protected: bool = False

    @property
    def chain(self) -> list[Stage]:
        """The final stage, then the stages below it."""
        return self.dockerfile.final(self.target)

    def last(self, keyword: str) -> Instruction | None:
        """The instruction that counts in the image: the last one, of the topmost stage with it."""
        for stage in self.chain:
            for each in reversed(stage.instructions):
                if each.keyword == keyword:
                    return each
        return None


def lint(
    context: Context,
    *,
    args: Mapping[str, str] | None = None,
    target: str | None = None,
    platform: str | None = None,
    port: int | None = None,
    protected: bool = False,
) -> list[Finding]:
    """Everything found, secrets in the context first, then by line."""
    text = context.dockerfile.read_text(encoding="utf-8", errors="replace")
    parsed = parse_dockerfile(text, args)
    subject = Subject(context, parsed, target, platform, port, protected)
    found = [finding for rule in RULES for finding in rule(subject)]
    return leaks(context) + sorted(found, key=lambda finding: finding.line)


def _root_user(subject: Subject) -> Iterator[Finding]:
    if not subject.chain or "nonroot" in subject.chain[-1].base:  # distroless sets the user
        return
    user = subject.last("USER")
    name = user.value.partition(":")[0] if user else ""
    if name in ("", "root", "0"):
        severity = ERROR if subject.protected else WARN
        line = user.line if user else subject.chain[0].line
        message = "the service runs as root" + ("" if user else ": there is no USER")
        yield _at(subject, "root-user", severity, line, message, "end with `USER 10001`")


def _floating_base(subject: Subject) -> Iterator[Finding]:
    for base in subject.dockerfile.floating():
        message = f"`{base.name}` may be another image tomorrow, and stops the build being skipped"
        fix = "pin it: name:tag@sha256:…"
        yield _at(subject, "floating-base", WARN, base.line, message, fix)


def _secret_variable(subject: Subject) -> Iterator[Finding]:
    for each in subject.dockerfile.instructions:
        if each.keyword not in ("ENV", "ARG"):
            continue
        for name in _variable_names(each):
            if SECRET_NAME.search(name):
                message = f"{each.keyword} {name} stays readable in the image"
                fix = f"use `RUN --mount=type=secret,id={name.lower()}`, or secrets at run time"
                yield _at(subject, "secret-variable", ERROR, each.line, message, fix)


def _copy_everything(subject: Subject) -> Iterator[Finding]:
    if subject.context.ignore.file is not None:
        return
    for each in subject.dockerfile.instructions:
        words = each.exec_form or each.value.split()
        copies = each.keyword in ("COPY", "ADD") and each.flag("from") is None
        if copies and any(word in (".", "./", "*") for word in words[:-1]):
            message = "the whole folder is copied, and there is no .dockerignore"
            fix = "write one; begin with .git, .env*, node_modules, __pycache__"
            yield _at(subject, "no-dockerignore", WARN, each.line, message, fix)


def _large_context(subject: Subject) -> Iterator[Finding]:
    if subject.context.size > LARGE:
        message = f"the build context has {subject.context.size // 2**20} MB, all for the builder"
        fix = "leave out what the image does not need, in .dockerignore"
        yield _at(subject, "large-context", WARN, 1, message, fix)


def _remote_code(subject: Subject) -> Iterator[Finding]:
    for each in subject.dockerfile.instructions:
        text = "\n".join((each.value, *each.heredocs))
        if each.keyword == "ADD" and re.search(r"https?://", text) and not each.flag("checksum"):
            message, fix = "what ADD downloads is not checked", "add --checksum=sha256:…"
            yield _at(subject, "unchecked-download", WARN, each.line, message, fix)
        if each.keyword == "RUN" and re.search(
            r"(?:curl|wget)\b[^;&]*\|\s*(?:\w+ )?(?:ba)?sh", text
        ):
            message = "a script from the network runs unseen"
            fix = "download it, check its sha256, then run it"
            yield _at(subject, "unchecked-download", WARN, each.line, message, fix)


def _shell_form(subject: Subject) -> Iterator[Finding]:
    for keyword in ("ENTRYPOINT", "CMD"):
        each = subject.last(keyword)
        if each and each.value and each.exec_form is None:
            if each.value.startswith("exec "):
                continue
            message = f"{keyword} in shell form: the shell gets SIGTERM, the service does not"
            fix = f'write it as a list: {keyword} ["program", "argument"]'
            yield _at(subject, "shell-form", WARN, each.line, message, fix)


def _port(subject: Subject) -> Iterator[Finding]:
    exposed = [
        each for stage in subject.chain for each in stage.instructions if each.keyword == "EXPOSE"
    ]
    known = {port for each in exposed for port in re.findall(r"\b\d+\b", each.value)}
    if subject.port and known and str(subject.port) not in known:
        message = f"EXPOSE says {', '.join(sorted(known))}, deployer.yaml says {subject.port}"
        fix = "make `port` and EXPOSE the same"
        yield _at(subject, "port-mismatch", WARN, exposed[0].line, message, fix)
    for keyword in ("ENTRYPOINT", "CMD"):
        each = subject.last(keyword)
        if each and re.search(
            r"\b(?:127\.0\.0\.1|localhost):|--host[= \",]+(?:127|local)", each.value
        ):
            message = "the service listens on loopback: nothing outside the container reaches it"
            yield _at(subject, "loopback-bind", WARN, each.line, message, "bind to 0.0.0.0")


def _platform(subject: Subject) -> Iterator[Finding]:
    wanted = subject.platform
    for stage in subject.chain:
        if wanted and stage.platform.startswith("linux/") and stage.platform != wanted:
            message = f"the base is for {stage.platform}, the target runs {wanted}"
            fix = "remove --platform from FROM, or change build.platform"
            yield _at(subject, "platform-mismatch", ERROR, stage.line, message, fix)


def _compilers(subject: Subject) -> Iterator[Finding]:
    if len(subject.dockerfile.stages) != 1:
        return
    for each in subject.dockerfile.instructions:
        if each.keyword == "RUN" and _COMPILERS.search(each.value):
            message = "compilers stay in the image"
            fix = "compile in a first stage, and COPY --from=… the result"
            yield _at(subject, "build-tools", INFO, each.line, message, fix)


def _healthcheck(subject: Subject) -> Iterator[Finding]:
    if each := subject.last("HEALTHCHECK"):
        message = "HEALTHCHECK is not used on most clouds"
        fix = "set `health:` in deployer.yaml; it becomes each platform's own probe"
        yield _at(subject, "healthcheck", INFO, each.line, message, fix)


RULES: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    _root_user,
    _floating_base,
    _secret_variable,
    _copy_everything,
    _large_context,
    _remote_code,
    _shell_form,
    _port,
    _platform,
    _compilers,
    _healthcheck,
)


def _at(
    subject: Subject, rule: str, severity: Severity, line: int, message: str, fix: str
) -> Finding:
    return Finding(rule, severity, _file(subject), line, message, fix)


def _file(subject: Subject) -> Path:
    return subject.context.dockerfile


def _variable_names(each: Instruction) -> list[str]:
    if "=" in each.value:
        return re.findall(r"(?:^|\s)([A-Za-z_]\w*)=", each.value)
    return each.value.split()[: 1 if each.keyword == "ENV" else None]
