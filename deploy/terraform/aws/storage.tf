locals {
  buckets = { documents = "${var.name}-documents-${local.account}", audit = "${var.name}-audit-${local.account}" }
}

resource "aws_s3_bucket" "of" {
  # checkov:skip=CKV_AWS_18:every request for a document is on record in the audit trail of the product, with its reason
  # checkov:skip=CKV_AWS_144:one region keeps its data; a copy in another is a decision about residency
  # checkov:skip=CKV2_AWS_62:nothing waits for what happens in the buckets
  for_each            = local.buckets
  bucket              = each.value
  object_lock_enabled = true
}

resource "aws_s3_bucket_versioning" "of" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.of[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "of" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.of[each.key].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.main.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "of" {
  for_each                = local.buckets
  bucket                  = aws_s3_bucket.of[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "of" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.of[each.key].id

  rule {
    id     = "unfinished"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    # What was removed can be had back as long as the database can.
    noncurrent_version_expiration {
      noncurrent_days = var.backup_days
    }
  }
}

resource "aws_s3_bucket_policy" "of" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.of[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyByTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.of[each.key].arn, "${aws_s3_bucket.of[each.key].arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

# Roots of the audit trail: nobody takes one away before its time.
resource "aws_s3_bucket_object_lock_configuration" "audit" {
  bucket = aws_s3_bucket.of["audit"].id

  rule {
    default_retention {
      mode  = "COMPLIANCE"
      years = var.audit_lock_years
    }
  }

  depends_on = [aws_s3_bucket_versioning.of]
}
