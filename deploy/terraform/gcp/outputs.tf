output "address" {
  description = "What people open."
  value       = "https://${var.host_name}"
}

output "schema_task" {
  description = "What docs/DEPLOYMENT.md runs before the service of a new version."
  value       = { job = google_cloud_run_v2_job.schema.name, region = var.region }
}
