"""
The migration of the old Dataverse-style CRM: ten phases, nothing lost, reversible.

Owns the database schema `legacy` (staging, decisions, ledger, lineage) and writes into the tables of every other
package. Always true: each record of an export has exactly one outcome per unit, every row written leads back to the
records it came from, a phase is one transaction together with its ledger rows, and no value that is already here is
ever overwritten: what differs becomes a suggested change.

The rules are the contract of the export (docs/MIGRATION_GUIDE.md says them in tables).
"""
