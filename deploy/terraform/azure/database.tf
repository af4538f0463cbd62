resource "azurerm_postgresql_flexible_server" "main" {
  # checkov:skip=CKV2_AZURE_57:it lies in a subnet of its own, which is the other of the two private ways
  # checkov:skip=CKV_AZURE_136:one region keeps its data; a copy in another is a decision about residency
  name                = "${var.name}-${var.size}"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.region
  version             = "18"

  sku_name          = local.of.database
  storage_mb        = local.of.storage
  auto_grow_enabled = true

  administrator_login    = "crm_admin"
  administrator_password = random_password.of["admin"].result

  delegated_subnet_id           = azurerm_subnet.of["database"].id
  private_dns_zone_id           = azurerm_private_dns_zone.database.id
  public_network_access_enabled = false

  backup_retention_days        = var.backup_days
  geo_redundant_backup_enabled = false
  zone                         = "1"

  dynamic "high_availability" {
    for_each = local.production ? [1] : []

    content {
      mode                      = "ZoneRedundant"
      standby_availability_zone = "2"
    }
  }

  maintenance_window {
    day_of_week  = 0
    start_hour   = 2
    start_minute = 30
  }

  lifecycle {
    prevent_destroy = true
    # After a failover the two have changed places.
    ignore_changes = [zone, high_availability[0].standby_availability_zone]
  }

  depends_on = [azurerm_private_dns_zone_virtual_network_link.database]
}

resource "azurerm_postgresql_flexible_server_configuration" "of" {
  for_each = {
    require_secure_transport          = "on"
    max_connections                   = "400"
    log_connections                   = "on"
    log_min_duration_statement        = "1000"
    log_parameter_max_length          = "0"
    log_parameter_max_length_on_error = "0"
  }
  server_id = azurerm_postgresql_flexible_server.main.id
  name      = each.key
  value     = each.value
}

resource "azurerm_postgresql_flexible_server_database" "crm" {
  name      = "crm"
  server_id = azurerm_postgresql_flexible_server.main.id
  collation = "C.UTF-8"
  charset   = "UTF8"
}
