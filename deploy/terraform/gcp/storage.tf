locals {
  buckets = { documents = "${var.name}-documents-${var.project}", audit = "${var.name}-audit-${var.project}" }
}

resource "google_storage_bucket" "of" {
  # checkov:skip=CKV_GCP_62:every request for a document is on record in the audit trail of the product, with its reason
  for_each                    = local.buckets
  name                        = each.value
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true
  }

  encryption {
    default_kms_key_name = google_kms_crypto_key.main.id
  }

  # What was removed can be had back as long as the database can.
  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      days_since_noncurrent_time = var.backup_days
    }
  }

  # Roots of the audit trail: nobody takes one away before its time.
  dynamic "retention_policy" {
    for_each = each.key == "audit" ? [1] : []

    content {
      is_locked        = true
      retention_period = var.audit_lock_years * 366 * 86400
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.used_by]
}

# The product speaks with its store as with S3; these keys are for that.
resource "google_storage_hmac_key" "documents" {
  service_account_email = google_service_account.of["app"].email
}

resource "google_storage_bucket_iam_member" "documents" {
  bucket = google_storage_bucket.of["documents"].name
  role   = "roles/storage.objectUser"
  member = "serviceAccount:${google_service_account.of["app"].email}"
}

resource "google_storage_bucket_iam_member" "audit" {
  bucket = google_storage_bucket.of["audit"].name
  role   = "roles/storage.objectCreator"
  member = "serviceAccount:${google_service_account.of["app"].email}"
}
