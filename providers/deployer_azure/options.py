"""The keys of an azure target: an App Service web app for containers."""

# Types stand as they are, not as texts that would be compiled at each start: no `__future__` here.

from typing import Annotated

from msgspec import Meta

from deployer.noun import Noun

_GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
Guid = Annotated[str, Meta(pattern=_GUID)]
_ID = {"shape": "an id, as 00000000-0000-0000-0000-000000000000"}


class Options(Noun, frozen=True):
    """The keys of an azure target."""

    subscription: Annotated[
        Guid, Meta(description="refused if the credentials cannot see it", extra=_ID)
    ]
    resource_group: Annotated[str, Meta(description="of the web app", min_length=1)]
    registry: Annotated[
        Annotated[str, Meta(pattern=r"^[a-zA-Z0-9]{5,50}$")],
        Meta(
            description="container registry",
            extra={"shape": "a registry's name: 5 to 50 letters and digits"},
        ),
    ]
    tenant: Annotated[Guid | None, Meta(description="default: the subscription's", extra=_ID)] = (
        None
    )
    repository: Annotated[
        str | None, Meta(description="in the registry; default: the app's name")
    ] = None
    slot: Annotated[
        str | None,
        Meta(description="staged and verified here, then swapped; without one, replaced in place"),
    ] = None
    plan: Annotated[str | None, Meta(description="App Service plan of a new web app")] = None
    identity: Annotated[
        str | None,
        Meta(description="user-assigned identity that pulls images and reads Key Vault"),
    ] = None
    url: Annotated[
        Annotated[str, Meta(pattern=r"^https?://\S+$")] | None,
        Meta(
            description="where people reach it; default: the web app's own host name",
            extra={"shape": "an address, as https://shop.example", "unique": True},
        ),
    ] = None
