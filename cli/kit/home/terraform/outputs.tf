output "app_client_id" {
  description = "Send it to the target tenant. CROSS_TENANT_CLIENT_ID of the service."
  value       = azuread_application.service.client_id
}

output "identity_client_id" {
  description = "CROSS_TENANT_IDENTITY_CLIENT_ID of the service."
  value       = azurerm_user_assigned_identity.service.client_id
}

output "identity_resource_id" {
  description = "For the identity block of the virtual machine."
  value       = azurerm_user_assigned_identity.service.id
}
