data "google_dns_managed_zone" "main" {
  name = var.dns_zone
}

resource "google_compute_global_address" "entry" {
  name       = "${var.name}-entry"
  depends_on = [google_project_service.used]
}

resource "google_dns_record_set" "main" {
  managed_zone = data.google_dns_managed_zone.main.name
  name         = "${var.host_name}."
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_global_address.entry.address]
}

resource "google_compute_managed_ssl_certificate" "main" {
  name = var.name

  managed {
    domains = [var.host_name]
  }
}

resource "google_compute_ssl_policy" "main" {
  name            = var.name
  profile         = "RESTRICTED"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_region_network_endpoint_group" "app" {
  name                  = "${var.name}-app"
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = google_cloud_run_v2_service.app.name
  }
}

# By address: far more than an office does, and an end to a flood before it costs the application anything.
resource "google_compute_security_policy" "main" {
  name = var.name

  rule {
    action   = "deny(403)"
    priority = 100

    match {
      expr {
        expression = "evaluatePreconfiguredWaf('cve-canary')"
      }
    }
  }

  rule {
    action   = "throttle"
    priority = 2147483647

    match {
      versioned_expr = "SRC_IPS_V1"

      config {
        src_ip_ranges = ["*"]
      }
    }

    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"

      rate_limit_threshold {
        count        = 6000
        interval_sec = 60
      }
    }
  }
}

resource "google_compute_backend_service" "app" {
  name                  = "${var.name}-app"
  protocol              = "HTTPS"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  security_policy       = google_compute_security_policy.main.id

  backend {
    group = google_compute_region_network_endpoint_group.app.id
  }
}

resource "google_compute_url_map" "main" {
  name            = var.name
  default_service = google_compute_backend_service.app.id
}

resource "google_compute_target_https_proxy" "main" {
  name             = var.name
  url_map          = google_compute_url_map.main.id
  ssl_certificates = [google_compute_managed_ssl_certificate.main.id]
  ssl_policy       = google_compute_ssl_policy.main.id
}

resource "google_compute_global_forwarding_rule" "https" {
  name                  = "${var.name}-https"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.entry.id
  port_range            = "443"
  target                = google_compute_target_https_proxy.main.id
}
