resource "google_service_account" "of" {
  for_each   = toset(["app", "schema"])
  account_id = "${var.name}-${each.key}"
}

locals {
  settings = merge({
    CRM_ENV          = "production"
    CRM_BASE_URL     = "https://${var.host_name}"
    CRM_HOST         = "0.0.0.0"
    CRM_LOG_FORMAT   = "json"
    CRM_PROXY_HOPS   = "2" # the load balancer and the front of Cloud Run
    CRM_DOCUMENTS    = "s3://${local.buckets["documents"]}/documents"
    AWS_ENDPOINT_URL = "https://storage.googleapis.com"
    AWS_REGION       = "auto"
  }, var.settings)
  served = nonsensitive(toset(keys(local.secret)))
}

resource "google_cloud_run_v2_service" "app" {
  name                = "${var.name}-app"
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  deletion_protection = true

  template {
    service_account                  = google_service_account.of["app"].email
    timeout                          = "60s"
    max_instance_request_concurrency = 80

    scaling {
      min_instance_count = local.of.app.copies
      max_instance_count = local.of.app.most
    }

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"

      network_interfaces {
        network    = google_compute_network.main.id
        subnetwork = google_compute_subnetwork.main.id
      }
    }

    containers {
      image = var.image
      args  = ["serve"]

      ports {
        container_port = 8000
      }

      resources {
        cpu_idle = false
        limits   = { cpu = local.of.app.cpu, memory = local.of.app.memory }
      }

      startup_probe {
        period_seconds    = 2
        failure_threshold = 60

        http_get {
          path = "/health/ready"
        }
      }

      liveness_probe {
        period_seconds = 10

        http_get {
          path = "/health/live"
        }
      }

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
          name = env.key

          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.of[env.key].secret_id
              version = "latest"
            }
          }
        }
      }
    }
  }

  depends_on = [google_secret_manager_secret_version.of, google_secret_manager_secret_iam_member.served]
}

# The load balancer comes without an account of its own; who may do what is the application's decision.
resource "google_cloud_run_v2_service_iam_member" "everybody" {
  # checkov:skip=CKV_GCP_102:people sign in to the application; the ingress above lets in the load balancer alone
  name     = google_cloud_run_v2_service.app.name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_worker_pool" "worker" {
  name                = "${var.name}-worker"
  location            = var.region
  deletion_protection = true

  scaling {
    manual_instance_count = local.of.worker.copies
  }

  template {
    service_account = google_service_account.of["app"].email

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"

      network_interfaces {
        network    = google_compute_network.main.id
        subnetwork = google_compute_subnetwork.main.id
      }
    }

    containers {
      image = var.image
      args  = ["worker"]

      resources {
        limits = { cpu = local.of.worker.cpu, memory = local.of.worker.memory }
      }

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
          name = env.key

          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.of[env.key].secret_id
              version = "latest"
            }
          }
        }
      }
    }
  }

  depends_on = [google_secret_manager_secret_version.of, google_secret_manager_secret_iam_member.served]
}

# Run once for each version, before the service: gcloud run jobs execute (docs/DEPLOYMENT.md).
resource "google_cloud_run_v2_job" "schema" {
  name                = "${var.name}-schema"
  location            = var.region
  deletion_protection = false

  template {
    template {
      service_account = google_service_account.of["schema"].email
      max_retries     = 3
      timeout         = "1800s"

      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"

        network_interfaces {
          network    = google_compute_network.main.id
          subnetwork = google_compute_subnetwork.main.id
        }
      }

      containers {
        image   = var.image
        command = ["/bin/sh", "-ec"]
        args    = ["crm db roles && crm db upgrade"]

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
            name = env.key

            value_source {
              secret_key_ref {
                secret  = google_secret_manager_secret.of[env.key].secret_id
                version = "latest"
              }
            }
          }
        }
      }
    }
  }

  depends_on = [google_secret_manager_secret_version.of, google_secret_manager_secret_iam_member.commands]
}
