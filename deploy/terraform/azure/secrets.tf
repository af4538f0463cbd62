resource "azurerm_user_assigned_identity" "of" {
  for_each            = toset(["app", "schema"])
  name                = "${var.name}-${each.key}"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.region
}

# Letters and digits: they become part of addresses.
resource "random_password" "of" {
  for_each = toset(["admin", "owner", "operator", "application", "secret_key"])
  length   = 48
  special  = false
}

locals {
  address = {
    for role in ["admin", "owner", "operator", "application"] : role => join("", [
      "postgresql://crm_${role}:", random_password.of[role].result, "@", azurerm_postgresql_flexible_server.main.fqdn,
      "/crm?sslmode=require",
    ])
  }
  # What every process is given, and what the job that moves the schema is given beside it.
  secret = merge(var.secret_settings, {
    CRM_DATABASE_URL = local.address["application"]
    CRM_SECRET_KEY   = random_password.of["secret_key"].result
  })
  secret_of_commands = {
    CRM_OWNER_DATABASE_URL    = local.address["owner"]
    CRM_OPERATOR_DATABASE_URL = local.address["operator"]
    CRM_ADMIN_DATABASE_URL    = local.address["admin"]
  }
  served       = nonsensitive(toset(keys(local.secret)))
  secret_names = nonsensitive(toset(concat(keys(local.secret), keys(local.secret_of_commands))))
}

# Two vaults: the one of the commands is read by the job alone.
resource "azurerm_key_vault" "of" {
  # checkov:skip=CKV2_AZURE_32:the endpoints stand below, one for each vault of for_each
  for_each                      = toset(["app", "schema"])
  name                          = "${var.name}-${each.key}-${substr(sha256(var.subscription), 0, 6)}"
  resource_group_name           = azurerm_resource_group.main.name
  location                      = var.region
  tenant_id                     = data.azurerm_client_config.me.tenant_id
  sku_name                      = "standard"
  rbac_authorization_enabled    = true
  purge_protection_enabled      = true
  soft_delete_retention_days    = 90
  public_network_access_enabled = false

  network_acls {
    default_action = "Deny"
    bypass         = "AzureServices"
  }
}

# What applies this comes from within the network too: the vaults answer nobody else.
resource "azurerm_private_dns_zone" "vault" {
  name                = "privatelink.vaultcore.azure.net"
  resource_group_name = azurerm_resource_group.main.name
}

resource "azurerm_private_dns_zone_virtual_network_link" "vault" {
  name                  = "${var.name}-vault"
  resource_group_name   = azurerm_resource_group.main.name
  private_dns_zone_name = azurerm_private_dns_zone.vault.name
  virtual_network_id    = azurerm_virtual_network.main.id
}

resource "azurerm_private_endpoint" "vault" {
  for_each            = toset(["app", "schema"])
  name                = "${var.name}-vault-${each.key}"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.region
  subnet_id           = azurerm_subnet.of["private"].id

  private_service_connection {
    name                           = each.key
    private_connection_resource_id = azurerm_key_vault.of[each.key].id
    subresource_names              = ["vault"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "vault"
    private_dns_zone_ids = [azurerm_private_dns_zone.vault.id]
  }
}

resource "azurerm_key_vault_secret" "of" {
  # checkov:skip=CKV_AZURE_41:an address of the database that ends by itself would end the service; an apply changes it
  for_each     = local.secret_names
  name         = lower(replace(each.key, "_", "-"))
  value        = merge(local.secret, local.secret_of_commands)[each.key]
  content_type = "text/plain"
  key_vault_id = azurerm_key_vault.of[contains(local.served, each.key) ? "app" : "schema"].id
}

resource "azurerm_role_assignment" "secrets" {
  for_each = {
    app-app       = { vault = "app", identity = "app" }
    schema-app    = { vault = "app", identity = "schema" }
    schema-schema = { vault = "schema", identity = "schema" }
  }
  scope                = azurerm_key_vault.of[each.value.vault].id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.of[each.value.identity].principal_id
}
