"""The last word on one scope: outcome, what serves now, and how to go on."""

from __future__ import annotations

from deployer.errors import DeployerError
from deployer.events import Report, describe
from deployer.model import Observed, Proof, short
from deployer.outcome import GOOD, Outcome, exit_code
from deployer_pipelines.job import Job, Trail


def report(
    job: Job,
    trail: Trail,
    outcome: Outcome,
    error: DeployerError | None = None,
    now: Observed | None = None,
) -> Report:
    """What happened, with a fresh look at what serves; that look failing changes nothing."""
    now = now or _look(job)
    live = now.live if now else None
    proof = trail.proof if outcome in GOOD else Proof.NONE
    return Report(
        scope=job.scope,
        outcome=outcome,
        exit_code=exit_code(outcome, error.exit_code if error else None),
        release=trail.plan.release or None,
        image=trail.plan.spec.image if trail.plan.spec else (live.image if live else None),
        url=now.url if now else None,
        proof=proof,
        proven=_proven(proof, now),
        serving=live.release if live else None,
        serving_digest=live.image.digest if live else None,
        serving_state=live.state if live else None,
        previous=trail.plan.previous,
        task_ran=trail.task_ran,
        problem=describe(error) if error else None,
        next=_next(job, outcome, trail),
    )


def early(job: Job, error: DeployerError) -> Report:
    """The report of a deployment that ended before anything was begun."""
    now = _look(job)
    live = now.live if now else None
    outcome = Outcome.FAILED_NOTHING_CHANGED
    return Report(
        scope=job.scope,
        outcome=outcome,
        exit_code=exit_code(outcome, error.exit_code),
        url=now.url if now else None,
        serving=live.release if live else None,
        serving_digest=live.image.digest if live else None,
        serving_state=live.state if live else None,
        problem=describe(error),
    )


def _look(job: Job) -> Observed | None:
    try:
        return job.hands.provider.observe(job.scope)
    except DeployerError:
        return None  # the report says that what serves is not known


def _proven(proof: Proof, now: Observed | None) -> str:
    live = now.live if now else None
    if live is None or proof is Proof.NONE:
        return ""
    if proof is Proof.OUTSIDE and now and now.url:
        return f"{now.url} was asked from here and {short(live.image.digest)} answered"
    return f"the platform reports {short(live.image.digest)} healthy"


def _next(job: Job, outcome: Outcome, trail: Trail) -> tuple[str, ...]:
    where = f"-e {job.scope.environment} -t {job.scope.target}"
    if outcome is Outcome.SUCCEEDED and trail.plan.previous:
        return (f"deployer rollback {trail.plan.previous} {where}",)
    if outcome in GOOD:
        return ()
    if outcome is Outcome.UNKNOWN:
        return (f"deployer status {where}", "the same command again goes on from here")
    return (f"deployer status {where}", f"deployer releases {where}")
