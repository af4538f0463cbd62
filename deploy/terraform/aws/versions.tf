terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }

  # The state holds passwords: a bucket of its own, encrypted and versioned, and locked while somebody applies.
  # terraform init -backend-config=backend.hcl: bucket, key, region.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { project = var.name }
  }
}

data "aws_availability_zones" "here" {
  # checkov:skip=CKV_AWS_394:the first two or three by name are taken, so that a new zone changes nothing
  state = "available"
}

data "aws_caller_identity" "me" {}

locals {
  production = var.size == "production"
  zones      = slice(data.aws_availability_zones.here.names, 0, local.production ? 3 : 2)
  account    = data.aws_caller_identity.me.account_id

  # Billable: hours of tasks (vCPU and GB) and of the instance, GB of storage, of backups over one database's size, of
  # traffic through the gateways to the outside, requests and GB of the buckets, hours of the load balancer.
  sizes = {
    small = {
      app          = { copies = 1, most = 1, cpu = 1024, memory = 2048 }
      worker       = { copies = 1, cpu = 512, memory = 1024 }
      database     = "db.t4g.medium"
      storage      = 50
      storage_most = 200
    }
    production = {
      app          = { copies = 3, most = 6, cpu = 2048, memory = 4096 }
      worker       = { copies = 2, cpu = 1024, memory = 2048 }
      database     = "db.m7g.xlarge"
      storage      = 200
      storage_most = 2000
    }
  }
  of = local.sizes[var.size]
}
