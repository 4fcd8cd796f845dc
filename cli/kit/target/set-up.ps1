#Requires -Version 7
#Requires -Modules Az.Accounts, Az.Resources

<#
.SYNOPSIS
Litware's part of the set-up, with Azure PowerShell: the service principal of Contoso's app and its role.

.DESCRIPTION
It creates what is missing, changes nothing that is there, and stops at the first error. It can be run
again. Sign in first: Connect-AzAccount -Tenant <Litware's tenant id>

.EXAMPLE
./set-up.ps1 -Tenant 22222222-2222-4222-8222-222222222222 -AppId 33333333-3333-4333-8333-333333333333 -Scope /subscriptions/44444444-4444-4444-8444-444444444444/resourceGroups/NetworkWatcherRG
#>
[CmdletBinding()]
param(
    # Litware's tenant id.
    [Parameter(Mandatory)]
    [guid] $Tenant,

    # The client id of Contoso's app.
    [Parameter(Mandatory)]
    [guid] $AppId,

    # What the app gets access to: the resource id of a subscription, a resource group or a resource.
    [Parameter(Mandatory)]
    [ValidatePattern('^/(subscriptions|providers/Microsoft\.Management/managementGroups)/[^/\s]+(/[^/]+)*/?$')]
    [string] $Scope,

    # The role that the app gets there.
    [ValidateNotNullOrEmpty()]
    [string] $Role = 'Reader'
)

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest

# With a slash at the end, the role that is there is not found again.
$Scope = $Scope.TrimEnd('/')

$context = Get-AzContext
if (-not $context) {
    throw "You are not signed in. Run: Connect-AzAccount -Tenant $Tenant"
}
if ($context.Tenant.Id -ne "$Tenant") {
    throw "You are signed in to tenant $($context.Tenant.Id). Run: Connect-AzAccount -Tenant $Tenant"
}

# An app trusts managed identities of its own tenant only.
$own = "The app $AppId is registered in tenant $Tenant itself, so it cannot trust an identity of another one (AADSTS700236). If this is Litware's tenant, ask Contoso for the client id of its multi-tenant app, and give that one. If this is Contoso's tenant, sign in to Litware's, and give its id as -Tenant. Nothing was changed."

$principal = Get-AzADServicePrincipal -ApplicationId $AppId
if ($principal) {
    if ("$($principal.AppOwnerOrganizationId)" -eq "$Tenant") {
        throw $own
    }
    if ($principal.AccountEnabled -eq $false) {
        throw "The service principal of the app is disabled. To enable it, run: Update-AzADServicePrincipal -ObjectId $($principal.Id) -AccountEnabled"
    }
    Write-Host "found:   the service principal $($principal.Id) of the app"
} else {
    # Without this, the command would create a service principal for an app of this tenant, too.
    if (Get-AzADApplication -ApplicationId $AppId) {
        throw $own
    }
    $principal = New-AzADServicePrincipal -ApplicationId $AppId
    Write-Host "created: the service principal $($principal.Id) of the app"
}

# At this scope itself: the command also lists the roles on wider scopes.
$assigned = Get-AzRoleAssignment -ObjectId $principal.Id -RoleDefinitionName $Role -Scope $Scope |
    Where-Object Scope -EQ $Scope
if ($assigned) {
    Write-Host "found:   the role $Role on $Scope"
} else {
    # With the type of the principal, Azure does not look it up: a new one may not be everywhere yet.
    $null = New-AzRoleAssignment -ObjectId $principal.Id -ObjectType ServicePrincipal -RoleDefinitionName $Role -Scope $Scope
    Write-Host "created: the role $Role on $Scope; it can take several minutes to work"
}

@"

Send to Contoso:
  CROSS_TENANT_TARGET_TENANT_ID=$Tenant
  scope of the role ${Role}: $Scope
"@
