resource "google_monitoring_notification_channel" "email" {
  display_name = var.name
  type         = "email"
  labels       = { email_address = var.alarm_email }
  depends_on   = [google_project_service.used]
}

locals {
  service  = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${var.name}-app\""
  instance = "resource.type = \"cloudsql_database\" AND resource.labels.database_id = \"${var.project}:${var.name}-${var.size}\""
  alarms = {
    errors = {
      filter  = "${local.service} AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\""
      aligner = "ALIGN_RATE", threshold = 0.1, seconds = 300
    }
    slow = {
      filter  = "${local.service} AND metric.type = \"run.googleapis.com/request_latencies\""
      aligner = "ALIGN_PERCENTILE_95", threshold = 1000, seconds = 600
    }
    database-disk = {
      filter  = "${local.instance} AND metric.type = \"cloudsql.googleapis.com/database/disk/utilization\""
      aligner = "ALIGN_MEAN", threshold = 0.85, seconds = 600
    }
    database-cpu = {
      filter  = "${local.instance} AND metric.type = \"cloudsql.googleapis.com/database/cpu/utilization\""
      aligner = "ALIGN_MEAN", threshold = 0.85, seconds = 900
    }
    database-connections = {
      filter  = "${local.instance} AND metric.type = \"cloudsql.googleapis.com/database/postgresql/num_backends\""
      aligner = "ALIGN_MAX", threshold = 350, seconds = 600
    }
  }
}

resource "google_monitoring_alert_policy" "of" {
  for_each              = local.alarms
  display_name          = "${var.name}-${each.key}"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.email.id]

  conditions {
    display_name = each.key

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = "${each.value.seconds}s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = each.value.aligner
      }
    }
  }
}

resource "google_monitoring_uptime_check_config" "app" {
  display_name = "${var.name}-nobody-answers"
  timeout      = "10s"
  period       = "60s"

  http_check {
    path         = "/health/live"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type   = "uptime_url"
    labels = { host = var.host_name, project_id = var.project }
  }
}
