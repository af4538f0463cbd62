data "google_project" "main" {}

data "google_storage_project_service_account" "main" {}

resource "google_project_service_identity" "database" {
  service = "sqladmin.googleapis.com"
}

resource "google_kms_key_ring" "main" {
  name       = var.name
  location   = var.region
  depends_on = [google_project_service.used]
}

resource "google_kms_crypto_key" "main" {
  name            = var.name
  key_ring        = google_kms_key_ring.main.id
  rotation_period = "7776000s"

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_member" "used_by" {
  for_each = {
    database = "serviceAccount:${google_project_service_identity.database.email}"
    buckets  = "serviceAccount:${data.google_storage_project_service_account.main.email_address}"
  }
  crypto_key_id = google_kms_crypto_key.main.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
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
      "postgresql://crm_${role}:", random_password.of[role].result, "@",
      google_sql_database_instance.main.private_ip_address, "/crm?sslmode=require",
    ])
  }
  # What every process is given, and what the job that moves the schema is given beside it.
  secret = merge(var.secret_settings, {
    CRM_DATABASE_URL      = local.address["application"]
    CRM_SECRET_KEY        = random_password.of["secret_key"].result
    AWS_ACCESS_KEY_ID     = google_storage_hmac_key.documents.access_id
    AWS_SECRET_ACCESS_KEY = google_storage_hmac_key.documents.secret
  })
  secret_of_commands = {
    CRM_OWNER_DATABASE_URL    = local.address["owner"]
    CRM_OPERATOR_DATABASE_URL = local.address["operator"]
    CRM_ADMIN_DATABASE_URL    = local.address["admin"]
  }
  secret_names = nonsensitive(toset(concat(keys(local.secret), keys(local.secret_of_commands))))
}

resource "google_secret_manager_secret" "of" {
  for_each  = local.secret_names
  secret_id = "${var.name}-${lower(replace(each.key, "_", "-"))}"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }
}

resource "google_secret_manager_secret_version" "of" {
  for_each    = local.secret_names
  secret      = google_secret_manager_secret.of[each.key].id
  secret_data = merge(local.secret, local.secret_of_commands)[each.key]
}

# The job alone reads where the owner logs in.
resource "google_secret_manager_secret_iam_member" "served" {
  for_each  = nonsensitive(toset(keys(local.secret)))
  secret_id = google_secret_manager_secret.of[each.key].id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.of["app"].email}"
}

resource "google_secret_manager_secret_iam_member" "commands" {
  for_each  = local.secret_names
  secret_id = google_secret_manager_secret.of[each.key].id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.of["schema"].email}"
}
