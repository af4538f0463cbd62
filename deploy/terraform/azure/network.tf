resource "azurerm_virtual_network" "main" {
  name                = var.name
  resource_group_name = azurerm_resource_group.main.name
  location            = var.region
  address_space       = ["10.40.0.0/16"]
}

locals {
  subnets = {
    app      = { range = "10.40.0.0/23", service = "Microsoft.App/environments" }
    database = { range = "10.40.2.0/24", service = "Microsoft.DBforPostgreSQL/flexibleServers" }
    private  = { range = "10.40.3.0/24", service = null }
  }
}

resource "azurerm_subnet" "of" {
  for_each             = local.subnets
  name                 = each.key
  resource_group_name  = azurerm_resource_group.main.name
  virtual_network_name = azurerm_virtual_network.main.name
  address_prefixes     = [each.value.range]
  service_endpoints    = each.key == "app" ? ["Microsoft.Storage"] : []

  dynamic "delegation" {
    for_each = each.value.service == null ? [] : [each.value.service]

    content {
      name = each.key

      service_delegation {
        name    = delegation.value
        actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
      }
    }
  }
}

resource "azurerm_network_security_group" "database" {
  name                = "${var.name}-database"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.region

  security_rule {
    name                       = "postgresql-from-the-app"
    priority                   = 100
    direction                  = "Inbound"
    access                     = "Allow"
    protocol                   = "Tcp"
    source_port_range          = "*"
    source_address_prefix      = local.subnets.app.range
    destination_port_range     = "5432"
    destination_address_prefix = local.subnets.database.range
  }

  # The server and its standby.
  security_rule {
    name                       = "among-themselves"
    priority                   = 110
    direction                  = "Inbound"
    access                     = "Allow"
    protocol                   = "*"
    source_port_range          = "*"
    source_address_prefix      = local.subnets.database.range
    destination_port_range     = "*"
    destination_address_prefix = local.subnets.database.range
  }

  security_rule {
    name                       = "nothing-else"
    priority                   = 4000
    direction                  = "Inbound"
    access                     = "Deny"
    protocol                   = "*"
    source_port_range          = "*"
    source_address_prefix      = "*"
    destination_port_range     = "*"
    destination_address_prefix = "*"
  }
}

resource "azurerm_network_security_group" "app" {
  name                = "${var.name}-app"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.region

  security_rule {
    name                       = "https"
    priority                   = 100
    direction                  = "Inbound"
    access                     = "Allow"
    protocol                   = "Tcp"
    source_port_range          = "*"
    source_address_prefix      = "Internet"
    destination_port_range     = "443"
    destination_address_prefix = local.subnets.app.range
  }
}

resource "azurerm_network_security_group" "private" {
  name                = "${var.name}-private"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.region
}

resource "azurerm_subnet_network_security_group_association" "of" {
  for_each = {
    app      = azurerm_network_security_group.app.id
    database = azurerm_network_security_group.database.id
    private  = azurerm_network_security_group.private.id
  }
  subnet_id                 = azurerm_subnet.of[each.key].id
  network_security_group_id = each.value
}

resource "azurerm_private_dns_zone" "database" {
  name                = "${var.name}.private.postgres.database.azure.com"
  resource_group_name = azurerm_resource_group.main.name
}

resource "azurerm_private_dns_zone_virtual_network_link" "database" {
  name                  = var.name
  resource_group_name   = azurerm_resource_group.main.name
  private_dns_zone_name = azurerm_private_dns_zone.database.name
  virtual_network_id    = azurerm_virtual_network.main.id
}
