# The same names in every cloud: an installation moves by its values.

variable "name" {
  description = "Begins the name of everything that is made."
  type        = string
  default     = "crm"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.name))
    error_message = "2 to 12 small letters and digits, a letter first: some names allow no more."
  }
}

variable "region" {
  description = "Where everything lies; one database a region."
  type        = string
}

variable "size" {
  description = "small: one copy of each, no standby. production: several, in several zones."
  type        = string
  default     = "small"

  validation {
    condition     = contains(["small", "production"], var.size)
    error_message = "small or production"
  }
}

variable "image" {
  description = "The image of the Dockerfile in a registry that this cloud may read, by digest: name@sha256:..."
  type        = string
}

variable "host_name" {
  description = "The name that people see, such as crm.example.org."
  type        = string
}

variable "dns_zone" {
  description = "The zone of that name, which is here already."
  type        = string
}

variable "alarm_email" {
  description = "Who is written to when something is wrong."
  type        = string
}

variable "backup_days" {
  description = "For how many days any moment of the database can be had back."
  type        = number
  default     = 35

  validation {
    condition     = var.backup_days >= 7 && var.backup_days <= 35
    error_message = "7 to 35 days: no cloud keeps more."
  }
}

variable "audit_lock_years" {
  description = "For how long nobody, the owner of the account included, can remove a root of the audit trail."
  type        = number
  default     = 6
}

variable "settings" {
  description = "More settings of docs/QUICKSTART.md that are no secrets, such as CRM_SMTP_HOST."
  type        = map(string)
  default     = {}
}

variable "secret_settings" {
  description = "More settings that are secrets, such as CRM_SMTP_PASSWORD. They lie in the state as well."
  type        = map(string)
  default     = {}
  sensitive   = true
}
