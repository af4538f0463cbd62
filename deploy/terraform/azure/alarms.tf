resource "azurerm_monitor_action_group" "email" {
  name                = var.name
  resource_group_name = azurerm_resource_group.main.name
  short_name          = var.name

  email_receiver {
    name          = "alarms"
    email_address = var.alarm_email
  }
}

locals {
  app      = { id = azurerm_container_app.of["app"].id, space = "Microsoft.App/containerapps" }
  database = { id = azurerm_postgresql_flexible_server.main.id, space = "Microsoft.DBforPostgreSQL/flexibleServers" }
  alarms = {
    nobody-answers = {
      of = local.app, metric = "Replicas", statistic = "Minimum", operator = "LessThan", threshold = 1, window = "PT5M"
    }
    restarts = {
      of = local.app, metric = "RestartCount", statistic = "Maximum", operator = "GreaterThan", threshold = 3, window = "PT15M"
    }
    slow = {
      of     = local.app, metric = "ResponseTime", statistic = "Average", operator = "GreaterThan", threshold = 1000,
      window = "PT15M"
    }
    database-disk = {
      of     = local.database, metric = "storage_percent", statistic = "Maximum", operator = "GreaterThan", threshold = 85,
      window = "PT15M"
    }
    database-cpu = {
      of     = local.database, metric = "cpu_percent", statistic = "Average", operator = "GreaterThan", threshold = 85,
      window = "PT15M"
    }
    database-connections = {
      of     = local.database, metric = "active_connections", statistic = "Maximum", operator = "GreaterThan", threshold = 350,
      window = "PT15M"
    }
  }
}

resource "azurerm_monitor_metric_alert" "of" {
  for_each            = local.alarms
  name                = "${var.name}-${each.key}"
  resource_group_name = azurerm_resource_group.main.name
  scopes              = [each.value.of.id]
  frequency           = "PT5M"
  window_size         = each.value.window

  criteria {
    metric_namespace = each.value.of.space
    metric_name      = each.value.metric
    aggregation      = each.value.statistic
    operator         = each.value.operator
    threshold        = each.value.threshold
  }

  action {
    action_group_id = azurerm_monitor_action_group.email.id
  }
}
