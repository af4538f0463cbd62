resource "azurerm_log_analytics_workspace" "main" {
  name                = var.name
  resource_group_name = azurerm_resource_group.main.name
  location            = var.region
  retention_in_days   = 400
}

resource "azurerm_container_app_environment" "main" {
  name                           = var.name
  resource_group_name            = azurerm_resource_group.main.name
  location                       = var.region
  infrastructure_subnet_id       = azurerm_subnet.of["app"].id
  log_analytics_workspace_id     = azurerm_log_analytics_workspace.main.id
  zone_redundancy_enabled        = local.production
  internal_load_balancer_enabled = false

  workload_profile {
    name                  = "Consumption"
    workload_profile_type = "Consumption"
  }
}

resource "azurerm_container_app_environment_storage" "documents" {
  name                         = "documents"
  container_app_environment_id = azurerm_container_app_environment.main.id
  account_name                 = azurerm_storage_account.main.name
  access_key                   = azurerm_storage_account.main.primary_access_key
  share_name                   = azurerm_storage_share.documents.name
  access_mode                  = "ReadWrite"
}

locals {
  settings = merge({
    CRM_ENV        = "production"
    CRM_BASE_URL   = "https://${var.host_name}"
    CRM_HOST       = "0.0.0.0"
    PORT           = "8000"
    CRM_LOG_FORMAT = "json"
    CRM_PROXY_HOPS = "1"
    CRM_DOCUMENTS  = "/documents"
  }, var.settings)

  processes = {
    app    = { command = "serve", copies = local.of.app.copies, most = local.of.app.most, size = local.of.app }
    worker = { command = "worker", copies = local.of.worker.copies, most = local.of.worker.copies, size = local.of.worker }
  }
}

resource "azurerm_container_app" "of" {
  for_each                     = local.processes
  name                         = "${var.name}-${each.key}"
  resource_group_name          = azurerm_resource_group.main.name
  container_app_environment_id = azurerm_container_app_environment.main.id
  revision_mode                = "Single"
  workload_profile_name        = "Consumption"

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.of["app"].id]
  }

  dynamic "secret" {
    for_each = local.served

    content {
      name                = lower(replace(secret.value, "_", "-"))
      key_vault_secret_id = azurerm_key_vault_secret.of[secret.value].versionless_id
      identity            = azurerm_user_assigned_identity.of["app"].id
    }
  }

  dynamic "ingress" {
    for_each = each.key == "app" ? [1] : []

    content {
      external_enabled           = true
      allow_insecure_connections = false
      target_port                = 8000
      transport                  = "auto"

      traffic_weight {
        latest_revision = true
        percentage      = 100
      }
    }
  }

  template {
    min_replicas = each.value.copies
    max_replicas = each.value.most

    container {
      name   = each.key
      image  = var.image
      args   = [each.value.command]
      cpu    = each.value.size.cpu
      memory = each.value.size.memory

      dynamic "env" {
        for_each = local.settings

        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.served

        content {
          name        = env.key
          secret_name = lower(replace(env.value, "_", "-"))
        }
      }

      dynamic "liveness_probe" {
        for_each = each.key == "app" ? [1] : []

        content {
          transport        = "HTTP"
          port             = 8000
          path             = "/health/live"
          interval_seconds = 10
        }
      }

      dynamic "readiness_probe" {
        for_each = each.key == "app" ? [1] : []

        content {
          transport        = "HTTP"
          port             = 8000
          path             = "/health/ready"
          interval_seconds = 5
        }
      }

      volume_mounts {
        name = "documents"
        path = "/documents"
      }
    }

    volume {
      name          = "documents"
      storage_type  = "AzureFile"
      storage_name  = azurerm_container_app_environment_storage.documents.name
      mount_options = "uid=10001,gid=10001,dir_mode=0700,file_mode=0600,nobrl"
    }

    dynamic "http_scale_rule" {
      for_each = each.key == "app" ? [1] : []

      content {
        name                = "requests"
        concurrent_requests = "40"
      }
    }
  }

  depends_on = [azurerm_role_assignment.secrets]
}

# Run once for each version, before the app: az containerapp job start (docs/DEPLOYMENT.md).
resource "azurerm_container_app_job" "schema" {
  name                         = "${var.name}-schema"
  resource_group_name          = azurerm_resource_group.main.name
  location                     = var.region
  container_app_environment_id = azurerm_container_app_environment.main.id
  replica_timeout_in_seconds   = 1800
  replica_retry_limit          = 3
  workload_profile_name        = "Consumption"

  manual_trigger_config {
    parallelism              = 1
    replica_completion_count = 1
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.of["schema"].id]
  }

  dynamic "secret" {
    for_each = local.secret_names

    content {
      name                = lower(replace(secret.value, "_", "-"))
      key_vault_secret_id = azurerm_key_vault_secret.of[secret.value].versionless_id
      identity            = azurerm_user_assigned_identity.of["schema"].id
    }
  }

  template {
    container {
      name    = "schema"
      image   = var.image
      command = ["/bin/sh", "-ec"]
      args    = ["crm db roles && crm db upgrade"]
      cpu     = 0.5
      memory  = "1Gi"

      dynamic "env" {
        for_each = local.settings

        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.secret_names

        content {
          name        = env.key
          secret_name = lower(replace(env.value, "_", "-"))
        }
      }
    }
  }

  depends_on = [azurerm_role_assignment.secrets]
}
