#Requires -Version 7
#Requires -Modules Az.Accounts, Az.Resources, Az.ManagedServiceIdentity, Az.Compute

<#
.SYNOPSIS
Contoso's part of the set-up, with Azure PowerShell: the managed identity, the multi-tenant app, its
service principal and the federated identity credential.

.DESCRIPTION
It creates what is missing, changes nothing that is there, and stops at the first error. It can be run
again. Sign in first: Connect-AzAccount -Tenant <Contoso's tenant id>

.EXAMPLE
./set-up.ps1 -Tenant 11111111-1111-4111-8111-111111111111 -ResourceGroup service -VirtualMachine vm
#>
[CmdletBinding()]
param(
    # Contoso's tenant id.
    [Parameter(Mandatory)]
    [guid] $Tenant,

    # The group of the managed identity. It must exist.
    [Parameter(Mandatory)]
    [ValidatePattern('^[\w.()-]{1,90}$')]
    [string] $ResourceGroup,

    # A virtual machine of this group that gets the identity.
    [ValidatePattern('^[\w.-]{1,80}$')]
    [string] $VirtualMachine,

    [ValidatePattern('^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$')]
    [string] $Identity = 'umi-multi-tenant-example',

    # The display name of the app.
    [ValidatePattern('^[A-Za-z0-9 ._-]{1,120}$')]
    [string] $App = 'Multi-Tenant Example App',

    # The client id of an app that is there already, in place of -App.
    [guid] $AppId
)

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest

$context = Get-AzContext
if (-not $context) {
    throw "You are not signed in. Run: Connect-AzAccount -Tenant $Tenant"
}
if ($context.Tenant.Id -ne "$Tenant") {
    throw "You are signed in to tenant $($context.Tenant.Id). Run: Connect-AzAccount -Tenant $Tenant"
}

switch ($context.Environment.Name) {
    'AzureCloud' {
        $authority = 'login.microsoftonline.com'
        $audience = 'api://AzureADTokenExchange'
    }
    'AzureUSGovernment' {
        $authority = 'login.microsoftonline.us'
        $audience = 'api://AzureADTokenExchangeUSGov'
    }
    'AzureChinaCloud' {
        $authority = 'login.partner.microsoftonline.cn'
        $audience = 'api://AzureADTokenExchangeChina'
    }
    default {
        throw "This script does not know the cloud $($context.Environment.Name)."
    }
}
# Without a slash at the end: Entra compares the issuer byte for byte.
$issuer = "https://$authority/$Tenant/v2.0"

$found = Get-AzUserAssignedIdentity -ResourceGroupName $ResourceGroup | Where-Object Name -EQ $Identity
if ($found) {
    Write-Host "found:   managed identity $Identity"
} else {
    $location = (Get-AzResourceGroup -Name $ResourceGroup).Location
    $found = New-AzUserAssignedIdentity -ResourceGroupName $ResourceGroup -Name $Identity -Location $location
    Write-Host "created: managed identity $Identity"
}

if ($VirtualMachine) {
    $machine = Get-AzVM -ResourceGroupName $ResourceGroup -Name $VirtualMachine
    $type = 'UserAssigned'
    $assigned = @()
    if ($machine.Identity) {
        if ("$($machine.Identity.Type)" -like 'SystemAssigned*') {
            $type = 'SystemAssignedUserAssigned'
        }
        if ($machine.Identity.UserAssignedIdentities) {
            $assigned = @($machine.Identity.UserAssignedIdentities.Keys)
        }
    }
    # Resource ids are compared without case, as -contains does.
    if ($assigned -contains $found.Id) {
        Write-Host "found:   the identity on virtual machine $VirtualMachine"
    } else {
        # All of them: Update-AzVM may drop an identity that is not named.
        $all = $assigned + $found.Id
        $null = Update-AzVM -ResourceGroupName $ResourceGroup -VM $machine -IdentityType $type -IdentityId $all
        Write-Host "created: the identity on virtual machine $VirtualMachine"
    }
}

# A GUID that is not given is all zeros, which counts as true by itself.
if ($AppId -ne [guid]::Empty) {
    $registered = @(Get-AzADApplication -ApplicationId $AppId)
    if ($registered.Count -eq 0) {
        throw "There is no app with the client id $AppId in tenant $Tenant."
    }
} else {
    $registered = @(Get-AzADApplication -DisplayName $App)
}
if ($registered.Count -gt 1) {
    throw "Several apps are called '$App'. Choose one with -AppId: $($registered.AppId -join ', ')"
}
if ($registered.Count -eq 1) {
    $application = $registered[0]
    $multiTenant = 'AzureADMultipleOrgs', 'AzureADandPersonalMicrosoftAccount'
    if ($multiTenant -notcontains $application.SignInAudience) {
        throw "The app $($application.AppId) is for $($application.SignInAudience). To make it multi-tenant, run: Get-AzADApplication -ApplicationId $($application.AppId) | Update-AzADApplication -SignInAudience AzureADMultipleOrgs"
    }
    Write-Host "found:   multi-tenant app $($application.AppId)"
} else {
    $application = New-AzADApplication -DisplayName $App -SignInAudience AzureADMultipleOrgs
    Write-Host "created: multi-tenant app $($application.AppId)"
}

# For tokens of the home tenant, which show that the trust works without the target tenant.
if (Get-AzADServicePrincipal -ApplicationId $application.AppId) {
    Write-Host 'found:   the service principal of the app'
} else {
    $null = New-AzADServicePrincipal -ApplicationId $application.AppId
    Write-Host 'created: the service principal of the app'
}

$credentials = @(Get-AzADAppFederatedCredential -ApplicationObjectId $application.Id)
# -ceq: Entra compares with case, too.
$trusts = $credentials | Where-Object {
    $_.Issuer -ceq $issuer -and $_.Subject -ceq $found.PrincipalId -and $_.Audience -ccontains $audience
}
if ($trusts) {
    Write-Host 'found:   the federated identity credential'
} elseif ($credentials | Where-Object Name -EQ $Identity) {
    throw "The app has a federated identity credential $Identity with other values. Compare it with issuer $issuer, subject $($found.PrincipalId), audience ${audience}: Get-AzADAppFederatedCredential -ApplicationObjectId $($application.Id)"
} else {
    $null = New-AzADAppFederatedCredential -ApplicationObjectId $application.Id -Name $Identity -Audience $audience -Issuer $issuer -Subject $found.PrincipalId
    Write-Host 'created: the federated identity credential; it can take several minutes to work'
}

@"

Send to the target tenant's administrator:
  client id of the app: $($application.AppId)

Set on the machine that runs the service:
  CROSS_TENANT_CLIENT_ID=$($application.AppId)
  CROSS_TENANT_IDENTITY_CLIENT_ID=$($found.ClientId)
  CROSS_TENANT_TARGET_TENANT_ID=<target tenant id>
"@
