terraform {
  required_version = ">= 1.10"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }

  # The state holds passwords: a bucket of its own, versioned; it is locked while somebody applies.
  # terraform init -backend-config=backend.hcl: bucket, prefix.
  backend "gcs" {}
}

provider "google" {
  project = var.project
  region  = var.region

  default_labels = { project = var.name }
}

locals {
  production = var.size == "production"

  # Billable: vCPU and GB seconds of the copies that run, hours of the instance (twice with a standby), GB of storage and
  # of backups, GB to the outside, requests and GB of the buckets, the rules of the load balancer.
  sizes = {
    small = {
      app      = { copies = 1, most = 1, cpu = "1", memory = "2Gi" }
      worker   = { copies = 1, cpu = "1", memory = "1Gi" }
      database = "db-custom-2-7680"
      storage  = 50
    }
    production = {
      app      = { copies = 3, most = 6, cpu = "2", memory = "4Gi" }
      worker   = { copies = 2, cpu = "1", memory = "2Gi" }
      database = "db-custom-4-16384"
      storage  = 200
    }
  }
  of = local.sizes[var.size]
}

resource "google_project_service" "used" {
  for_each = toset([
    "cloudkms", "compute", "dns", "monitoring", "run", "secretmanager", "servicenetworking", "sqladmin", "storage",
  ])
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}
