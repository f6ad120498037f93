"""The keys of a gcp target: a service on Cloud Run."""

# Types stand as they are, not as texts that would be compiled at each start: no `__future__` here.

from typing import Annotated, Literal

from msgspec import Meta

from deployer.noun import Noun
from deployer.quantity import Seconds

Project = Annotated[
    str, Meta(pattern=r"^([a-z][a-z0-9.-]*\.[a-z]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$")
]
Region = Annotated[str, Meta(pattern=r"^[a-z]+-[a-z]+\d+$")]


class Options(Noun, frozen=True):
    """The keys of a gcp target."""

    project: Annotated[
        Project,
        Meta(
            description="refused if the credentials cannot see it",
            extra={"shape": "a project's id, as shop-staging"},
        ),
    ]
    region: Annotated[
        Region, Meta(description="as europe-west1", extra={"shape": "a region, as europe-west1"})
    ]
    repository: Annotated[
        str | None, Meta(description="Artifact Registry repository; default: the app's name")
    ] = None
    service_account: Annotated[
        str | None, Meta(description="what the application runs as; reads the secrets")
    ] = None
    ingress: Annotated[
        Literal["all", "internal", "internal-and-cloud-load-balancing"] | None,
        Meta(description="who can reach it; default: left as it is, `all` for a new service"),
    ] = None
    public: Annotated[
        bool | None,
        Meta(description="let everybody call it; default: left as it is. Changes IAM"),
    ] = None
    concurrency: Annotated[
        Annotated[int, Meta(ge=1, le=1000)] | None, Meta(description="requests at once")
    ] = None
    timeout: Annotated[Seconds | None, Meta(description="longest request")] = None
    cpu_always: Annotated[
        bool | None, Meta(description="CPU between requests too; default: left as it is")
    ] = None
    url: Annotated[
        Annotated[str, Meta(pattern=r"^https?://\S+$")] | None,
        Meta(
            description="where people reach it; default: the service's run.app address",
            extra={"shape": "an address, as https://shop.example", "unique": True},
        ),
    ] = None
