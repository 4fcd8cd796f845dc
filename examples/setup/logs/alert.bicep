// An alert when the exchange is refused. Each tenant has its own logs, so each deploys its own rule.
//
//   az deployment group create --resource-group <resource group> --template-file alert.bicep \
//     --parameters side=target workspaceId=<resource id of the workspace> appId=<client id of the app>
//
// The home tenant also gives identityId=<client id of the managed identity>.

@description('Whose logs these are.')
@allowed([
  'home'
  'target'
])
param side string

@description('The resource id of the Log Analytics workspace that gets the sign-in logs of Microsoft Entra.')
param workspaceId string

@description('The location of the workspace.')
param location string = resourceGroup().location

@description('The client id of the multi-tenant app.')
@minLength(36)
@maxLength(36)
param appId string

@description('The client id of the managed identity. Only the home tenant needs it.')
param identityId string = ''

@description('The resource ids of the action groups that are told.')
param actionGroupIds array = []

@description('More refusals than this in an hour set off the alert. A new set-up has a few.')
param threshold int = 5

var homeQuery = loadTextContent('home-failures.kql')
var targetQuery = loadTextContent('target-failures.kql')
var appQuery = replace(side == 'home' ? homeQuery : targetQuery, '<client id of the app>', appId)
var query = replace(appQuery, '<client id of the managed identity>', identityId)

resource alert 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: 'cross-tenant-sign-in-refused-${side}'
  location: location
  kind: 'LogAlert'
  properties: {
    displayName: 'Cross-tenant sign-in refused (${side} tenant)'
    description: 'ResultType is the AADSTS number. TROUBLESHOOTING.md of cross-tenant-identity says what to do.'
    severity: 2
    enabled: true
    scopes: [
      workspaceId
    ]
    // Sign-in logs arrive some minutes late.
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
    criteria: {
      allOf: [
        {
          query: query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: threshold
          dimensions: [
            {
              name: 'ResultType'
              operator: 'Include'
              values: [
                '*'
              ]
            }
          ]
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    actions: {
      actionGroups: actionGroupIds
    }
  }
}

output alertId string = alert.id
