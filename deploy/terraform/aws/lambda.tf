# The same as deploy/lambda/template.yaml, beside the rest: each resource is there only with lambda_requests above 0. The
# host name then leads here (entry.tf).
locals {
  lambda = var.lambda_requests > 0 ? toset(["app"]) : toset([])
}

resource "aws_lambda_function" "of" {
  # checkov:skip=CKV_AWS_116:it answers requests; nothing is sent to it that could wait in a queue of failures
  # checkov:skip=CKV_AWS_50:traces would name addresses of records; the log has routes and times
  # checkov:skip=CKV_AWS_272:the image is named by its digest, and signing is for packages of code
  for_each      = local.lambda
  function_name = var.name
  role          = aws_iam_role.lambda[each.key].arn
  package_type  = "Image"
  image_uri     = var.image
  architectures = ["x86_64"]
  memory_size   = 1769 # one vCPU
  timeout       = 29   # API Gateway waits for 30
  kms_key_arn   = aws_kms_key.main.arn

  reserved_concurrent_executions = var.lambda_requests

  image_config {
    entry_point = ["/opt/crm/bin/python"]
    command     = ["-m", "app.serverless"]
  }

  vpc_config {
    subnet_ids         = [for subnet in aws_subnet.private : subnet.id]
    security_group_ids = [aws_security_group.app.id]
  }

  environment {
    variables = merge(
      { for name, value in local.settings : name => value if name != "AWS_REGION" }, # Lambda sets that itself
      local.secret,
      {
        CRM_PROXY_HOPS       = "0" # API Gateway tells the client's address in the event itself
        CRM_DATA_DIR         = "/tmp"
        CRM_LARGEST_DOCUMENT = "4" # of 6 MB as base64
        CRM_POOL_SIZE        = "2"
        CRM_FAST_PATHS       = "false"
        CRM_DATABASE_URL = join("", [
          "postgresql://crm_application:", random_password.of["application"].result, "@",
          aws_db_proxy.of[each.key].endpoint, "/crm?sslmode=require",
        ])
      },
    )
  }
}

resource "aws_iam_role" "lambda" {
  for_each = local.lambda
  name     = "${var.name}-lambda"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "lambda" {
  for_each   = local.lambda
  role       = aws_iam_role.lambda[each.key].name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}

resource "aws_iam_role_policy" "lambda" {
  for_each = local.lambda
  role     = aws_iam_role.lambda[each.key].id
  policy   = aws_iam_role_policy.task.policy
}

resource "aws_apigatewayv2_api" "of" {
  for_each                     = local.lambda
  name                         = var.name
  protocol_type                = "HTTP"
  disable_execute_api_endpoint = true
}

resource "aws_apigatewayv2_integration" "of" {
  for_each               = local.lambda
  api_id                 = aws_apigatewayv2_api.of[each.key].id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.of[each.key].invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 30000
}

resource "aws_apigatewayv2_route" "of" {
  # checkov:skip=CKV_AWS_309:people sign in to the application, which decides who may do what
  for_each           = local.lambda
  api_id             = aws_apigatewayv2_api.of[each.key].id
  route_key          = "$default"
  target             = "integrations/${aws_apigatewayv2_integration.of[each.key].id}"
  authorization_type = "NONE"
}

resource "aws_cloudwatch_log_group" "lambda" {
  for_each          = local.lambda
  name              = "/${var.name}/api"
  retention_in_days = 400
  kms_key_id        = aws_kms_key.main.arn
}

resource "aws_apigatewayv2_stage" "of" {
  for_each    = local.lambda
  api_id      = aws_apigatewayv2_api.of[each.key].id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_burst_limit = 200
    throttling_rate_limit  = 100
  }

  # No path and no query: they would name records and what was searched for.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.lambda[each.key].arn
    format = jsonencode({
      request = "$context.requestId", status = "$context.status", ms = "$context.responseLatency"
    })
  }
}

resource "aws_lambda_permission" "of" {
  for_each      = local.lambda
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.of[each.key].function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.of[each.key].execution_arn}/*"
}

resource "aws_apigatewayv2_domain_name" "of" {
  for_each    = local.lambda
  domain_name = var.host_name

  domain_name_configuration {
    certificate_arn = aws_acm_certificate_validation.main.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "of" {
  for_each    = local.lambda
  api_id      = aws_apigatewayv2_api.of[each.key].id
  domain_name = aws_apigatewayv2_domain_name.of[each.key].id
  stage       = aws_apigatewayv2_stage.of[each.key].id
}

# It limits and keeps connections for environments that come and go, and shares none: the driver prepares its statements
# and sets the session up, which pins it.
resource "aws_db_proxy" "of" {
  for_each               = local.lambda
  name                   = var.name
  engine_family          = "POSTGRESQL"
  require_tls            = true
  idle_client_timeout    = 900
  role_arn               = aws_iam_role.proxy[each.key].arn
  vpc_subnet_ids         = [for subnet in aws_subnet.private : subnet.id]
  vpc_security_group_ids = [aws_security_group.proxy[each.key].id]

  auth {
    auth_scheme               = "SECRETS"
    secret_arn                = aws_secretsmanager_secret.proxy[each.key].arn
    iam_auth                  = "DISABLED"
    client_password_auth_type = "POSTGRES_SCRAM_SHA_256"
  }
}

resource "aws_db_proxy_default_target_group" "of" {
  for_each      = local.lambda
  db_proxy_name = aws_db_proxy.of[each.key].name

  connection_pool_config {
    max_connections_percent   = 60
    connection_borrow_timeout = 3
  }
}

resource "aws_db_proxy_target" "of" {
  for_each               = local.lambda
  db_proxy_name          = aws_db_proxy.of[each.key].name
  target_group_name      = aws_db_proxy_default_target_group.of[each.key].name
  db_instance_identifier = aws_db_instance.main.identifier
}

resource "aws_secretsmanager_secret" "proxy" {
  # checkov:skip=CKV2_AWS_57:the password of the application changes with crm db roles and an apply
  for_each                = local.lambda
  name                    = "${var.name}/proxy"
  kms_key_id              = aws_kms_key.main.arn
  recovery_window_in_days = 30
}

resource "aws_secretsmanager_secret_version" "proxy" {
  for_each  = local.lambda
  secret_id = aws_secretsmanager_secret.proxy[each.key].id
  secret_string = jsonencode({
    username = "crm_application", password = random_password.of["application"].result
  })
}

resource "aws_iam_role" "proxy" {
  for_each = local.lambda
  name     = "${var.name}-proxy"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "rds.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "proxy" {
  for_each = local.lambda
  role     = aws_iam_role.proxy[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = aws_secretsmanager_secret.proxy[each.key].arn
      },
      { Effect = "Allow", Action = "kms:Decrypt", Resource = aws_kms_key.main.arn },
    ]
  })
}

resource "aws_security_group" "proxy" {
  # checkov:skip=CKV2_AWS_5:the database proxy above has it, by the key of for_each
  for_each    = local.lambda
  name        = "${var.name}-proxy"
  description = "The database proxy, between the function and the database"
  vpc_id      = aws_vpc.main.id
}

resource "aws_vpc_security_group_ingress_rule" "proxy" {
  for_each                     = local.lambda
  security_group_id            = aws_security_group.proxy[each.key].id
  description                  = "From the function"
  referenced_security_group_id = aws_security_group.app.id
  from_port                    = 5432
  to_port                      = 5432
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "app_to_proxy" {
  for_each                     = local.lambda
  security_group_id            = aws_security_group.app.id
  description                  = "To the database proxy"
  referenced_security_group_id = aws_security_group.proxy[each.key].id
  from_port                    = 5432
  to_port                      = 5432
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "proxy" {
  for_each                     = local.lambda
  security_group_id            = aws_security_group.proxy[each.key].id
  description                  = "To the database"
  referenced_security_group_id = aws_security_group.database.id
  from_port                    = 5432
  to_port                      = 5432
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "database_from_proxy" {
  for_each                     = local.lambda
  security_group_id            = aws_security_group.database.id
  description                  = "From the database proxy"
  referenced_security_group_id = aws_security_group.proxy[each.key].id
  from_port                    = 5432
  to_port                      = 5432
  ip_protocol                  = "tcp"
}
