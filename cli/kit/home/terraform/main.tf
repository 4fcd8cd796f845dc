# Contoso's part of the set-up: the managed identity, the multi-tenant app, its service principal and the
# federated identity credential.
#
#   az login --tenant <Contoso's tenant id>
#   terraform init
#   terraform apply -var subscription_id=<subscription id> -var resource_group=<resource group>
#
# The resource of the virtual machine names its identities itself:
#
#   identity {
#     type         = "UserAssigned"
#     identity_ids = [azurerm_user_assigned_identity.service.id]
#   }

terraform {
  required_version = ">= 1.5"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.0"
    }
    azuread = {
      source  = "hashicorp/azuread"
      version = "~> 3.0"
    }
  }
}

provider "azurerm" {
  features {}
  subscription_id = var.subscription_id
}

data "azuread_client_config" "home" {}

data "azurerm_resource_group" "service" {
  name = var.resource_group
}

resource "azurerm_user_assigned_identity" "service" {
  name                = var.identity_name
  resource_group_name = data.azurerm_resource_group.service.name
  location            = data.azurerm_resource_group.service.location
}

resource "azuread_application" "service" {
  display_name     = var.app_display_name
  sign_in_audience = "AzureADMultipleOrgs"
}

# For tokens of the home tenant, which show that the trust works without the target tenant.
resource "azuread_service_principal" "service" {
  client_id = azuread_application.service.client_id
}

resource "azuread_application_federated_identity_credential" "service" {
  application_id = azuread_application.service.id
  display_name   = var.identity_name
  audiences      = [var.audience]
  # Without a slash at the end: Entra compares the issuer byte for byte.
  issuer = "${var.authority_host}/${data.azuread_client_config.home.tenant_id}/v2.0"
  # The principal id, not the client id.
  subject = azurerm_user_assigned_identity.service.principal_id
}
