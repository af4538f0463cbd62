output "address" {
  description = "What people open."
  value       = "https://${var.host_name}"
}

output "schema_task" {
  description = "What docs/DEPLOYMENT.md runs before the services of a new version."
  value = {
    cluster  = aws_ecs_cluster.main.name
    task     = aws_ecs_task_definition.of["schema"].arn
    subnets  = [for subnet in aws_subnet.private : subnet.id]
    security = aws_security_group.app.id
  }
}
