resource "aws_ecs_cluster" "main" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_cloudwatch_log_group" "of" {
  for_each          = toset(["app", "worker", "schema"])
  name              = "/${var.name}/${each.key}"
  retention_in_days = 400
  kms_key_id        = aws_kms_key.main.arn
}

locals {
  settings = merge({
    CRM_ENV        = "production"
    CRM_BASE_URL   = "https://${var.host_name}"
    CRM_LOG_FORMAT = "json"
    CRM_PROXY_HOPS = "1"
    CRM_DOCUMENTS  = "s3://${local.buckets["documents"]}/documents"
    AWS_REGION     = var.region
  }, var.settings)

  tasks = {
    app = {
      command = ["serve"], entry = ["crm"], cpu = local.of.app.cpu, memory = local.of.app.memory, secrets = [local.given]
    }
    worker = {
      command = ["worker"], entry = ["crm"], cpu = local.of.worker.cpu, memory = local.of.worker.memory,
      secrets = [local.given]
    }
    # Run once for each version, before the services: aws ecs run-task (docs/DEPLOYMENT.md).
    schema = {
      command = ["crm db roles && crm db upgrade"], entry = ["/bin/sh", "-ec"], cpu = 512, memory = 1024,
      secrets = [local.given, local.given_to_commands]
    }
  }

  given             = { secret = aws_secretsmanager_secret.settings.arn, names = nonsensitive(keys(local.secret)) }
  given_to_commands = { secret = aws_secretsmanager_secret.commands.arn, names = keys(local.secret_of_commands) }
}

resource "aws_ecs_task_definition" "of" {
  for_each                 = local.tasks
  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = each.value.cpu
  memory                   = each.value.memory
  execution_role_arn       = aws_iam_role.start[each.key].arn
  task_role_arn            = aws_iam_role.task.arn

  dynamic "volume" {
    for_each = ["tmp", "data"]

    content {
      name = volume.value
    }
  }

  container_definitions = jsonencode([{
    name                   = each.key
    image                  = var.image
    entryPoint             = each.value.entry
    command                = each.value.command
    essential              = true
    readonlyRootFilesystem = true
    user                   = "10001"
    stopTimeout            = 60
    linuxParameters        = { initProcessEnabled = true }
    portMappings           = each.key == "app" ? [{ containerPort = 8000 }] : []
    mountPoints = [
      { sourceVolume = "tmp", containerPath = "/tmp" },
      { sourceVolume = "data", containerPath = "/var/lib/crm" },
    ]
    environment = [for name, value in local.settings : { name = name, value = value }]
    secrets = flatten([
      for given in each.value.secrets : [
        for name in given.names : { name = name, valueFrom = "${given.secret}:${name}::" }
      ]
    ])
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.of[each.key].name
        awslogs-region        = var.region
        awslogs-stream-prefix = each.key
      }
    }
  }])
}

resource "aws_ecs_service" "app" {
  name                              = "app"
  cluster                           = aws_ecs_cluster.main.id
  task_definition                   = aws_ecs_task_definition.of["app"].arn
  desired_count                     = local.of.app.copies
  launch_type                       = "FARGATE"
  health_check_grace_period_seconds = 60

  # A version whose copies never become ready is taken back by itself.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets         = [for subnet in aws_subnet.private : subnet.id]
    security_groups = [aws_security_group.app.id]
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.app.arn
    container_name   = "app"
    container_port   = 8000
  }

  lifecycle {
    ignore_changes = [desired_count] # the scaling below says how many
  }

  depends_on = [aws_lb_listener.https]
}

resource "aws_ecs_service" "worker" {
  name            = "worker"
  cluster         = aws_ecs_cluster.main.id
  task_definition = aws_ecs_task_definition.of["worker"].arn
  desired_count   = local.of.worker.copies
  launch_type     = "FARGATE"

  network_configuration {
    subnets         = [for subnet in aws_subnet.private : subnet.id]
    security_groups = [aws_security_group.app.id]
  }
}

resource "aws_appautoscaling_target" "app" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.main.name}/${aws_ecs_service.app.name}"
  min_capacity       = local.of.app.copies
  max_capacity       = local.of.app.most
}

resource "aws_appautoscaling_policy" "app" {
  name               = "${var.name}-app-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.app.service_namespace
  scalable_dimension = aws_appautoscaling_target.app.scalable_dimension
  resource_id        = aws_appautoscaling_target.app.resource_id

  target_tracking_scaling_policy_configuration {
    target_value      = 65
    scale_in_cooldown = 600

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

# Who starts a task reads its secrets; what runs in it does not.
resource "aws_iam_role" "start" {
  for_each = local.tasks
  name     = "${var.name}-${each.key}-start"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "start" {
  for_each   = aws_iam_role.start
  role       = each.value.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_iam_role_policy" "start" {
  for_each = local.tasks
  role     = aws_iam_role.start[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = [for given in each.value.secrets : given.secret]
      },
      { Effect = "Allow", Action = "kms:Decrypt", Resource = aws_kms_key.main.arn },
    ]
  })
}

resource "aws_iam_role" "task" {
  name = "${var.name}-task"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "task" {
  role = aws_iam_role.task.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        Resource = "${aws_s3_bucket.of["documents"].arn}/*"
      },
      { Effect = "Allow", Action = "s3:ListBucket", Resource = aws_s3_bucket.of["documents"].arn },
      { Effect = "Allow", Action = "s3:PutObject", Resource = "${aws_s3_bucket.of["audit"].arn}/*" },
      { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = aws_kms_key.main.arn },
    ]
  })
}
