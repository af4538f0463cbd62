resource "aws_kms_key" "main" {
  description             = "${var.name}: database, buckets, secrets and logs"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { Service = "logs.${var.region}.amazonaws.com" }
        Action    = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
        Resource  = "*"
        Condition = {
          ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:${var.region}:${local.account}:*" }
        }
      },
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
    ]
  })
}

# Letters and digits: they become part of addresses.
resource "random_password" "of" {
  for_each = toset(["admin", "owner", "operator", "application", "secret_key"])
  length   = 48
  special  = false
}

locals {
  address = {
    for role in ["owner", "operator", "application"] : role => join("", [
      "postgresql://crm_${role}:", random_password.of[role].result, "@", aws_db_instance.main.address,
      "/crm?sslmode=require",
    ])
  }
  # What every process is given, and what the task that moves the schema is given beside it.
  secret = merge(var.secret_settings, {
    CRM_DATABASE_URL = local.address["application"]
    CRM_SECRET_KEY   = random_password.of["secret_key"].result
  })
  secret_of_commands = {
    CRM_OWNER_DATABASE_URL    = local.address["owner"]
    CRM_OPERATOR_DATABASE_URL = local.address["operator"]
    CRM_ADMIN_DATABASE_URL = join("", [
      "postgresql://crm_admin:", random_password.of["admin"].result, "@", aws_db_instance.main.address,
      "/crm?sslmode=require",
    ])
  }
}

resource "aws_secretsmanager_secret" "settings" {
  # checkov:skip=CKV2_AWS_57:the key that seals documents is changed by CRM_MASTER_KEYS and crm secret rotate, not by time
  name                    = "${var.name}/settings"
  kms_key_id              = aws_kms_key.main.arn
  recovery_window_in_days = 30
}

resource "aws_secretsmanager_secret_version" "settings" {
  secret_id     = aws_secretsmanager_secret.settings.id
  secret_string = jsonencode(local.secret)
}

resource "aws_secretsmanager_secret" "commands" {
  # checkov:skip=CKV2_AWS_57:the passwords of the owner and the operator change with crm db roles and an apply
  name                    = "${var.name}/commands"
  kms_key_id              = aws_kms_key.main.arn
  recovery_window_in_days = 30
}

resource "aws_secretsmanager_secret_version" "commands" {
  secret_id     = aws_secretsmanager_secret.commands.id
  secret_string = jsonencode(local.secret_of_commands)
}
