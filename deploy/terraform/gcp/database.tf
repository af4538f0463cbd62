resource "google_sql_database_instance" "main" {
  # checkov:skip=CKV_GCP_6:ssl_mode below refuses what is not encrypted; the check knows the older name of it alone
  # checkov:skip=CKV_GCP_108:addresses of a private network say as much, and names would be asked for at each connection
  # checkov:skip=CKV_GCP_110:who read and changed what is in the audit trail of the product, which the database keeps
  # checkov:skip=CKV_GCP_57:slow statements are logged, and no value of theirs
  # checkov:skip=CKV2_GCP_13:slow statements are logged with what they took; every statement's would fill the disk
  name             = "${var.name}-${var.size}"
  database_version = "POSTGRES_18"
  region           = var.region

  encryption_key_name = google_kms_crypto_key.main.id
  deletion_protection = true

  settings {
    tier              = local.of.database
    edition           = "ENTERPRISE"
    availability_type = local.production ? "REGIONAL" : "ZONAL"
    disk_type         = "PD_SSD"
    disk_size         = local.of.storage
    disk_autoresize   = true

    deletion_protection_enabled = true

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.main.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled                        = true
      start_time                     = "01:00"
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = var.backup_days
      }
    }

    maintenance_window {
      day  = 7
      hour = 2
    }

    insights_config {
      query_insights_enabled  = true
      record_application_tags = false
      record_client_address   = false
    }

    database_flags {
      name  = "max_connections"
      value = "400"
    }

    database_flags {
      name  = "log_connections"
      value = "on"
    }

    database_flags {
      name  = "log_disconnections"
      value = "on"
    }

    database_flags {
      name  = "log_checkpoints"
      value = "on"
    }

    database_flags {
      name  = "log_lock_waits"
      value = "on"
    }

    database_flags {
      name  = "log_min_duration_statement"
      value = "1000"
    }

    database_flags {
      name  = "log_parameter_max_length"
      value = "0"
    }

    database_flags {
      name  = "log_parameter_max_length_on_error"
      value = "0"
    }

    database_flags {
      name  = "log_min_error_statement"
      value = "error"
    }

    database_flags {
      name  = "log_min_messages"
      value = "error"
    }

    database_flags {
      name  = "log_statement"
      value = "ddl"
    }
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_service_networking_connection.database, google_kms_crypto_key_iam_member.used_by]
}

resource "google_sql_database" "crm" {
  name     = "crm"
  instance = google_sql_database_instance.main.name
}

resource "google_sql_user" "admin" {
  name     = "crm_admin"
  instance = google_sql_database_instance.main.name
  password = random_password.of["admin"].result
}
