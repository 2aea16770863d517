"""`darkstar fleet token`: who may ask the service of the fleet, and whose homes they see."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from planner.wording.counts import counted

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.service.fleet.tenant_tokens import Scope, TenantToken


def create(
    call: Call,
    *,
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Whose homes it opens.")] = None,
    operator: Annotated[bool, typer.Option("--operator", help="Opens the homes of all tenants.")] = False,
    scope: Annotated[
        Literal["read", "write"],
        typer.Option("--scope", help="read (default), or write: also hand in readings.", show_default=False),
    ] = "read",
) -> Document:
    """Create a token and show it, this once; only its hash is kept.

    Who sends it as `Authorization: Bearer TOKEN` sees the homes of that tenant and no others.
    """
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.console.failures import UsageError
    from darkstar_pipeline.fleet.homes_file import open_homes
    from darkstar_pipeline.service.fleet.tenant_tokens import TenantTokens

    if (tenant is None) != operator:
        raise UsageError("whose token is it?", "name --tenant NAME, or --operator for all homes; not both")
    if tenant is not None and (not tenant or tenant != tenant.strip()):
        raise UsageError(f"{tenant!r} is no tenant", "`darkstar fleet homes` lists homes with their tenants")
    home = home_dir()
    homes = open_homes(load_settings(), home)
    scopes: tuple[Scope, ...] = ("read",) if scope == "read" else ("read", "write")
    kept, secret = TenantTokens(home).create(tenant, scopes)
    count = len(homes) if tenant is None else len(homes.of_tenant(tenant))
    if not count:
        known = ", ".join(homes.rows["tenant"].unique().sort().head(8).to_list()) or "none"
        call.note(f"no home has this tenant yet; those of the fleet are: {known}")

    def draw(out: "Console") -> None:
        out.print(secret, markup=False, soft_wrap=True)
        out.print(f"id {kept.id}, opens {counted(count, 'home')}; it is not shown again", markup=False)

    return Document({**_row(kept), "token": secret, "homes": count}, draw)


def tokens(
    _call: Call,
    *,
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Tokens of this tenant.")] = None,
) -> Document:
    """List the tokens that are valid, without their secrets."""
    from darkstar_pipeline.config.settings import home_dir
    from darkstar_pipeline.service.fleet.tenant_tokens import TenantTokens

    rows = [_row(each) for each in TenantTokens(home_dir()).all() if tenant in (None, each.tenant)]

    def draw(out: "Console") -> None:
        if not rows:
            out.print("there is no token: darkstar fleet token create --tenant NAME", markup=False)
            return
        shown = [
            {
                **row,
                "tenant": "(operator)" if row["tenant"] is None else row["tenant"],
                "scopes": " ".join(row["scopes"]),
            }
            for row in rows
        ]
        draw_table(out, shown, {"id": "id", "tenant": "tenant", "scopes": "scopes", "created_at": "created"})

    return Document({"tokens": rows}, draw)


def revoke(
    _call: Call, identity: Annotated[str, typer.Argument(metavar="ID", help="Id of the token, as `list` shows it.")]
) -> Document:
    """Revoke a token: it opens nothing from now on, and the browsers that logged in with it are logged out."""
    from darkstar_pipeline.config.settings import home_dir
    from darkstar_pipeline.console.failures import UsageError
    from darkstar_pipeline.service.fleet.tenant_tokens import TenantTokens

    if not TenantTokens(home_dir()).revoke(identity):
        raise UsageError(f"there is no token {identity}", "`darkstar fleet token list` shows them")
    return Document({"id": identity, "revoked": True}, lambda out: out.print(f"{identity} is revoked", markup=False))


def _row(token: "TenantToken") -> dict[str, Any]:
    created = token.created_at.replace(microsecond=0).isoformat()
    return {"id": token.id, "tenant": token.tenant, "scopes": list(token.scopes), "created_at": created}
