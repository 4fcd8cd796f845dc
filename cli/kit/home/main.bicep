// Contoso's part of the set-up: the managed identity, the multi-tenant app, its service principal and
// the federated identity credential.
//
//   az login --tenant <Contoso's tenant id>
//   az deployment group create --resource-group <resource group> --template-file main.bicep \
//     --query properties.outputs
//
// Bicep describes a virtual machine as a whole, so the identity is assigned to it afterwards:
//
//   az vm identity assign --resource-group <resource group> --name <virtual machine> \
//     --identities <identityResourceId>

extension microsoftGraphV1

@description('The location of the managed identity.')
param location string = resourceGroup().location

@description('The name of the managed identity, and of the federated identity credential.')
param identityName string = 'umi-multi-tenant-example'

@description('The display name of the app.')
param appDisplayName string = 'Multi-Tenant Example App'

@description('The name by which a further deployment finds the app. It cannot be changed.')
param appUniqueName string = 'my-multi-tenant-application'

@description('The audience of the token exchange, which is another one in each cloud.')
@allowed([
  'api://AzureADTokenExchange'
  'api://AzureADTokenExchangeUSGov'
  'api://AzureADTokenExchangeChina'
])
param audience string = 'api://AzureADTokenExchange'

// The endpoint ends in a slash; the issuer must not: Entra compares it byte for byte.
var issuer = '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: identityName
  location: location
}

resource app 'Microsoft.Graph/applications@v1.0' = {
  displayName: appDisplayName
  uniqueName: appUniqueName
  signInAudience: 'AzureADMultipleOrgs'

  resource trust 'federatedIdentityCredentials@v1.0' = {
    name: '${app.uniqueName}/${identityName}'
    audiences: [
      audience
    ]
    issuer: issuer
    // The principal id, not the client id.
    subject: identity.properties.principalId
  }
}

// For tokens of the home tenant, which show that the trust works without the target tenant.
resource servicePrincipal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: app.appId
}

@description('Send it to the target tenant. CROSS_TENANT_CLIENT_ID of the service.')
output appClientId string = app.appId

@description('CROSS_TENANT_IDENTITY_CLIENT_ID of the service.')
output identityClientId string = identity.properties.clientId

@description('For az vm identity assign.')
output identityResourceId string = identity.id
