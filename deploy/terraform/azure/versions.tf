terraform {
  required_version = ">= 1.10"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.40"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }

  # The state holds passwords: a storage account of its own, versioned; its blob is leased while somebody applies.
  # terraform init -backend-config=backend.hcl: resource_group_name, storage_account_name, container_name, key.
  backend "azurerm" {
    use_azuread_auth = true
  }
}

provider "azurerm" {
  subscription_id = var.subscription

  features {
    key_vault {
      purge_soft_delete_on_destroy = false
    }
  }
}

data "azurerm_client_config" "me" {}

resource "azurerm_resource_group" "main" {
  name     = var.name
  location = var.region
}

locals {
  production = var.size == "production"

  # Billable: vCPU and GB seconds of the copies that run, hours of the server (twice with a standby), GB of storage and of
  # backups, GB to the outside, GB and requests of the share and of the container, secrets that are read.
  sizes = {
    small = {
      app      = { copies = 1, most = 1, cpu = 1, memory = "2Gi" }
      worker   = { copies = 1, cpu = 0.5, memory = "1Gi" }
      database = "GP_Standard_D2ds_v5"
      storage  = 65536
    }
    production = {
      app      = { copies = 3, most = 6, cpu = 2, memory = "4Gi" }
      worker   = { copies = 2, cpu = 1, memory = "2Gi" }
      database = "GP_Standard_D4ds_v5"
      storage  = 262144
    }
  }
  of = local.sizes[var.size]
}
