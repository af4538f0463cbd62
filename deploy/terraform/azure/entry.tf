data "azurerm_dns_zone" "main" {
  name                = var.dns_zone
  resource_group_name = var.dns_resource_group
}

locals {
  label = trimsuffix(var.host_name, ".${var.dns_zone}")
}

resource "azurerm_dns_cname_record" "main" {
  name                = local.label
  zone_name           = data.azurerm_dns_zone.main.name
  resource_group_name = var.dns_resource_group
  ttl                 = 300
  record              = azurerm_container_app.of["app"].ingress[0].fqdn
}

resource "azurerm_dns_txt_record" "owner" {
  name                = "asuid.${local.label}"
  zone_name           = data.azurerm_dns_zone.main.name
  resource_group_name = var.dns_resource_group
  ttl                 = 300

  record {
    value = azurerm_container_app.of["app"].custom_domain_verification_id
  }
}

# The certificate that Azure makes and renews is bound by a command afterwards: docs/DEPLOYMENT.md.
resource "azurerm_container_app_custom_domain" "main" {
  name             = var.host_name
  container_app_id = azurerm_container_app.of["app"].id

  lifecycle {
    ignore_changes = [certificate_binding_type, container_app_environment_certificate_id]
  }

  depends_on = [azurerm_dns_txt_record.owner, azurerm_dns_cname_record.main]
}
