# Azure's object store does not speak S3, so documents lie in a share that every copy mounts; their content is sealed by
# the product before it gets there. The roots of the audit trail lie in a container that nobody can empty.
resource "azurerm_storage_account" "main" {
  # checkov:skip=CKV2_AZURE_41:sas_policy below has it, in the words of the present provider
  # checkov:skip=CKV_AZURE_33:there is no queue in it
  # checkov:skip=CKV_AZURE_59:the network rules below let in the network of the app alone
  # checkov:skip=CKV2_AZURE_1:what is in it is sealed by the product with keys of its own, the documents each by another
  # checkov:skip=CKV2_AZURE_40:a share is mounted by the key of the account
  # checkov:skip=CKV2_AZURE_33:the share is mounted from the network that the rules below name
  name                            = "${var.name}${substr(sha256(var.subscription), 0, 10)}"
  resource_group_name             = azurerm_resource_group.main.name
  location                        = var.region
  account_kind                    = "StorageV2"
  account_tier                    = "Standard"
  account_replication_type        = local.production ? "ZRS" : "LRS"
  min_tls_version                 = "TLS1_2"
  https_traffic_only_enabled      = true
  allow_nested_items_to_be_public = false
  local_user_enabled              = false

  blob_properties {
    versioning_enabled = true

    delete_retention_policy {
      days = var.backup_days
    }

    container_delete_retention_policy {
      days = var.backup_days
    }
  }

  share_properties {
    retention_policy {
      days = var.backup_days
    }
  }

  sas_policy {
    expiration_period = "01.00:00:00"
    expiration_action = "Log"
  }

  network_rules {
    default_action             = "Deny"
    bypass                     = ["AzureServices"]
    virtual_network_subnet_ids = [azurerm_subnet.of["app"].id]
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "azurerm_storage_share" "documents" {
  name               = "documents"
  storage_account_id = azurerm_storage_account.main.id
  quota              = local.production ? 1024 : 100
}

resource "azurerm_storage_container" "audit" {
  # checkov:skip=CKV2_AZURE_21:what is written there is read by nobody but who checks it
  name                  = "audit"
  storage_account_id    = azurerm_storage_account.main.id
  container_access_type = "private"
}

# Roots of the audit trail: nobody takes one away before its time.
resource "azurerm_storage_container_immutability_policy" "audit" {
  storage_container_resource_manager_id = azurerm_storage_container.audit.id
  immutability_period_in_days           = var.audit_lock_years * 366
  locked                                = true
}

resource "azurerm_role_assignment" "audit" {
  scope                = azurerm_storage_container.audit.id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = azurerm_user_assigned_identity.of["app"].principal_id
}
