output "address" {
  description = "What people open."
  value       = "https://${var.host_name}"
}

output "schema_task" {
  description = "What docs/DEPLOYMENT.md runs before the app of a new version."
  value       = { job = azurerm_container_app_job.schema.name, resource_group = azurerm_resource_group.main.name }
}
