variable "subscription_id" {
  description = "Contoso's subscription."
  type        = string
}

variable "resource_group" {
  description = "The group of the managed identity. It must exist."
  type        = string
}

variable "identity_name" {
  description = "The name of the managed identity, and of the federated identity credential."
  type        = string
  default     = "umi-multi-tenant-example"
}

variable "app_display_name" {
  description = "The display name of the app."
  type        = string
  default     = "Multi-Tenant Example App"
}

variable "authority_host" {
  description = "The cloud's authority host, without a slash at the end."
  type        = string
  default     = "https://login.microsoftonline.com"

  validation {
    condition     = can(regex("^https://[a-z.-]+$", var.authority_host))
    error_message = "The authority host is https and a host name, without a slash at the end."
  }
}

variable "audience" {
  description = "The audience of the token exchange, which is another one in each cloud."
  type        = string
  default     = "api://AzureADTokenExchange"
}
