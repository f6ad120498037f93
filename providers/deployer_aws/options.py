"""The keys of an aws target: a service on Amazon ECS."""

# Types stand as they are, not as texts that would be compiled at each start: no `__future__` here.

from typing import Annotated, Literal

from msgspec import Meta

from deployer.noun import Noun

Account = Annotated[str, Meta(pattern=r"^\d{12}$")]
Region = Annotated[str, Meta(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
Role = Annotated[str, Meta(pattern=r"^(arn:aws[a-z-]*:iam::\d{12}:role/)?[\w+=,.@/-]+$")]
_ROLE = {"shape": "a role's name or ARN"}


class Options(Noun, frozen=True):
    """The keys of an aws target."""

    account: Annotated[
        Account,
        Meta(
            description="refused if the credentials belong to another one",
            extra={"shape": "an account of twelve digits"},
        ),
    ]
    region: Annotated[
        Region, Meta(description="as eu-central-1", extra={"shape": "a region, as eu-central-1"})
    ]
    cluster: Annotated[str, Meta(description="ECS cluster")] = "default"
    repository: Annotated[
        str | None, Meta(description="ECR repository; default: the app's name")
    ] = None
    container: Annotated[
        str | None,
        Meta(
            description="which container of an adopted task definition is ours; default: its only"
        ),
    ] = None
    launch: Annotated[
        Literal["fargate", "fargate_spot", "ec2"], Meta(description="where a new service runs")
    ] = "fargate"
    subnets: Annotated[tuple[str, ...], Meta(description="of a new service")] = ()
    security_groups: Annotated[tuple[str, ...], Meta(description="of a new service")] = ()
    public_ip: Annotated[
        bool, Meta(description="give tasks of a new service a public address")
    ] = False
    target_group: Annotated[
        str | None,
        Meta(description="load balancer's target group; without one, health.command decides"),
    ] = None
    alternate_target_group: Annotated[
        str | None, Meta(description="second group, for canary and linear")
    ] = None
    listener_rule: Annotated[
        str | None, Meta(description="production rule, for canary and linear")
    ] = None
    execution_role: Annotated[
        Role | None, Meta(description="pulls the image and reads the secrets", extra=_ROLE)
    ] = None
    task_role: Annotated[
        Role | None, Meta(description="what the application may do", extra=_ROLE)
    ] = None
    infrastructure_role: Annotated[
        Role | None, Meta(description="moves traffic, for canary and linear", extra=_ROLE)
    ] = None
    log_group: Annotated[
        str | None, Meta(description="where output goes; default: /ecs/ and the service's name")
    ] = None
    url: Annotated[
        Annotated[str, Meta(pattern=r"^https?://\S+$")] | None,
        Meta(
            description="where people reach it; default: the load balancer's address",
            extra={"shape": "an address, as https://shop.example", "unique": True},
        ),
    ] = None
